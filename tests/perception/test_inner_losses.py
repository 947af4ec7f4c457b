"""Losses that are computed inside VGG19."""

from functools import partial

import pytest
import torch

from stylecore.perception.features import Vgg19Features
from stylecore.perception.inner_losses import measure_along, tap_gram_error
from stylecore.perception.losses import gram_error, gram_matrix


def test_each_layer_can_be_replaced_by_what_is_made_of_it_in_their_order():
    vgg = Vgg19Features(["relu2_1", "conv1_2", "relu1_1"])
    batch = torch.rand(1, 3, 32, 32)
    taps = {layer: lambda features: (features, features.mean().item()) for layer in vgg.layers}
    means = measure_along(vgg, batch, taps)
    assert list(means) == ["relu1_1", "conv1_2", "relu2_1"]
    assert means == {layer: features.mean().item() for layer, features in vgg(batch).items()}


def test_what_is_given_for_activations_goes_to_the_layers_behind():
    vgg = Vgg19Features(["conv1_2", "relu2_1"])
    taps = {layer: lambda features: (0 * features + 1, features) for layer in vgg.layers}
    found = measure_along(vgg, torch.rand(1, 3, 32, 32), taps)
    assert found["conv1_2"].std() > 0
    assert found["relu2_1"][:, :, 1:-1, 1:-1].std(dim=(2, 3)).max() < 1e-4


def test_backward_meets_the_loss_of_each_layer_beside_it():
    order = []

    def loss_of(layer, features):
        features.grad_fn.register_hook(lambda *_: order.append(layer))
        loss = features.mean()
        loss.grad_fn.register_hook(lambda *_: order.append(f"loss of {layer}"))
        return features, loss

    vgg = Vgg19Features(["relu1_1", "relu1_2", "relu2_1"])
    taps = {layer: partial(loss_of, layer) for layer in vgg.layers}
    sum(measure_along(vgg, torch.rand(1, 3, 32, 32, requires_grad=True), taps).values()).backward()
    layers = ["relu2_1", "relu1_2", "relu1_1"]
    assert order == [place for layer in layers for place in (f"loss of {layer}", layer)]


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.bfloat16])
def test_a_tap_adds_its_gradient_to_that_of_the_layers_behind(dtype, memory_format):
    values, target = torch.rand(2, 5, 6, 7).to(dtype), gram_matrix(torch.rand(1, 5, 6, 7))
    weighting = torch.randn(2, 5, 6, 7).to(dtype, memory_format=memory_format)
    features = values.clone(memory_format=memory_format).requires_grad_()
    (alone,) = torch.autograd.grad(gram_error(features, target).sum(), features)
    tapped, errors = tap_gram_error(features, target)
    assert torch.equal(tapped, values)
    (both,) = torch.autograd.grad((tapped * weighting).sum() + errors.sum(), features)
    assert both.is_contiguous(memory_format=memory_format)
    torch.testing.assert_close(both, alone + weighting)
    (untapped,) = torch.autograd.grad((tap_gram_error(features, target)[0] * weighting).sum(), features)
    assert torch.equal(untapped, weighting)
