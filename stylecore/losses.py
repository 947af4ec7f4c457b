"""Losses of neural style transfer as pure functions of activations."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


def gram_matrix(features: Tensor) -> Tensor:
    """Channel correlations of a feature map.

    Computed in float32 whatever the input is: sums over 262,144 positions overflow float16
    and lose three digits in bfloat16.

    Args:
        features: Activations, shape (N, C, H, W).
    Returns:
        Symmetric matrices, shape (N, C, C), divided by C * H * W.
    Source: Gatys et al. (2016), eq. 3, with the divisor of Johnson et al. (2016), eq. 3.
    """
    n, c, h, w = features.shape
    with torch.autocast(features.device.type, enabled=False):
        flat = features.float().reshape(n, c, h * w)
        return flat @ flat.transpose(1, 2) / (c * h * w)


def relative_error(value: Tensor, target: Tensor) -> Tensor:
    """Squared distance to a target in units of the target's own squared norm.

    Args:
        value: Shape (N, ...).
        target: Shape (N, ...) or (1, ...), not all zero.
    Returns:
        Shape (N,): 0 when equal, 1 for an all-zero value.
    """
    difference = (value.float() - target.float()).flatten(1).square().sum(1)
    return difference / target.float().flatten(1).square().sum(1)


def content_loss(features: Tensor, target: Tensor) -> Tensor:
    """How far the arrangement of the photo is lost, as a relative squared error.

    Args:
        features: Activations of the stylized pictures, shape (N, C, H, W).
        target: Activations of the photos, shape (N, C, H, W).
    Returns:
        Shape (N,). 0 for an unchanged photo.
    Source: Gatys et al. (2016), eq. 1. Differs: divided by the photo's own squared norm, which
        makes one weight fit every photo and layer.
    """
    return relative_error(features, target)


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
    layers = [relative_error(gram_matrix(features[layer]), gram) for layer, gram in target_grams.items()]
    return torch.stack(layers).sum(0)


def total_variation_loss(batch: Tensor) -> Tensor:
    """Mean squared difference of neighboring pixels, the price of noise.

    Args:
        batch: Pictures, shape (N, 3, H, W).
    Returns:
        Shape (N,): squared vertical plus squared horizontal differences, each averaged.
    Source: Johnson et al. (2016), section 3.2.
    """
    batch = batch.float()
    vertical = (batch[:, :, 1:] - batch[:, :, :-1]).square().flatten(1).mean(1)
    horizontal = (batch[:, :, :, 1:] - batch[:, :, :, :-1]).square().flatten(1).mean(1)
    return vertical + horizontal
