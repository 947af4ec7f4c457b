"""What the optimization of a grid minimizes: style, content and colors by VGG19, and an intact photo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from stylecore.images.arrays import LUMA
from stylecore.perception.features import Vgg19Features
from stylecore.perception.inner_losses import measure_along
from stylecore.perception.losses import content_loss, gram_error, gram_matrix, position_weights
from stylecore.perception.penalties import range_loss
from stylecore.photoreal.config import CONTENT_LAYER, STYLE_LAYERS, Method

DIRECTIONS = 16  # on which colors are projected
QUANTILES = 512  # of the projected colors that are compared
MAX_COLORS = 8192  # pixels whose colors are compared
EPSILON = 1e-6
NUMBERS = 12  # of a cell's transform; its penalties are sums over them


@dataclass(frozen=True)
class Losses:
    """Losses of one candidate, each of shape ()."""

    total: Tensor
    style: Tensor


class Objective:
    """The loss of a transformed photo at working size.

    Args:
        vgg: With STYLE_LAYERS and CONTENT_LAYER.
        photo: Shape (1, 3, H, W).
        reference: Shape (1, 3, any height, any width).
        method: Weights.
        regions: Pairs of masks of photo and reference, each (1, 1, H, W) of its picture: the style counts
            within each pair. Without any, it counts everywhere.
        skin: Mask of what should keep its colors, (1, 1, H, W); all 0 for nothing.
    """

    def __init__(
        self,
        vgg: Vgg19Features,
        photo: Tensor,
        reference: Tensor,
        method: Method,
        *,
        regions: Sequence[tuple[Tensor, Tensor]],
        skin: Tensor,
    ) -> None:
        self.vgg, self.photo, self.method, self.skin = vgg, photo, method, skin
        whole = [tuple(torch.ones_like(each[:, :1]) for each in (photo, reference))]
        self.masks, reference_masks = zip(*(regions or whole), strict=True)
        total = sum(mask.mean() for mask in self.masks)
        self.shares = [float(mask.mean() / total) for mask in self.masks]
        self.statistics = gram_statistics if method.style_loss == "gram" else moments
        self.directions = _directions().to(photo.device)
        with torch.no_grad():
            self.content = vgg(photo, last=CONTENT_LAYER)[CONTENT_LAYER].float()
            found = vgg(reference)
            self.targets = [
                {layer: self.statistics(found[layer], mask) for layer in STYLE_LAYERS}
                for mask in reference_masks
            ]
            self.colors = [self._quantiles(reference, mask) for mask in reference_masks]
            self.slopes = _slopes(photo)

    def __call__(self, batch: Tensor) -> Losses:
        """Losses of a transformed photo, (1, 3, H, W), that may go beyond [0, 1]."""
        seen = batch.clamp(-0.2, 1.2)
        taps = {layer: partial(self._losses_of, layer) for layer in {*STYLE_LAYERS, CONTENT_LAYER}}
        found = measure_along(self.vgg, seen, taps)
        style = sum(found[layer]["style"] for layer in STYLE_LAYERS)
        method = self.method
        total = style + method.content_weight * found[CONTENT_LAYER]["content"]
        total = total + method.color_weight * self._color_loss(seen)
        total = total + method.structure_weight * (1 - _cosine(_slopes(batch), self.slopes))
        total = total + method.range_weight * range_loss(batch)
        changes = (batch - self.photo).square().sum(1, keepdim=True)
        total = total + method.skin_weight * (self.skin * changes).mean()
        return Losses(total.squeeze(), style.squeeze())

    def grid_penalty(self, grid: Tensor) -> Tensor:
        """Roughness of a grid (3, 4, D, rows, columns), shape ()."""
        over_places = sum(_mean_square(grid.diff(dim=axis)) for axis in (3, 4))
        over_tones = _mean_square(grid.diff(n=2, dim=2))
        method = self.method
        return NUMBERS * (method.spatial_weight * over_places + method.tone_weight * over_tones)

    def _losses_of(self, layer: str, features: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """A tap of the layer, see `stylecore.perception.inner_losses`."""
        losses = {}
        if layer in STYLE_LAYERS:
            weight = self.method.layer_weights[STYLE_LAYERS.index(layer)]
            compare = region_gram_error if self.method.style_loss == "gram" else region_moments_error
            losses["style"] = weight * sum(
                share * compare(features, mask, target[layer])
                for share, mask, target in zip(self.shares, self.masks, self.targets, strict=True)
            )
        if layer == CONTENT_LAYER:
            losses["content"] = content_loss(features, self.content)
        return features, losses

    def _color_loss(self, batch: Tensor) -> Tensor:
        """Sliced Wasserstein distance of the colors, relative to the spread of the reference's."""
        return sum(
            share * (self._quantiles(batch, mask) - target).square().mean() / target.var().clamp(min=EPSILON)
            for share, mask, target in zip(self.shares, self.masks, self.colors, strict=True)
        )

    def _quantiles(self, batch: Tensor, mask: Tensor) -> Tensor:
        """Quantiles of the colors in a region, on each direction, (DIRECTIONS, QUANTILES)."""
        inside = mask.flatten() >= 0.5 * mask.max()
        colors = batch[0].flatten(1)[:, inside]
        colors = colors[:, :: max(1, colors.shape[1] // MAX_COLORS)]
        ordered = (self.directions @ colors).sort(1).values
        positions = torch.linspace(0, colors.shape[1] - 1, QUANTILES, device=batch.device).round().long()
        return ordered[:, positions]


def moments(features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Means and deviations of channels in a region, each (N, C)."""
    weights = _weights(features, mask)
    flat = features.float().flatten(2)
    mean, second = (values @ weights / len(weights) for values in (flat, flat.square()))
    return mean, (second - mean.square()).clamp(min=EPSILON).sqrt()


def gram_statistics(features: Tensor, mask: Tensor) -> Tensor:
    """Gram matrix of a region, (N, C, C)."""
    return gram_matrix(features, _weights(features, mask))


def region_gram_error(features: Tensor, mask: Tensor, target: Tensor) -> Tensor:
    """Relative squared error of the Gram matrix of a region, (N,)."""
    return gram_error(features, target, _weights(features, mask))


def region_moments_error(features: Tensor, mask: Tensor, target: tuple[Tensor, Tensor]) -> Tensor:
    """As `moments_error`, of the moments in a region."""
    return moments_error(moments(features, mask), target)


def moments_error(found: tuple[Tensor, Tensor], target: tuple[Tensor, Tensor]) -> Tensor:
    """Relative squared error of means and deviations, (N,).

    Source: Huang and Belongie (2017), section 6.2. Differs: relative.
    """
    errors = sum((own - other).square().sum(1) for own, other in zip(found, target, strict=True))
    return errors / sum(other.square().sum(1) for other in target)


def _weights(features: Tensor, mask: Tensor) -> Tensor:
    """The mask at the size of the features, with mean 1, (H * W,)."""
    return position_weights(mask, features.shape[2:])


def _slopes(batch: Tensor) -> tuple[Tensor, Tensor]:
    """Differences of luma between rows and between columns."""
    luma = (batch * torch.from_numpy(LUMA).to(batch.device)[:, None, None]).sum(1)
    return luma.diff(dim=1), luma.diff(dim=2)


def _cosine(first: tuple[Tensor, Tensor], second: tuple[Tensor, Tensor]) -> Tensor:
    product = sum((a * b).sum() for a, b in zip(first, second, strict=True))
    energies = [sum(part.square().sum() for part in each) for each in (first, second)]
    return product / (energies[0] * energies[1] + EPSILON**2).sqrt()


def _mean_square(values: Tensor) -> Tensor:
    """Mean of squares; 0 of no values, where a grid has a single cell."""
    return values.square().sum() / max(1, values.numel())


def _directions() -> Tensor:
    """Unit vectors spread over half a sphere of colors, (DIRECTIONS, 3).

    Source: Fibonacci lattice, Swinbank and Purser (2006).
    """
    index = torch.arange(DIRECTIONS) + 0.5
    height = 1 - index / DIRECTIONS
    angle = index * torch.pi * (3 - 5**0.5)
    radius = (1 - height.square()).sqrt()
    return torch.stack((radius * angle.cos(), radius * angle.sin(), height), dim=1)
