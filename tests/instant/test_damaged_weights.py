"""Files in `weights/` that are damaged, exchanged or missing: each is named, and the others still serve."""

import shutil

import pytest
import torch

from stylecore import FastStylizer, WeightsError
from stylecore.host.folders import WEIGHTS_FOLDER
from stylecore.instant import networks
from stylecore.perception.tensor_files import read_tensors, write_tensors
from stylecore.styles.catalog import ready_made_styles
from tests.conftest import make_photo

NETWORKS = ("collection.onnx", "painter.onnx", "fine.onnx")
STYLES = {"collection.onnx": ("ink", False), "painter.onnx": ("mosaic", False), "fine.onnx": ("ink", True)}


def damage(path):
    contents = bytearray(path.read_bytes())
    contents[len(contents) // 2] ^= 1
    path.write_bytes(contents)


@pytest.fixture
def weights_folder(tmp_path, monkeypatch):
    """A copy of the painting networks that tests may damage."""
    for name in NETWORKS:
        shutil.copyfile(WEIGHTS_FOLDER / name, tmp_path / name)
    monkeypatch.setattr(networks, "WEIGHTS_FOLDER", tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", NETWORKS)
def test_a_damaged_network_is_named_and_the_others_paint(weights_folder, name):
    damage(weights_folder / name)
    stylizer = FastStylizer("cpu")
    for model, (style, fine) in STYLES.items():
        if model == name:
            with pytest.raises(WeightsError, match=f"{name} is damaged"):
                stylizer.stylize(make_photo(40, 40), style, fine=fine)
        else:
            assert stylizer.stylize(make_photo(40, 40), style, fine=fine).size == (40, 40)


def test_an_exchanged_network_is_named(weights_folder):
    shutil.copyfile(WEIGHTS_FOLDER / "painter.onnx", weights_folder / "collection.onnx")
    with pytest.raises(WeightsError, match=r"collection\.onnx is damaged"):
        FastStylizer("cpu").stylize(make_photo(40, 40), "ink", fine=False)


def test_a_repaired_network_paints_without_a_new_start(weights_folder):
    (weights_folder / "painter.onnx").unlink()
    stylizer = FastStylizer("cpu")
    with pytest.raises(WeightsError, match=r"painter\.onnx is missing"):
        stylizer.stylize(make_photo(40, 40), "mosaic", fine=False)
    shutil.copyfile(WEIGHTS_FOLDER / "painter.onnx", weights_folder / "painter.onnx")
    assert stylizer.stylize(make_photo(40, 40), "mosaic", fine=False).size == (40, 40)


@pytest.mark.parametrize("name", ["vgg19.safetensors", "adain_decoder.safetensors"])
def test_damaged_weights_of_an_optimization_are_named(tmp_path, name):
    path = tmp_path / name
    for suffix in (".json", path.suffix):
        shutil.copyfile((WEIGHTS_FOLDER / name).with_suffix(suffix), path.with_suffix(suffix))
    damage(path)
    with pytest.raises(WeightsError, match=f"{name} is damaged"):
        read_tensors(path)


def test_tensors_stay_as_they_were_when_their_file_is_exchanged(tmp_path):
    path = tmp_path / "a.safetensors"
    write_tensors(path, {"ramp": torch.arange(100_000.0)}, {})
    tensors = read_tensors(path)
    with path.open("r+b") as file:  # as `cp` writes over a file that is there
        file.write(bytes(path.stat().st_size))
    assert torch.equal(tensors["ramp"], torch.arange(100_000.0))


def test_with_every_network_missing_the_first_is_named(weights_folder):
    for name in NETWORKS:
        (weights_folder / name).unlink()
    with pytest.raises(WeightsError, match=rf"{ready_made_styles()[0].model} is missing"):
        FastStylizer("cpu")
