"""Style losses of one layer, as taps on its features: of the whole picture or of regions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from stylecore.optimization.config import OptimizationConfig
from stylecore.perception.inner_losses import Tap, tap_gram_error
from stylecore.perception.losses import (
    covariance,
    feature_moments,
    feature_patches,
    gram_matrix,
    matrix_root,
    patch_loss,
    position_weights,
    wasserstein_loss,
)

StyleTarget = Tensor | tuple[Tensor, Tensor]
RegionTap = Callable[
    [Tensor, Tensor | None], tuple[Tensor, Tensor]
]  # a tap that takes weights of the positions
# What each style loss compares, in the whole picture or by weights of its positions: (1, C, C); (1, C) and
# (1, C, C); or (patches, 9 * C).
STYLE_STATISTICS: dict[str, Callable[[Tensor, Tensor | None], StyleTarget]] = {
    "gram": gram_matrix,
    "wasserstein": feature_moments,
    "patches": feature_patches,
}


def tap_statistics(style_loss: str, masks: Sequence[Tensor | None]) -> Tap:
    """Statistics of a style picture in each of its regions, as a tap; its activations are let go.

    Args:
        style_loss: A name from `STYLE_STATISTICS`.
        masks: Of the regions, each (1, 1, H, W), None for all of the picture; one that is all 0 gives None.
    """
    statistics = STYLE_STATISTICS[style_loss]

    def tap(features: Tensor) -> tuple[Tensor, list[StyleTarget | None]]:
        found = [
            None if mask is not None and not mask.any() else statistics(features, _weights(features, mask))
            for mask in masks
        ]
        return features, found

    return tap


def tap_regions(taps: Sequence[RegionTap], masks: Sequence[Tensor | None], shares: Sequence[float]) -> Tap:
    """Style loss of a layer, summed over regions, as a tap.

    Args:
        taps: Of each region, see `layer_loss`.
        masks: Of the regions, each (1, 1, H, W), None for all of the picture.
        shares: Of the regions in the sum.
    Source: the augmented style loss of Luan et al. (2017), *Deep Photo Style Transfer*, eq. 4. Differs:
        relative losses, weighted by the regions' areas, so that a pixel counts the same in all of them.
    """

    def tap(features: Tensor) -> tuple[Tensor, Tensor]:
        total = 0
        for own, mask, share in zip(taps, masks, shares, strict=True):
            features, loss = own(features, _weights(features, mask))
            total = total + share * loss
        return features, total

    return tap


def layer_loss(known: Sequence[tuple[StyleTarget, float]], config: OptimizationConfig) -> RegionTap:
    """Style loss of one layer.

    Several style pictures are mixed by their statistics. Of their patches, evenly spread, as many
    are there to be found as their weights say.
    """
    if config.style_loss == "gram":
        gram = sum(weight * own for own, weight in known)
        return lambda features, weights: tap_gram_error(features, gram, weights)
    if config.style_loss == "wasserstein":
        mean = sum(weight * own for (own, _), weight in known)
        second_moment = sum(weight * own for (_, own), weight in known)
        root = matrix_root(covariance(mean, second_moment))
        return lambda features, weights: (features, wasserstein_loss(features, mean, root, weights))
    heaviest = max(weight for _, weight in known)
    patches = torch.cat([_share(own, weight / heaviest) for own, weight in known])
    return lambda features, weights: (features, patch_loss(features, patches, weights))


def _weights(features: Tensor, mask: Tensor | None) -> Tensor | None:
    return None if mask is None else position_weights(mask, features.shape[2:])


def _share(patches: Tensor, share: float) -> Tensor:
    """A share of 0 to 1 of all patches, of shape (patches, 9 * C), evenly spread."""
    places = torch.linspace(0, len(patches) - 1, round(share * len(patches)), dtype=torch.float64)
    return patches[places.round().long()] if share < 1 else patches
