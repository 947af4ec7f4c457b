"""What an optimization minimizes at one size: content, style and total variation by VGG19."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import repeat

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from stylecore.host.devices import autocast_dtype, select_device
from stylecore.images.arrays import to_batch
from stylecore.images.sizes import resize_long_side
from stylecore.optimization.config import OptimizationConfig, stroke_size_at, style_layers_of
from stylecore.optimization.style_losses import (
    RegionTap,
    StyleTarget,
    layer_loss,
    tap_regions,
    tap_statistics,
)
from stylecore.perception.features import Vgg19Features, deepest
from stylecore.perception.inner_losses import measure_along
from stylecore.perception.losses import content_loss
from stylecore.perception.penalties import RANGE_WEIGHT, range_loss, total_variation_loss
from stylecore.regions.pairs import CompletePair


class Objective:
    """What is minimized at one scale; pictures of shape (1, 3, H, W).

    Args:
        vgg: See `load_vgg`.
        content: The photo, RGB.
        styles: Style pictures, RGB, with weights that sum to 1.
        side: Long side of the scale in pixels.
        config: Settings.
        regions: From `stylecore.regions.pairs.complete_pairs`; without any, all takes the style of all.
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
        regions: Sequence[CompletePair] = (),
    ) -> None:
        self.vgg = vgg
        self.config = config
        device = select_device(config.device)
        self.photo = batch_at(content, side, device)
        _check_size(self.photo, config)
        self.stroke_size = stroke_size_at(side, config)
        self.masks = [mask_like(self.photo, mask) for mask, _ in regions] or [None]
        style_masks = [masks for _, masks in regions]
        with torch.no_grad():
            # In float32, so that no step converts it.
            self.content_target = vgg(self.photo, last=config.content_layer)[config.content_layer].float()
            known = [
                (self._read_style(batch_at(image, self.stroke_size, device), masks), weight)
                for (image, weight), *masks in zip(styles, *style_masks, strict=True)
            ]
            self.layer_losses = {
                layer: tap_regions(self._region_losses(layer, known), self.masks, _shares(self.masks))
                for layer in style_layers_of(config)
            }
        self.layer_weights = dict(
            zip(self.layer_losses, config.style_layer_weights or repeat(1.0), strict=False)
        )

    def _read_style(
        self, picture: Tensor, masks: Sequence[Image.Image]
    ) -> dict[str, list[StyleTarget | None]]:
        """What counts of a style picture by layer and region; its activations, far larger, are let go."""
        _check_size(picture, self.config)
        tap = tap_statistics(self.config.style_loss, [mask_like(picture, mask) for mask in masks] or [None])
        return measure_along(self.vgg, picture, dict.fromkeys(style_layers_of(self.config), tap))

    def _region_losses(
        self, layer: str, known: Sequence[tuple[dict[str, list[StyleTarget | None]], float]]
    ) -> list[RegionTap]:
        """The loss of each region. Pictures that give nothing to a region leave it to the others."""
        losses = []
        for place in range(len(self.masks)):
            targets = [(found[layer][place], weight) for found, weight in known]
            given = [(target, weight) for target, weight in targets if target is not None]
            total = sum(weight for _, weight in given)
            losses.append(layer_loss([(target, weight / total) for target, weight in given], self.config))
        return losses

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


def mask_like(picture: Tensor, mask: Image.Image) -> Tensor:
    """A mask at the size of a picture (1, 3, H, W) and on its device, (1, 1, H, W) in [0, 1]."""
    height, width = picture.shape[2:]
    small = mask.resize((width, height), Image.Resampling.BOX)
    return torch.from_numpy(np.array(small, np.float32) / 255)[None, None].to(picture.device)


def _shares(masks: Sequence[Tensor | None]) -> list[float]:
    """Shares of regions by their areas, with sum 1."""
    areas = [1.0 if mask is None else float(mask.mean()) for mask in masks]
    return [area / sum(areas) for area in areas]


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
