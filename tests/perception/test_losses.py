import numpy as np
import pytest
import torch

from stylecore.perception.losses import (
    content_loss,
    covariance,
    feature_moments,
    feature_patches,
    gram_error,
    gram_matrix,
    matrix_root,
    patch_loss,
    relative_error,
    style_loss,
    wasserstein_loss,
)
from stylecore.perception.penalties import range_loss, total_variation_loss


def test_gram_matrix_of_known_activations():
    features = torch.tensor([[[[1.0, 2.0]], [[3.0, 4.0]]]])  # 2 channels, 1 x 2 positions
    expected = torch.tensor([[[5.0, 11.0], [11.0, 25.0]]]) / 4
    assert torch.equal(gram_matrix(features), expected)


def test_gram_matrix_ignores_pixel_order():
    features = torch.rand(2, 5, 6, 7)
    shuffled = features.flatten(2)[:, :, torch.randperm(42)].reshape(2, 5, 6, 7)
    assert torch.allclose(gram_matrix(features), gram_matrix(shuffled), atol=1e-6)


def test_gram_matrix_agrees_with_numpy():
    features = torch.rand(3, 4, 5, 6)
    expected = np.einsum("nchw,ndhw->ncd", features.numpy(), features.numpy()) / (4 * 5 * 6)
    assert np.allclose(gram_matrix(features), expected, atol=1e-6)


def test_gram_matrix_is_computed_in_float32_under_autocast():
    features = torch.full((1, 1, 300, 300), 1.001)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert gram_matrix(features).item() == pytest.approx(1.001**2, rel=1e-4)


def test_relative_error_is_zero_for_equal_and_one_for_black():
    target = torch.rand(2, 3, 4, 4) + 0.1
    assert torch.equal(relative_error(target, target), torch.zeros(2))
    assert torch.allclose(relative_error(torch.zeros_like(target), target), torch.ones(2))


def test_content_loss_is_one_value_a_picture():
    target = torch.ones(2, 3, 4, 4)
    value = torch.stack([target[0], 2 * target[0]])
    assert content_loss(value, target).tolist() == [0, 1]


def test_content_loss_counts_emphasized_places_more():
    target = torch.ones(1, 3, 2, 2)
    value = target.clone()
    value[:, :, 0, 0] = 2  # a quarter of the places is wrong by its own size
    emphasis = torch.ones(1, 1, 4, 4)
    emphasis[:, :, :2, :2] = 4
    assert content_loss(value, target).item() == pytest.approx(0.25)
    assert content_loss(value, target, emphasis).item() == pytest.approx(1)
    assert content_loss(value, target, emphasis.flip(2, 3)).item() == pytest.approx(0.25)


def test_style_loss_sums_over_layers():
    features = {"a": torch.rand(1, 3, 4, 4), "b": torch.rand(1, 5, 2, 2)}
    targets = {name: 2 * gram_matrix(value) for name, value in features.items()}
    assert style_loss(features, targets).item() == pytest.approx(2 * 0.25)


@pytest.mark.parametrize("loss", ["content", "style", "tv", "range", "wasserstein", "patches"])
def test_gradients_agree_with_finite_differences(loss):
    torch.manual_seed(0)  # of patches that are almost as near, a step can make another the nearest
    target = torch.rand(1, 3, 5, 6, dtype=torch.float64)
    gram = gram_matrix(target)

    def value(x):
        if loss == "content":
            return content_loss(x, target)
        if loss == "style":
            return style_loss({"layer": x}, {"layer": gram})
        if loss == "wasserstein":
            return wasserstein_loss(x, *wasserstein_target(target))
        if loss == "patches":
            return patch_loss(x, feature_patches(target))
        if loss == "range":
            return range_loss(2 * x - 0.5)
        return total_variation_loss(x)

    x = torch.rand(1, 3, 5, 6, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(value(x).sum(), x)
    step = 1e-2
    for index in ((0, 0, 0, 0), (0, 1, 2, 3), (0, 2, 4, 5)):
        up, down = x.detach().clone(), x.detach().clone()
        up[index] += step
        down[index] -= step
        slope = (value(up) - value(down)).item() / (2 * step)
        assert gradient[index].item() == pytest.approx(slope, rel=2e-2, abs=1e-4)


def wasserstein_target(features):
    mean, second_moment = feature_moments(features)
    return mean, matrix_root(covariance(mean, second_moment))


def test_moments_agree_with_numpy():
    features = torch.rand(1, 4, 5, 6)
    flat = features[0].flatten(1).double().numpy()
    mean, second_moment = feature_moments(features)
    assert np.allclose(mean[0], flat.mean(1), atol=1e-6)
    assert np.allclose(covariance(mean, second_moment)[0], np.cov(flat, ddof=0), atol=1e-6)


def test_matrix_root_squares_to_the_matrix():
    factor = torch.rand(2, 6, 6)
    matrix = factor @ factor.transpose(1, 2)
    root = matrix_root(matrix)
    assert torch.allclose(root @ root, matrix, atol=1e-4)


def test_wasserstein_distance_of_scaled_noise_is_known():
    # N(0, 1) against N(1, 4) in every channel: (0 - 1)^2 + (1 - 2)^2 each, of 1 + 4.
    noise = torch.randn(1, 5, 64, 64)
    noise = (noise - noise.mean((2, 3), keepdim=True)) / noise.std((2, 3), keepdim=True)
    loss = wasserstein_loss(noise, *wasserstein_target(2 * noise + 1))
    assert loss.item() == pytest.approx(2 / 5, rel=0.01)


def test_wasserstein_distance_agrees_with_numpy():
    value, target = torch.rand(1, 4, 9, 8), 2 * torch.rand(1, 4, 7, 11) + 0.3
    (own_mean, own), (mean, covariance_) = (
        (flat.mean(1), np.cov(flat, ddof=0))
        for flat in (f[0].flatten(1).double().numpy() for f in (value, target))
    )

    def root(matrix):
        values, vectors = np.linalg.eigh(matrix)
        return vectors * np.sqrt(values.clip(0)) @ vectors.T

    # Olkin and Pukelsheim (1982): |m1 - m2|^2 + tr(A + B - 2 (B^1/2 A B^1/2)^1/2).
    cross = root(root(covariance_) @ own @ root(covariance_))
    distance = ((own_mean - mean) ** 2).sum() + np.trace(own + covariance_ - 2 * cross)
    expected = distance / ((mean**2).sum() + np.trace(covariance_))
    assert wasserstein_loss(value, *wasserstein_target(target)).item() == pytest.approx(expected, rel=1e-2)


def test_wasserstein_distance_ignores_pixel_order_and_vanishes_for_itself():
    features = torch.rand(1, 5, 6, 7)
    shuffled = features.flatten(2)[:, :, torch.randperm(42)].reshape(1, 5, 6, 7)
    assert wasserstein_loss(shuffled, *wasserstein_target(features)).item() == pytest.approx(0, abs=1e-3)


def test_wasserstein_gradient_is_finite_for_a_flat_picture():
    features = torch.ones(1, 5, 6, 7, requires_grad=True)
    wasserstein_loss(features, *wasserstein_target(torch.rand(1, 5, 6, 7))).sum().backward()
    assert torch.isfinite(features.grad).all()


def test_patches_found_in_the_style_cost_nothing():
    style = torch.rand(1, 3, 12, 12)
    assert feature_patches(style).shape == (100, 27)
    assert patch_loss(style[:, :, 2:9, 3:11], feature_patches(style)).item() == pytest.approx(0, abs=1e-10)
    assert patch_loss(torch.rand(1, 3, 8, 8), feature_patches(style)).item() > 0.01


def test_patch_loss_agrees_with_a_loop_over_all_patches():
    def patches(features):
        _, height, width = features.shape
        return [
            features[:, y : y + 3, x : x + 3].ravel() for y in range(height - 2) for x in range(width - 2)
        ]

    value, target = np.random.default_rng(0).random((2, 3, 6, 7), dtype=np.float32) + 0.1
    own, known = patches(value), patches(target)
    matches = [max(known, key=lambda style: style @ patch / np.linalg.norm(style)) for patch in own]
    difference = sum(((patch - match) ** 2).sum() for patch, match in zip(own, matches, strict=True))
    expected = difference / sum((match**2).sum() for match in matches)
    found = patch_loss(torch.from_numpy(value)[None], feature_patches(torch.from_numpy(target)[None]))
    assert found.item() == pytest.approx(expected, rel=1e-4)


def test_the_match_is_the_patch_of_the_highest_correlation():
    style = torch.eye(9)[:, None, None] * 3  # nine orthogonal patches of one channel
    style = style.reshape(9, 9)
    patch = torch.tensor([0.0, 0, 0, 0, 1, 0.2, 0, 0, 0]).reshape(1, 1, 3, 3)
    expected = ((1 - 3) ** 2 + 0.2**2) / 9
    assert patch_loss(patch, style).item() == pytest.approx(expected)


def test_the_gram_errors_gradient_keeps_the_memory_order_of_the_features():
    values, target = torch.rand(2, 5, 6, 7), torch.rand(1, 5, 5)
    gradients = []
    for memory_format in (torch.contiguous_format, torch.channels_last):
        features = values.clone(memory_format=memory_format).requires_grad_()
        (gradient,) = torch.autograd.grad(gram_error(features, target).sum(), features)
        assert gradient.is_contiguous(memory_format=memory_format)
        gradients.append(gradient)
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_the_relative_error_s_gradient_is_that_of_its_formula(memory_format):
    torch.manual_seed(0)
    value, target = torch.rand(2, 3, 4, 5), torch.rand(1, 3, 4, 5)
    weights = torch.tensor([1.0, -3.0])
    gradients = []
    for formula in (
        relative_error,
        lambda value, target: (value - target).square().flatten(1).sum(1) / target.square().sum(),
    ):
        own = value.clone(memory_format=memory_format).requires_grad_()
        gradients.append(torch.autograd.grad((weights * formula(own, target)).sum(), own)[0])
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_gram_error_is_the_relative_error_of_gram_matrices(dtype, memory_format):
    torch.manual_seed(0)
    values, target = torch.rand(2, 5, 6, 7).to(dtype), gram_matrix(torch.rand(1, 5, 6, 7))
    results = []
    for error in (gram_error, lambda features, target: relative_error(gram_matrix(features), target)):
        features = values.clone(memory_format=memory_format).requires_grad_()
        errors = error(features, target)
        (gradient,) = torch.autograd.grad((errors * torch.tensor([1.0, -3.0])).sum(), features)
        results.append((errors, gradient))
    for first, second in zip(*results, strict=True):
        torch.testing.assert_close(first, second)
