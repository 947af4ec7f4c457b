"""Packed convolutions beside torch's own in bfloat16, values and gradients."""

import pytest
import torch

from stylecore.perception import packing
from stylecore.perception.convolutions import FrozenConv3x3
from tests.perception.test_convolutions import make_convolution, plain

pytestmark = pytest.mark.skipif(not packing.has_onednn(), reason="needs a CPU with AVX-512")

CASES = [(n, c, o, padding) for n in (1, 3) for c, o in ((3, 8), (8, 3), (16, 512)) for padding in (0, 1)]


def with_gradient(outputs: torch.Tensor, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    weighting = torch.randn(outputs.shape, generator=generator).bfloat16()
    return outputs, *torch.autograd.grad((outputs * weighting).sum(), features)


@pytest.mark.parametrize(("n", "c", "o", "padding"), CASES)
def test_values_and_gradients_are_those_of_exact_sums(n, c, o, padding):
    convolution = make_convolution(c, o, torch.bfloat16, padding)
    features = torch.randn(n, c, 17, 30).bfloat16().requires_grad_()
    exact = FrozenConv3x3(convolution.weight.double(), convolution.bias.double(), padding=padding)
    same = features.detach().double().requires_grad_()
    found = with_gradient(convolution(features), features)
    expected = with_gradient(plain(exact, same), same)
    for value, known in zip(found, expected, strict=True):
        assert value.dtype == torch.bfloat16
        assert (value - known).norm() < 4e-3 * known.norm()  # bfloat16 has 8 bits


@pytest.mark.parametrize("is_rectified", [False, True])
def test_activations_and_gradients_stay_in_channels_last_order(is_rectified):
    convolution = make_convolution(16, 24, torch.bfloat16)
    orders = (torch.contiguous_format, torch.channels_last)
    values = torch.randn(2, 16, 12, 13).bfloat16()
    results = []
    for order in orders:
        features = values.clone(memory_format=order).requires_grad_()
        outputs = convolution(features, is_rectified=is_rectified)
        assert outputs.is_contiguous(memory_format=torch.channels_last)
        results.append(with_gradient(outputs, features))
    for first, second in zip(*results, strict=True):
        assert torch.equal(first, second)


def test_without_onednn_the_plain_convolution_is_used(monkeypatch):
    convolution = make_convolution(4, 8, torch.bfloat16)
    features = torch.randn(1, 4, 16, 16).bfloat16()
    packed = convolution(features)
    monkeypatch.setattr(packing, "has_onednn", lambda: False)
    monkeypatch.setattr(
        packing.PackedConvolution, "convolve", lambda *_, **__: pytest.fail("there is no oneDNN")
    )
    assert torch.equal(convolution(features), plain(convolution, features))
    assert torch.allclose(convolution(features), packed, rtol=1e-2, atol=1e-2)
