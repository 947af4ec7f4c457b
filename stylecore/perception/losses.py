"""Content and style losses: pure functions of VGG19's activations."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from stylecore.perception.inner_losses import energy, gram_products, tap_gram_error

PATCH_PART = 1024  # patches that are compared with the style's at a time


def position_weights(mask: Tensor, size: tuple[int, int]) -> Tensor:
    """Weights of a layer's positions by which a loss counts in a region alone, with mean 1.

    Args:
        mask: Shape (1, 1, any height, any width), 0 outside the region to 1 inside; not all 0.
        size: Height and width of the layer's activations.
    Returns:
        Shape (H * W,).
    Source: Gatys et al. (2017), *Controlling Perceptual Factors in Neural Style Transfer*, section 4.1. Their
        guidance channel is the square root of these weights.
    """
    small = F.interpolate(mask.float(), size, mode="area").flatten()
    return small / small.mean().clamp(min=1e-6)


def gram_matrix(features: Tensor, weights: Tensor | None = None) -> Tensor:
    """Channel correlations of a feature map, float32 whatever the input is.

    Args:
        features: Activations, shape (N, C, H, W).
        weights: Of the positions, see `position_weights`; None: all 1.
    Returns:
        Symmetric matrices, shape (N, C, C), divided by C * H * W.
    Source: Gatys et al. (2016), eq. 3, with the divisor of Johnson et al. (2016), eq. 3; with weights the
        guided Gram matrix of Gatys et al. (2017), eq. 6.
    """
    with torch.autocast(features.device.type, enabled=False):
        return sum(product.float() for product in gram_products(features, weights)) / features[0].numel()


def gram_error(features: Tensor, target: Tensor, weights: Tensor | None = None) -> Tensor:
    """How far the texture is from a target's in one layer: `relative_error` of the Gram matrices.

    Args:
        features: Activations, shape (N, C, H, W).
        target: Gram matrices, shape (N, C, C) or (1, C, C), without gradient.
        weights: Of the positions, see `position_weights`; None: all 1.
    Returns:
        Shape (N,).
    """
    return tap_gram_error(features, target, weights)[1]


def relative_error(value: Tensor, target: Tensor) -> Tensor:
    """Squared distance to a target in units of the target's own squared norm.

    Args:
        value: Shape (N, ...).
        target: Shape (N, ...) or (1, ...), not all zero.
    Returns:
        Shape (N,): 0 when equal, 1 for an all-zero value.
    """
    return SquaredDistance.apply(value, target) / energy(target.float())


class SquaredDistance(torch.autograd.Function):
    """Of values to targets without gradient, (N,); by autograd it takes six passes instead of three."""

    @staticmethod
    def forward(ctx, value: Tensor, target: Tensor) -> Tensor:
        difference = value.float() - target.float()
        ctx.save_for_backward(difference)
        ctx.dtype = value.dtype
        return energy(difference)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        (difference,) = ctx.saved_tensors
        factors = 2 * gradient.view(-1, *[1] * (difference.ndim - 1))
        return (factors * difference).to(ctx.dtype), None


def content_loss(features: Tensor, target: Tensor, emphasis: Tensor | None = None) -> Tensor:
    """How far the arrangement of the photo is lost, as a relative squared error.

    Args:
        features: Activations of the stylized pictures, shape (N, C, H, W).
        target: Activations of the photos, shape (N, C, H, W).
        emphasis: Weights of the places' squared errors, shape (N, 1, any height, any width);
            without it 1 everywhere.
    Returns:
        Shape (N,). 0 for an unchanged photo.
    Source: Gatys et al. (2016), eq. 1. Differs: divided by the photo's own squared norm, which
        makes one weight fit every photo and layer.
    """
    if emphasis is None:
        return relative_error(features, target)
    roots = F.interpolate(emphasis, features.shape[2:], mode="area").sqrt()
    return relative_error(torch.lerp(target.float(), features.float(), roots), target)


def style_loss(features: Mapping[str, Tensor], target_grams: Mapping[str, Tensor]) -> Tensor:
    """How far the texture is from the style picture's: relative Gram errors, summed over layers.

    Args:
        features: Activations of the stylized pictures by layer, each (N, C, H, W).
        target_grams: Gram matrices of the style picture for the layers that count, each
            (N, C, C) or (1, C, C).
    Returns:
        Shape (N,). The sum over layers; an all-black texture has about 1 a layer.
    Source: Gatys et al. (2016), eq. 4 and 5. Differs: each layer is divided by the squared norm
        of its target, so no layer drowns the others.
    """
    layers = [gram_error(features[layer], gram) for layer, gram in target_grams.items()]
    return torch.stack(layers).sum(0)


def feature_moments(features: Tensor, weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Mean and second moment of the activations over positions, in float32.

    Args:
        features: Activations, shape (N, C, H, W).
        weights: Of the positions, see `position_weights`; None: all 1.
    Returns:
        Means (N, C) and matrices of mean products (N, C, C). Both may be averaged over pictures.
    """
    flat = features.flatten(2)
    count = flat.shape[2]
    if weights is None:
        flat = flat.float()
        return flat.mean(2), flat @ flat.transpose(1, 2) / count
    inside = weights.nonzero()[:, 0]  # regions that share a picture take the memory of one
    roots = weights[inside].sqrt()
    flat = flat[:, :, inside].float() * roots
    return flat @ roots / count, flat @ flat.transpose(1, 2) / count


def covariance(mean: Tensor, second_moment: Tensor) -> Tensor:
    """Covariance matrices (N, C, C) of `feature_moments`."""
    return second_moment - mean[:, :, None] * mean[:, None, :]


def matrix_root(matrix: Tensor) -> Tensor:
    """Symmetric square root of positive semidefinite matrices, shape (N, C, C)."""
    # In float32 the algorithm fails on covariances of few positions, such as 2 x 2 of 512 channels.
    values, vectors = torch.linalg.eigh(matrix.double())
    return ((vectors * values.clamp(min=0).sqrt()[:, None, :]) @ vectors.transpose(1, 2)).to(matrix.dtype)


def wasserstein_loss(
    features: Tensor, target_mean: Tensor, target_root: Tensor, weights: Tensor | None = None
) -> Tensor:
    """Squared 2-Wasserstein distance between the activations' normal distributions, relative.

    ||m - t||^2 + tr(C + T - 2 (T^1/2 C T^1/2)^1/2), divided by its value for black, ||t||^2 + tr T.

    Args:
        features: Activations of the stylized pictures, shape (N, C, H, W).
        target_mean: Of the style picture, shape (1, C).
        target_root: Square root T^1/2 of its covariance, shape (1, C, C), see `matrix_root`.
        weights: Of the positions, see `position_weights`; None: all 1.
    Returns:
        Shape (N,). 0 when means and covariances agree.
    Source: style loss of crowsonkb/style-transfer-pytorch; Olkin and Pukelsheim (1982), eq. 4.
    """
    mean, second_moment = feature_moments(features, weights)
    own = covariance(mean, second_moment)
    trace = own.diagonal(dim1=1, dim2=2).sum(1) + target_root.square().sum((1, 2))
    # A small ridge keeps the gradient of the roots of vanishing eigenvalues finite.
    ridge = 1e-4 * trace.detach()[:, None, None] / own.shape[1] * torch.eye(own.shape[1], device=own.device)
    cross = torch.linalg.eigvalsh((target_root @ (own + ridge) @ target_root).double())
    overlap = cross.clamp(min=1e-12).sqrt().sum(1).float()
    distance = (mean - target_mean).square().sum(1) + trace - 2 * overlap
    return distance.clamp(min=0) / (target_mean.square().sum(1) + target_root.square().sum((1, 2)))


def feature_patches(features: Tensor, weights: Tensor | None = None) -> Tensor:
    """All 3x3 patches of one picture's activations, or those in a region.

    Args:
        features: Shape (1, C, H, W), H and W of at least 3.
        weights: Of the positions, see `position_weights`; None: all 1. The patches that count are those with
            at least half of the weight of the heaviest.
    Returns:
        Shape (patches, 9 * C).
    """
    patches = F.unfold(features.float(), 3)[0].T
    if weights is None:
        return patches
    own = F.avg_pool2d(weights.view(1, 1, *features.shape[2:]), 3, stride=1).flatten()
    return patches[own >= 0.5 * own.max()]


def patch_loss(features: Tensor, target_patches: Tensor, weights: Tensor | None = None) -> Tensor:
    """Distance of every patch to the style's patch that correlates most with it, relative.

    Args:
        features: Activations of one stylized picture, shape (1, C, H, W).
        target_patches: Of the style picture, shape (patches, 9 * C), see `feature_patches`.
        weights: Of the positions, see `feature_patches`.
    Returns:
        Shape (1,). 0 when every patch is found in the style picture.
    Source: Li and Wand (2016), eq. 2 and 3. Differs: divided by the squared norm of the matches.
    """
    patches = feature_patches(features, weights)
    with torch.no_grad():
        directions = target_patches / target_patches.norm(dim=1, keepdim=True).clamp(min=1e-8)
        nearest = torch.cat([(part @ directions.T).argmax(1) for part in patches.split(PATCH_PART)])
        matches = target_patches[nearest]
    return ((patches - matches).square().sum() / matches.square().sum())[None]
