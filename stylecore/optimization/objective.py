"""What an optimization minimizes at one size: content, style and total variation by VGG19."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import repeat

import torch
from PIL import Image
from torch import Tensor

from stylecore.host.devices import autocast_dtype, select_device
from stylecore.images.arrays import to_batch
from stylecore.images.sizes import resize_long_side
from stylecore.optimization.config import OptimizationConfig, stroke_size_at, style_layers_of
from stylecore.perception.features import Vgg19Features, deepest
from stylecore.perception.inner_losses import Tap, measure_along, tap_gram_error
from stylecore.perception.losses import (
    content_loss,
    covariance,
    feature_moments,
    feature_patches,
    gram_matrix,
    matrix_root,
    patch_loss,
    wasserstein_loss,
)
from stylecore.perception.penalties import RANGE_WEIGHT, range_loss, total_variation_loss

StyleTarget = Tensor | tuple[Tensor, Tensor]
# What each style loss compares: (1, C, C); (1, C) and (1, C, C); or (patches, 9 * C).
STYLE_STATISTICS: dict[str, Callable[[Tensor], StyleTarget]] = {
    "gram": gram_matrix,
    "wasserstein": feature_moments,
    "patches": feature_patches,
}


class Objective:
    """What is minimized at one scale; pictures of shape (1, 3, H, W).

    Raises:
        ValueError: A picture too small for patches of the layers.
    """

    def __init__(
        self,
        vgg: Vgg19Features,
        content: Image.Image,
        styles: Sequence[tuple[Image.Image, float]],
        side: int,
        config: OptimizationConfig,
    ) -> None:
        self.vgg = vgg
        self.config = config
        device = select_device(config.device)
        self.photo = batch_at(content, side, device)
        _check_size(self.photo, config)
        self.stroke_size = stroke_size_at(side, config)
        with torch.no_grad():
            # In float32, so that no step converts it.
            self.content_target = vgg(self.photo, last=config.content_layer)[config.content_layer].float()
            known = [(self._read_style(batch_at(image, self.stroke_size, device)), w) for image, w in styles]
            self.layer_losses = {
                layer: _layer_loss([(statistics[layer], weight) for statistics, weight in known], config)
                for layer in style_layers_of(config)
            }
        self.layer_weights = dict(
            zip(self.layer_losses, config.style_layer_weights or repeat(1.0), strict=False)
        )

    def _read_style(self, picture: Tensor) -> dict[str, StyleTarget]:
        """What counts of a style picture by layer; its activations, far larger, are let go."""
        statistics = STYLE_STATISTICS[self.config.style_loss]
        wanted = style_layers_of(self.config)
        _check_size(picture, self.config)
        return measure_along(
            self.vgg, picture, {layer: lambda features: (features, statistics(features)) for layer in wanted}
        )

    def __call__(self, batch: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Total, content and style loss, each of shape (1,)."""
        taps = {layer: partial(self._losses_of, layer) for layer in self.vgg.layers}
        found = measure_along(self.vgg, batch, taps)
        content = found[self.config.content_layer]["content"]
        style = sum(
            self.layer_weights[layer] * losses["style"]
            for layer, losses in found.items()
            if "style" in losses
        )
        total = self.config.content_weight * content + self.config.style_weight * style
        total = total + self.config.tv_weight * total_variation_loss(batch) + RANGE_WEIGHT * range_loss(batch)
        return total, content, style

    def _losses_of(self, layer: str, features: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """A tap of the layer, see `stylecore.perception.inner_losses`."""
        losses = {}
        if layer in self.layer_losses:
            features, losses["style"] = self.layer_losses[layer](features)
        if layer == self.config.content_layer:
            losses["content"] = content_loss(features, self.content_target)
        return features, losses


def is_mixed(config: OptimizationConfig) -> bool:
    """Whether VGG19 computes in 16 bits on the device and in the precision of these settings."""
    # Gradients of pixels vanish in float16, which older GPUs have instead of bfloat16.
    return autocast_dtype(select_device(config.device), config.precision) == torch.bfloat16


def load_vgg(config: OptimizationConfig) -> Vgg19Features:
    """VGG19 with the layers of these settings, on the device and in the precision of the run.

    Not by autocast, which converts frozen weights anew in every step.
    """
    device = select_device(config.device)
    vgg = Vgg19Features(sorted({config.content_layer, *style_layers_of(config)}), pooling=config.pooling)
    return vgg.to(device, torch.bfloat16 if is_mixed(config) else torch.float32)


def batch_at(image: Image.Image, side: int, device: torch.device) -> Tensor:
    return torch.from_numpy(to_batch(resize_long_side(image, side))).to(device)


def _check_size(picture: Tensor, config: OptimizationConfig) -> None:
    """Refuse a picture of which a layer is too small for patches of 3x3."""
    if config.style_loss != "patches":
        return
    layer = deepest(config.patch_layers)
    least = 3 * 2 ** (int(layer[4]) - 1)
    height, width = picture.shape[2:]
    if min(height, width) < least:
        raise ValueError(
            f"patches of {layer} need at least {least} px a side, a picture would have {width} x {height} px"
        )


def _layer_loss(known: Sequence[tuple[StyleTarget, float]], config: OptimizationConfig) -> Tap:
    """Style loss of one layer, as a tap on the stylized picture's features.

    Several style pictures are mixed by their statistics. Of their patches, evenly spread, as many
    are there to be found as their weights say.
    """
    if config.style_loss == "gram":
        gram = sum(weight * own for own, weight in known)
        return lambda features: tap_gram_error(features, gram)
    if config.style_loss == "wasserstein":
        mean = sum(weight * own for (own, _), weight in known)
        second_moment = sum(weight * own for (_, own), weight in known)
        root = matrix_root(covariance(mean, second_moment))
        return lambda features: (features, wasserstein_loss(features, mean, root))
    heaviest = max(weight for _, weight in known)
    patches = torch.cat([_share(own, weight / heaviest) for own, weight in known])
    return lambda features: (features, patch_loss(features, patches))


def _share(patches: Tensor, share: float) -> Tensor:
    """A share of 0 to 1 of all patches, of shape (patches, 9 * C), evenly spread."""
    places = torch.linspace(0, len(patches) - 1, round(share * len(patches)), dtype=torch.float64)
    return patches[places.round().long()] if share < 1 else patches
