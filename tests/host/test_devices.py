import pytest
import torch

from stylecore.errors import DeviceError
from stylecore.host.devices import autocast_dtype, select_device

CPU = torch.device("cpu")


def test_auto_takes_what_starts(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert select_device("auto") == CPU
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert select_device("auto") == torch.device("cuda")


def test_cuda_that_does_not_start_is_an_error(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DeviceError, match="no CUDA device that starts"):
        select_device("cuda")


def test_another_device_is_refused():
    with pytest.raises(ValueError, match="device is 'gpu': use one of auto, cpu, cuda"):
        select_device("gpu")


@pytest.mark.parametrize("has_instructions", [False, True])
def test_auto_computes_in_16_bits_where_the_processor_does(monkeypatch, has_instructions):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: has_instructions)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    assert autocast_dtype(CPU, "auto") == (torch.bfloat16 if has_instructions else None)
    assert autocast_dtype(CPU, "mixed") == torch.bfloat16
    assert autocast_dtype(CPU, "float32") is None


def test_another_precision_is_refused():
    with pytest.raises(ValueError, match="precision is 'half': use auto, float32 or mixed"):
        autocast_dtype(CPU, "half")
