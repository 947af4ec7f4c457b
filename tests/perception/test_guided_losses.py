"""Losses of regions, by weights of the positions, against the formulas written out."""

import numpy as np
import pytest
import torch

from stylecore.perception.inner_losses import GRAM_PART, tap_gram_error
from stylecore.perception.losses import (
    covariance,
    feature_moments,
    feature_patches,
    gram_error,
    gram_matrix,
    matrix_root,
    patch_loss,
    position_weights,
    wasserstein_loss,
)

SIZE = (16, 17)


@pytest.fixture
def features() -> torch.Tensor:
    return torch.rand(1, 5, *SIZE)


@pytest.fixture
def soft() -> torch.Tensor:
    """A mask of another size than the features, with soft values, and zero in its right third."""
    mask = torch.rand(1, 1, 48, 51)
    mask[..., 34:] = 0
    return mask


def test_weights_are_the_mask_at_the_layer_s_size_with_mean_1(soft):
    cells = soft.numpy()[0, 0].reshape(16, 3, 17, 3).mean((1, 3))
    assert np.allclose(position_weights(soft, SIZE), (cells / cells.mean()).ravel(), atol=1e-5)


@pytest.mark.parametrize("statistics", [gram_matrix, feature_moments])
def test_a_mask_of_ones_changes_nothing(features, statistics):
    whole = position_weights(torch.ones(1, 1, *SIZE), SIZE)
    torch.testing.assert_close(statistics(features, whole), statistics(features))
    assert torch.equal(feature_patches(features, whole), feature_patches(features))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_guided_gram_matrix_agrees_with_the_dense_formula(features, soft, dtype):
    features = features.to(dtype)
    weights = position_weights(soft, SIZE)
    guided = features.double().numpy()[0].reshape(5, -1) * np.sqrt(weights.double().numpy())
    tolerance = 1e-5 if dtype == torch.float32 else 1e-2
    assert np.allclose(gram_matrix(features, weights)[0], guided @ guided.T / guided.size, rtol=tolerance)


def test_the_gram_matrices_of_two_parts_make_up_that_of_the_whole(features, soft):
    total = 0
    for mask in (soft, 1 - soft):
        total = total + mask.mean() * gram_matrix(features, position_weights(mask, SIZE))
    torch.testing.assert_close(total, gram_matrix(features))


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_taps_of_regions_add_the_gradients_of_the_dense_formula(features, soft, memory_format):
    targets = [gram_matrix(torch.rand(1, 5, 4, 4)) for _ in range(2)]
    regions = [position_weights(mask, SIZE) for mask in (soft, 1 - soft)]
    behind = torch.randn_like(features)
    own = features.clone(memory_format=memory_format).requires_grad_()
    tapped, errors = own * 1, []
    for target, weights in zip(targets, regions, strict=True):
        tapped, error = tap_gram_error(tapped, target, weights)
        errors.append(error)
    (found,) = torch.autograd.grad((tapped * behind).sum() + errors[0].sum() - 3 * errors[1].sum(), own)

    dense = features.clone().requires_grad_()
    expected = []
    for target, weights in zip(targets, regions, strict=True):
        flat = dense[0].flatten(1) * weights.sqrt()
        expected.append((flat @ flat.T / flat.numel() - target[0]).square().sum() / target.square().sum())
    loss = (dense * behind).sum() + expected[0] - 3 * expected[1]
    torch.testing.assert_close(torch.stack(errors)[:, 0], torch.stack(expected))
    torch.testing.assert_close(found, torch.autograd.grad(loss, dense)[0])


def test_positions_are_weighted_alike_in_every_part():
    side = int(GRAM_PART**0.5) + 20  # more than one part
    features, mask = torch.rand(2, 3, side, side), torch.rand(1, 1, side, side)
    weights = position_weights(mask, (side, side))
    flat = features.flatten(2) * weights.sqrt()
    torch.testing.assert_close(gram_matrix(features, weights), flat @ flat.mT / flat[0].numel())


def test_moments_of_a_region_agree_with_numpy(features, soft):
    weights = position_weights(soft, SIZE)
    flat = features[0].double().numpy().reshape(5, -1)
    mean, second_moment = feature_moments(features, weights)
    assert np.allclose(mean[0], np.average(flat, axis=1, weights=weights), atol=1e-5)
    expected = np.average(flat[:, None] * flat[None], axis=2, weights=weights)
    assert np.allclose(second_moment[0], expected, atol=1e-5)


@pytest.mark.parametrize("style_loss", ["gram", "wasserstein", "patches"])
def test_what_lies_outside_a_region_does_not_count(features, style_loss):
    left = torch.zeros(1, 1, *SIZE)
    left[..., :8] = 1
    weights, other = position_weights(left, SIZE), features.clone()
    other[..., 9:] = torch.rand(1, 5, 16, 8)  # patches at the border reach one position further
    losses = []
    for own in (features, other):
        if style_loss == "gram":
            losses.append(gram_error(own, gram_matrix(features, weights), weights))
        elif style_loss == "wasserstein":
            mean, second_moment = feature_moments(features, weights)
            losses.append(wasserstein_loss(own, mean, matrix_root(covariance(mean, second_moment)), weights))
        else:
            losses.append(patch_loss(own, feature_patches(features, weights), weights))
    assert [loss.item() for loss in losses] == pytest.approx([0, 0], abs=1e-4)


def test_patches_of_a_region_match_patches_of_the_same_region_alone():
    """Of two halves the left is known in the style's right half alone."""
    style, picture = torch.rand(1, 3, 8, 16), torch.rand(1, 3, 8, 16)
    picture[..., :8] = style[..., 8:]
    left, right = torch.zeros(1, 1, 8, 16), torch.zeros(1, 1, 8, 16)
    left[..., :6], right[..., 8:] = 1, 1
    own = position_weights(left, (8, 16))
    found = [
        patch_loss(picture, feature_patches(style, position_weights(mask, (8, 16))), own).item()
        for mask in (left, right)
    ]
    assert found[1] == pytest.approx(0, abs=1e-9)
    assert found[0] > 0.1
