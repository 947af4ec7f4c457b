"""Winograd's convolutions beside torch's own, values and gradients."""

import pytest
import torch
import torch.nn.functional as F

from stylecore.perception import winograd
from stylecore.perception.convolutions import FrozenConv3x3

DEEP = 512

# Odd sizes, smaller than a tile, and batches.
CASES = [
    (n, c, o, h, w, padding)
    for n, h, w in ((1, 32, 32), (3, 17, 30), (2, 3, 5))
    for c, o in ((5, 8), (6, DEEP))
    for padding in (0, 1)
] + [(1, 5, 8, 1, 9, 1), (1, 6, DEEP, 1, 9, 1)]


def make_convolution(channels: int, out_channels: int, padding: int = 1) -> FrozenConv3x3:
    torch.manual_seed(0)
    weight, bias = torch.randn(out_channels, channels, 3, 3), torch.randn(out_channels)
    return FrozenConv3x3(weight, bias, padding=padding)


def agree_with_torch(convolution: FrozenConv3x3, features: torch.Tensor) -> None:
    features.requires_grad_()
    found = convolution(features)
    weighting = torch.randn_like(found)
    (gradient,) = torch.autograd.grad((found * weighting).sum(), features)
    expected = F.conv2d(features, convolution.weight, convolution.bias, padding=convolution.padding)
    (expected_gradient,) = torch.autograd.grad((expected * weighting).sum(), features)
    for value, known in ((found, expected), (gradient, expected_gradient)):
        assert (value - known).norm() < 1e-5 * known.norm()


@pytest.mark.parametrize(("n", "c", "o", "h", "w", "padding"), CASES)
def test_values_and_gradients_are_those_of_the_plain_convolution(n, c, o, h, w, padding):
    agree_with_torch(make_convolution(c, o, padding), torch.randn(n, c, h, w))


def test_features_in_channels_last_order_give_the_same():
    convolution = make_convolution(4, 8)
    features = torch.randn(2, 4, 12, 13)
    reordered = features.contiguous(memory_format=torch.channels_last)
    assert torch.allclose(convolution(reordered), convolution(features), atol=1e-5)


def test_without_nnpack_the_plain_convolution_is_used(monkeypatch):
    convolution = make_convolution(4, 8)
    features = torch.randn(1, 4, 16, 16)
    fast = convolution(features)
    monkeypatch.setattr(winograd, "has_nnpack", lambda: False)
    plain = convolution(features)
    assert torch.equal(plain, F.conv2d(features, convolution.weight, convolution.bias, padding=1))
    assert torch.allclose(fast, plain, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize("rows", [1, 2, 5])
@pytest.mark.parametrize("out_channels", [8, DEEP])
def test_large_pictures_go_in_bands_without_seams(padding, rows, out_channels, monkeypatch):
    monkeypatch.setattr(winograd, "BAND", out_channels * rows * 12)
    convolution = make_convolution(4, out_channels, padding)
    bands = []
    by_nnpack = winograd._convolved
    monkeypatch.setattr(
        winograd, "_convolved", lambda band, *rest: bands.append(band.shape[2]) or by_nnpack(band, *rest)
    )
    agree_with_torch(convolution, torch.randn(2, 4, 17, 12))
    assert len(bands) > 4  # of values and gradients of two pictures
    assert max(bands) <= rows + 2 + 2 * (1 - padding)


def test_one_layer_serves_small_and_large_pictures():
    convolution = make_convolution(4, DEEP)
    for side in (16, 20, 16):
        agree_with_torch(convolution, torch.randn(1, 4, side, side))
