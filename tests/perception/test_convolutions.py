"""Frozen convolutions in each precision: which way they go, and what holds for all of them."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from stylecore.perception import convolutions, packing, winograd
from stylecore.perception.convolutions import KERNELS, FrozenConv3x3, pays, plain_convolutions
from stylecore.perception.winograd import NnpackConvolution

DEEP = 512
PRECISIONS = [torch.float32, torch.bfloat16]


def make_convolution(
    channels: int, out_channels: int, dtype: torch.dtype = torch.float32, padding: int = 1
) -> FrozenConv3x3:
    torch.manual_seed(0)
    weight, bias = torch.randn(out_channels, channels, 3, 3), torch.randn(out_channels)
    return FrozenConv3x3(weight, bias, padding=padding).to(dtype)


def plain(convolution: FrozenConv3x3, features: torch.Tensor) -> torch.Tensor:
    return F.conv2d(features, convolution.weight, convolution.bias, padding=convolution.padding)


@pytest.mark.parametrize("dtype", PRECISIONS)
def test_plain_convolutions_can_be_had_for_comparison(dtype, monkeypatch):
    convolution = make_convolution(4, DEEP, dtype)
    features = torch.randn(1, 4, 16, 16, dtype=dtype)
    for kind in KERNELS:
        monkeypatch.setattr(kind, "convolve", lambda *_, **__: pytest.fail("not a plain convolution"))
    with plain_convolutions():
        assert torch.equal(convolution(features), plain(convolution, features))


def test_autocast_and_few_channels_stay_with_torch():
    narrow = make_convolution(3, 8, padding=0)
    features = torch.randn(1, 3, 16, 16)
    assert torch.equal(narrow(features), plain(narrow, features))
    convolution = make_convolution(4, 8)
    features = torch.randn(1, 4, 16, 16)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(convolution(features), plain(convolution, features))


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("way", ["fast", "plain"])
def test_a_rectified_convolution_is_one_with_a_relu_behind_it(dtype, way, monkeypatch):
    if way == "plain":
        monkeypatch.setattr(winograd, "has_nnpack", lambda: False)
        monkeypatch.setattr(packing, "has_onednn", lambda: False)
    convolution = make_convolution(4, 8, dtype)
    features = torch.randn(2, 4, 9, 11, dtype=dtype, requires_grad=True)
    outputs = [convolution(features, is_rectified=True), F.relu(convolution(features))]
    weighting = torch.randn_like(outputs[0])
    gradients = [torch.autograd.grad((output * weighting).sum(), features)[0] for output in outputs]
    assert 0.2 < (outputs[0] == 0).float().mean() < 0.8
    assert torch.equal(*outputs)
    assert torch.equal(*gradients)


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("out_channels", [8, DEEP])
def test_gradients_work_after_a_first_use_in_inference_mode(out_channels, dtype):
    convolution = make_convolution(4, out_channels, dtype)
    features = torch.randn(1, 4, 16, 16, dtype=dtype, requires_grad=True)
    with torch.inference_mode():
        convolution(features)
    convolution(features, is_rectified=True).sum().backward()
    assert features.grad.abs().sum() > 0


@pytest.mark.parametrize("dtype", PRECISIONS)
def test_several_threads_can_convolve_at_once(dtype):
    pictures = [torch.randn(1, 16, 64 + 8 * i, 48, dtype=dtype) for i in range(8)]
    expected = [make_convolution(16, 24, dtype)(picture) for picture in pictures]
    convolution = make_convolution(16, 24, dtype)
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            found = list(pool.map(convolution, pictures))
            assert all(torch.equal(*pair) for pair in zip(found, expected, strict=True))


@pytest.mark.parametrize("dtype", PRECISIONS)
def test_only_the_features_get_a_gradient(dtype):
    convolution = nn.Sequential(make_convolution(4, DEEP, dtype))
    convolution(torch.randn(1, 4, 8, 8, dtype=dtype, requires_grad=True)).sum().backward()
    assert all(parameter.grad is None for parameter in convolution.parameters())


@pytest.fixture
def unknown(monkeypatch):
    """No kernel has been timed in this process."""
    monkeypatch.setattr(convolutions, "_paying", {})
    monkeypatch.delenv(convolutions.VARIABLE)
    return monkeypatch


@pytest.mark.parametrize(("own_s", "is_used"), [(0.8, True), (1.0, False), (1.2, False)])
def test_a_kernel_is_used_where_it_wins_by_a_tenth(own_s, is_used, unknown):
    monkeypatch = unknown
    monkeypatch.setattr(convolutions, "time_alternately", lambda *_, **__: [[9, own_s], [1.0, 9]])
    assert pays(NnpackConvolution) == is_used
    convolution, features = make_convolution(4, 8), torch.randn(1, 4, 16, 16)
    calls = []
    convolve = NnpackConvolution.convolve
    monkeypatch.setattr(
        NnpackConvolution, "convolve", lambda *own, **flags: calls.append(1) or convolve(*own, **flags)
    )
    convolution(features)
    assert bool(calls) == (is_used and winograd.has_nnpack())


def test_a_kernel_is_timed_once_a_process(unknown):
    trials = []
    unknown.setattr(convolutions, "_wins_trial", lambda kind, shape: trials.append(kind) or len(trials) == 1)
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(pays, [NnpackConvolution] * 8))
    assert trials == [NnpackConvolution]


@pytest.mark.skipif(not winograd.has_nnpack(), reason="this torch or processor has no NNPACK")
def test_small_features_are_timed_by_their_own_shape(unknown):
    trials = []
    unknown.setattr(convolutions, "_wins_trial", lambda kind, shape: trials.append(shape) or True)
    convolution = make_convolution(4, 8)
    for height, width in ((48, 48), (16, 20), (48, 49), (300, 200), (16, 20)):
        convolution(torch.randn(1, 4, height, width))
    assert trials == [(8, 4, 48, 48), (8, 4, 16, 20), convolutions.USUAL_SHAPE]


@pytest.mark.parametrize(("choice", "is_used"), [("own", True), ("torch", False)])
def test_the_environment_chooses_without_timing(choice, is_used, unknown):
    unknown.setenv(convolutions.VARIABLE, choice)
    unknown.setattr(convolutions, "_wins_trial", lambda *_: pytest.fail("timed"))
    assert [pays(kind) for kind in KERNELS] == [is_used] * len(KERNELS)
    unknown.setattr(convolutions, "_paying", {})
    unknown.setenv(convolutions.VARIABLE, "fast")
    with pytest.raises(ValueError, match="'fast': use torch, own, or leave it unset"):
        pays(NnpackConvolution)


@pytest.mark.parametrize(
    "kind", [kind for kind in KERNELS if kind.is_for(*[torch.ones(4, 4, dtype=kind.dtype)] * 2)]
)
def test_a_trial_times_both_ways_in_inference_mode_too(kind):
    with torch.inference_mode():
        assert convolutions._wins_trial(kind) in (True, False)


def test_no_kernel_of_the_former_type_is_kept_after_a_conversion():
    convolution = make_convolution(4, 8)
    features = torch.randn(1, 4, 9, 11, requires_grad=True)
    convolution(features).sum().backward()
    network = nn.Sequential(convolution).to(torch.bfloat16)
    held = [value for value in vars(convolution).values() if value is not None]
    assert not any(isinstance(value, convolutions.Kernel) for value in held)
    converted = features.detach().bfloat16()
    assert torch.equal(network(converted), make_convolution(4, 8, torch.bfloat16)(converted))
