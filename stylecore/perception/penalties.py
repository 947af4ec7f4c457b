"""Penalties on pixels: noise, values out of range, lost tones, foreign colors, ripples and grids."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from stylecore.images.arrays import LUMA
from stylecore.perception.inner_losses import energy
from stylecore.perception.losses import SquaredDistance


def total_variation_loss(batch: Tensor) -> Tensor:
    """Mean squared difference of neighboring pixels.

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


# Of `range_loss`, with a content loss of weight 1 and a style loss of 4 to 16. L-BFGS paints beyond black and
# white, and what lies beyond is clipped at the end.
RANGE_WEIGHT = 400.0


def range_loss(batch: Tensor) -> Tensor:
    """Mean square of what lies beyond black and white, and is lost when a picture is written.

    Args:
        batch: Pictures, shape (N, 3, H, W), of any values.
    Returns:
        Shape (N,): 0 when all values are in [0, 1].
    """
    return SquaredDistance.apply(batch, batch.detach().clamp(0, 1)) / batch[0].numel()


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


def color_statistics(batch: Tensor) -> Tensor:
    """Means and covariances of the colors of pictures (N, 3, H, W).

    Returns:
        Shape (N, 3, 4), in float32: the mean in the first column, then the covariance.
    """
    with torch.autocast(batch.device.type, enabled=False):  # would round colors to 16 bits
        colors = batch.float().flatten(2)
        mean = colors.mean(2, keepdim=True)
        spread = colors - mean
        return torch.cat([mean, spread @ spread.mT / colors.shape[2]], 2)


def palette_loss(batch: Tensor, statistics: Tensor) -> Tensor:
    """How far the colors of pictures are from those of style pictures, wherever they lie.

    Gram matrices see colors last: brightness and texture outweigh them, and paintings come out drab.

    Args:
        batch: Pictures, shape (N, 3, H, W).
        statistics: The style pictures' `color_statistics`, shape (N, 3, 4).
    Returns:
        Shape (N,): squared 2-Wasserstein distance of the normal distributions with these means and
        covariances, 0 for the same.
    Source: Olkin and Pukelsheim (1982), The distance between two random vectors with given dispersion
        matrices.
    """
    own = color_statistics(batch)
    with torch.autocast(batch.device.type, enabled=False):
        values, vectors = torch.linalg.eigh(statistics[:, :, 1:])
        root = (vectors * values.clamp(min=0).sqrt()[:, None]) @ vectors.mT
        common = torch.linalg.eigvalsh(root @ own[:, :, 1:] @ root).clamp(min=1e-10).sqrt().sum(1)
    means = (own[:, :, 0] - statistics[:, :, 0]).square().sum(1)
    spreads = (own + statistics)[:, :, 1:].diagonal(dim1=1, dim2=2).sum(1)
    return means + (spreads - 2 * common).clamp(min=0)


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
