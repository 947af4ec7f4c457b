"""Losses of neural style transfer as pure functions of activations."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from stylecore.images.arrays import LUMA
from stylecore.perception.inner_losses import energy, gram_products, tap_gram_error

PATCH_PART = 1024  # patches that are compared with the style's at a time


def gram_matrix(features: Tensor) -> Tensor:
    """Channel correlations of a feature map, float32 whatever the input is.

    Args:
        features: Activations, shape (N, C, H, W).
    Returns:
        Symmetric matrices, shape (N, C, C), divided by C * H * W.
    Source: Gatys et al. (2016), eq. 3, with the divisor of Johnson et al. (2016), eq. 3.
    """
    with torch.autocast(features.device.type, enabled=False):
        return sum(product.float() for product in gram_products(features)) / features[0].numel()


def gram_error(features: Tensor, target: Tensor) -> Tensor:
    """How far the texture is from a target's in one layer: `relative_error` of the Gram matrices.

    Args:
        features: Activations, shape (N, C, H, W).
        target: Gram matrices, shape (N, C, C) or (1, C, C), without gradient.
    Returns:
        Shape (N,).
    """
    return tap_gram_error(features, target)[1]


def relative_error(value: Tensor, target: Tensor) -> Tensor:
    """Squared distance to a target in units of the target's own squared norm.

    Args:
        value: Shape (N, ...).
        target: Shape (N, ...) or (1, ...), not all zero.
    Returns:
        Shape (N,): 0 when equal, 1 for an all-zero value.
    """
    return _SquaredDistance.apply(value, target) / energy(target.float())


class _SquaredDistance(torch.autograd.Function):
    """Of values to targets without gradient, (N,); by autograd it takes six passes in place of three."""

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


def feature_moments(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and second moment of the activations over positions, in float32.

    Args:
        features: Activations, shape (N, C, H, W).
    Returns:
        Means (N, C) and matrices of mean products (N, C, C). Both may be averaged over pictures.
    """
    flat = features.float().flatten(2)
    return flat.mean(2), flat @ flat.transpose(1, 2) / flat.shape[2]


def covariance(mean: Tensor, second_moment: Tensor) -> Tensor:
    """Covariance matrices (N, C, C) of `feature_moments`."""
    return second_moment - mean[:, :, None] * mean[:, None, :]


def matrix_root(matrix: Tensor) -> Tensor:
    """Symmetric square root of positive semidefinite matrices, shape (N, C, C)."""
    # In float32 the algorithm fails on covariances of few positions, such as 2 x 2 of 512 channels.
    values, vectors = torch.linalg.eigh(matrix.double())
    return ((vectors * values.clamp(min=0).sqrt()[:, None, :]) @ vectors.transpose(1, 2)).to(matrix.dtype)


def wasserstein_loss(features: Tensor, target_mean: Tensor, target_root: Tensor) -> Tensor:
    """Squared 2-Wasserstein distance between the activations' normal distributions, relative.

    ||m - t||^2 + tr(C + T - 2 (T^1/2 C T^1/2)^1/2), divided by its value for black, ||t||^2 + tr T.

    Args:
        features: Activations of the stylized pictures, shape (N, C, H, W).
        target_mean: Of the style picture, shape (1, C).
        target_root: Square root T^1/2 of its covariance, shape (1, C, C), see `matrix_root`.
    Returns:
        Shape (N,). 0 when means and covariances agree.
    Source: style loss of crowsonkb/style-transfer-pytorch; Olkin and Pukelsheim (1982), eq. 4.
    """
    mean, second_moment = feature_moments(features)
    own = covariance(mean, second_moment)
    trace = own.diagonal(dim1=1, dim2=2).sum(1) + target_root.square().sum((1, 2))
    # A small ridge keeps the gradient of the roots of vanishing eigenvalues finite.
    ridge = 1e-4 * trace.detach()[:, None, None] / own.shape[1] * torch.eye(own.shape[1], device=own.device)
    cross = torch.linalg.eigvalsh((target_root @ (own + ridge) @ target_root).double())
    overlap = cross.clamp(min=1e-12).sqrt().sum(1).float()
    distance = (mean - target_mean).square().sum(1) + trace - 2 * overlap
    return distance.clamp(min=0) / (target_mean.square().sum(1) + target_root.square().sum((1, 2)))


def feature_patches(features: Tensor) -> Tensor:
    """All 3x3 patches of one picture's activations.

    Args:
        features: Shape (1, C, H, W), H and W of at least 3.
    Returns:
        Shape (patches, 9 * C).
    """
    return torch.nn.functional.unfold(features.float(), 3)[0].T


def patch_loss(features: Tensor, target_patches: Tensor) -> Tensor:
    """Distance of every patch to the style's patch that correlates most with it, relative.

    Args:
        features: Activations of one stylized picture, shape (1, C, H, W).
        target_patches: Of the style picture, shape (patches, 9 * C), see `feature_patches`.
    Returns:
        Shape (1,). 0 when every patch is found in the style picture.
    Source: Li and Wand (2016), eq. 2 and 3. Differs: divided by the squared norm of the matches.
    """
    patches = feature_patches(features)
    with torch.no_grad():
        directions = target_patches / target_patches.norm(dim=1, keepdim=True).clamp(min=1e-8)
        nearest = torch.cat([(part @ directions.T).argmax(1) for part in patches.split(PATCH_PART)])
        matches = target_patches[nearest]
    return ((patches - matches).square().sum() / matches.square().sum())[None]


def total_variation_loss(batch: Tensor) -> Tensor:
    """Mean squared difference of neighboring pixels, the price of noise.

    Args:
        batch: Pictures, shape (N, 3, H, W).
    Returns:
        Shape (N,): squared vertical plus squared horizontal differences, each averaged.
    Source: Johnson et al. (2016), section 3.2.
    """
    return _TotalVariation.apply(batch)


class _TotalVariation(torch.autograd.Function):
    """By autograd it takes twice the time."""

    @staticmethod
    def forward(ctx, batch: Tensor) -> Tensor:
        ctx.dtype = batch.dtype
        batch = batch.float()
        steps = [batch.diff(dim=axis) for axis in (2, 3)]
        ctx.save_for_backward(*steps)
        return sum(energy(own) / own[0].numel() for own in steps)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        vertical, horizontal = (
            (2 / own[0].numel() * gradient)[:, None, None, None] * own for own in ctx.saved_tensors
        )
        total = F.pad(vertical, (0, 0, 1, 0))
        total[:, :, :-1] -= vertical
        total[:, :, :, 1:] += horizontal
        total[:, :, :, :-1] -= horizontal
        return total.to(ctx.dtype)


# Of `range_loss` beside a content loss of weight 1 and a style loss of weight 4 to 16. L-BFGS is not bound
# to black and white as Adam is, and what it paints beyond is cut off at the end. Portrait and mosaic at
# 256 px after 50 steps, once cut off: without this 1.31, with 20 1.19, with 100 1.11, with 400 1.10; at a
# style weight of 16 2.39, with 100 1.94, with 400 1.77.
RANGE_WEIGHT = 400.0


def range_loss(batch: Tensor) -> Tensor:
    """Mean square of what lies beyond black and white, and is lost when a picture is written.

    Args:
        batch: Pictures, shape (N, 3, H, W), of any values.
    Returns:
        Shape (N,): 0 when all values are in [0, 1].
    """
    return _SquaredDistance.apply(batch, batch.detach().clamp(0, 1)) / batch[0].numel()


def tone_loss(batch: Tensor, photos: Tensor, *, cell: int = 8) -> Tensor:
    """How far light and shade of the photo are lost: 1 minus their correlation.

    Instance normalization and Gram matrices leave free which parts come out light; a face darker
    than its background is hard to read. A correlation leaves contrast and palette to the style.

    Args:
        batch: Stylized pictures, shape (N, 3, H, W).
        photos: The photos, shape (N, 3, H, W).
        cell: Side in pixels of the squares whose mean brightness counts; finer shading is the
            strokes'.
    Returns:
        Shape (N,): 0 when light and shade fall as in the photo, 1 without any relation, 2 for a
        negative.
    """
    weights = torch.from_numpy(LUMA).to(batch.device)[:, None, None]
    # No matrix product: autocast would round it to 16 bits, and with it the shades of a hazy photo.
    tones = [
        F.avg_pool2d((pictures.float() * weights).sum(1), cell).flatten(1) for pictures in (batch, photos)
    ]
    return 1 - F.cosine_similarity(*(tone - tone.mean(1, keepdim=True) for tone in tones), eps=1e-4)


def ripple_loss(batch: Tensor, *, seen: float = 2 / 255) -> Tensor:
    """Share of places with ripples of less than 3 px, however faint.

    A network without the sharp edges of a style meets its finest statistics with ripples all over flat
    areas. An edge counts little more than a ripple of twice `seen`, so that edges stay.

    Args:
        batch: Pictures, shape (N, 3, H, W).
        seen: Height of a ripple that counts half.
    Returns:
        Shape (N,): 0 for even areas, up to 1; photos have some 0.3.
    Source: Geman and McClure (1987), Statistical methods for tomographic image reconstruction, for the
        penalty that lets edges be.
    """
    fourth = torch.tensor([1.0, -4.0, 6.0, -4.0, 1.0], device=batch.device) / 16  # 1 for rows that alternate
    planes = batch.float().flatten(0, 1)[:, None]
    shares = []
    for kernel in (fourth[:, None], fourth[None, :]):
        power = F.conv2d(planes, kernel[None, None]).square()
        shares.append((power / (power + seen**2)).flatten(1).mean(1))
    return (sum(shares) / len(shares)).view(len(batch), -1).mean(1)


def grid_loss(batch: Tensor, *, period: int = 4, cells: int = 14) -> Tensor:
    """Energy of a pattern that repeats every `period` pixels and keeps its place.

    A network that works at 1 / `period` of the size can meet the fine statistics of a style with
    a weave of that period. Averaged over neighboring cells of the grid, whatever keeps its place
    in the cell stays, and all other texture averages out.

    Args:
        batch: Pictures, shape (N, 3, H, W).
        period: Of the pattern, in pixels.
        cells: Cells of the grid a side that are averaged; fewer in smaller pictures.
    Returns:
        Shape (N,): mean square of the pattern; of other texture about 1 / cells**2 is left.
    """
    height, width = (length // period * period for length in batch.shape[2:])
    phases = F.pixel_unshuffle(batch[:, :, :height, :width].float(), period)
    phases = phases.unflatten(1, (-1, period**2))  # (N, 3, P * P, H / P, W / P)
    pattern = (phases - phases.mean(2, keepdim=True)).flatten(1, 2)
    cells = min(cells, *pattern.shape[2:])
    return F.avg_pool2d(pattern, cells, stride=max(1, cells // 2)).square().flatten(1).mean(1)
