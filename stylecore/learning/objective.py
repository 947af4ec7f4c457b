"""Objective of the training: content, style, tone, palette, total variation, grid and ripple losses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from stylecore.host.devices import autocast_dtype
from stylecore.images.arrays import to_batch
from stylecore.images.loading import load_style
from stylecore.images.sizes import resize_long_side
from stylecore.learning.config import SharedConfig, TrainingConfig
from stylecore.learning.networks import STRIDE
from stylecore.perception.constants import STYLE_LAYERS
from stylecore.perception.features import Vgg19Features, deepest
from stylecore.perception.losses import content_loss, gram_matrix, style_loss
from stylecore.perception.penalties import (
    color_statistics,
    grid_loss,
    palette_loss,
    ripple_loss,
    tone_loss,
    total_variation_loss,
)


class StepLosses(NamedTuple):
    """Losses of a step with N pictures."""

    total: Tensor  # weighted sum to minimize, shape ()
    content: Tensor  # of each picture, shape (N,)
    style: Tensor  # of each picture, shape (N,)
    pixel: Tensor  # mean squared error during the pixel steps, shape ()
    shift: Tensor  # mean squared difference of a crop and its shifted copy, painted, shape ()


class StyleTargets(NamedTuple):
    """What is compared with the style pictures of N painted pictures."""

    grams: Mapping[str, Tensor]  # Gram matrices by layer, each (N, C, C)
    ripples: Tensor  # shape (N,), see `ripple_loss`
    colors: Tensor  # shape (N, 3, 4), see `color_statistics`


class PerceptualLosses:
    """Losses of painted pictures by VGG19, see `SharedConfig`.

    Args:
        config: Settings.
        device: Device of VGG19.
    Raises:
        ValueError: A layer that VGG19 does not have.
    Source: Johnson et al. (2016), section 3.
    """

    def __init__(self, config: SharedConfig, device: torch.device) -> None:
        self.config, self.device = config, device
        used = {*config.content_layers, *config.style_layers}
        vgg = Vgg19Features(sorted(used | {*STYLE_LAYERS}))  # raises ValueError for unknown layers
        self.deepest = deepest(used)
        # channels_last suits the tensor cores of GPUs; on CPUs it is slower.
        memory_format = torch.channels_last if device.type == "cuda" else torch.preserve_format
        self.vgg = vgg.to(device, memory_format=memory_format)

    def use_precision(self) -> None:
        """Round VGG19's weights on CPUs; autocast would convert the frozen weights in every step."""
        if self.device.type == "cpu":
            self.vgg.to(autocast_dtype(self.device, self.config.precision) or torch.float32)

    def parts(
        self,
        stylized: Tensor,
        photos: Tensor,
        face_masks: Tensor,
        targets: StyleTargets,
        *,
        contents: Mapping[str, Tensor] | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Losses of the stylized pictures of N photos.

        Args:
            stylized: Shape (N * styles_per_photo, 3, H, W), pictures of one photo next to each other.
            photos: Shape (N, 3, H, W), in [0, 1].
            face_masks: 1 in faces, 0 elsewhere, shape (N, 1, H, W).
            targets: Of the style of each stylized picture.
            contents: The photos' `content_features`, if they are known.
        Returns:
            Content losses, style losses, and the weighted sums of the penalties, each of shape
            (N * styles_per_photo,).
        """
        config = self.config
        photo_features = {
            layer: features.repeat_interleave(config.styles_per_photo, 0)
            for layer, features in (contents or self.content_features(photos)).items()
        }
        features = self.vgg(stylized, last=self.deepest)
        emphasis = (1 + (config.face_factor - 1) * face_masks).repeat_interleave(config.styles_per_photo, 0)
        contents = [
            content_loss(features[layer], photo_features[layer], emphasis) for layer in config.content_layers
        ]
        content = torch.stack(contents).mean(0)
        style = style_loss(features, {layer: targets.grams[layer] for layer in config.style_layers})
        ripples = F.relu(ripple_loss(stylized) - targets.ripples)
        tone = tone_loss(stylized, photos.repeat_interleave(config.styles_per_photo, 0))
        penalties = (
            config.tv_weight * total_variation_loss(stylized)
            + config.grid_weight * grid_loss(stylized, period=STRIDE)
            + config.ripple_weight * ripples
            + config.tone_weight * tone
            + config.palette_weight * palette_loss(stylized, targets.colors)
        )
        return content, style, penalties

    @torch.no_grad()
    def content_features(self, photos: Tensor) -> dict[str, Tensor]:
        """Activations of photos (N, 3, H, W) at the content layers."""
        features = self.vgg(photos, last=deepest(self.config.content_layers))
        return {layer: features[layer] for layer in self.config.content_layers}


class TrainingObjective(PerceptualLosses):
    """Weighted losses of a training on given styles, see `TrainingConfig`.

    Args:
        style_images: One picture per style.
        config: Settings.
        device: Device of VGG19.
    Raises:
        ImageError: An unreadable style picture.
        ValueError: A layer that VGG19 does not have.
    """

    def __init__(self, style_images: Sequence[Path], config: TrainingConfig, device: torch.device) -> None:
        super().__init__(config, device)
        self.targets = self._read_styles(style_images)  # in float32
        self.use_precision()
        factors = [config.content_factors.get(path.stem, 1.0) for path in style_images]
        self.content_weights = config.content_weight * torch.tensor(factors, device=device)

    @torch.no_grad()
    def _read_styles(self, style_images: Sequence[Path]) -> StyleTargets:
        """What is compared with all style pictures, in their order.

        Includes layers that are not trained on, for the evaluation.
        """
        layers = {*self.config.style_layers, *STYLE_LAYERS}
        grams: dict[str, list[Tensor]] = {layer: [] for layer in sorted(layers)}
        ripples, colors = [], []
        for path in style_images:
            image = resize_long_side(load_style(path), self.config.style_size)
            picture = torch.from_numpy(to_batch(image)).to(self.device)
            features = self.vgg(picture)
            for layer in grams:
                grams[layer].append(gram_matrix(features[layer]))
            ripples.append(ripple_loss(picture))
            colors.append(color_statistics(picture))
        matrices = {layer: torch.cat(each) for layer, each in grams.items()}
        return StyleTargets(matrices, torch.cat(ripples), torch.cat(colors))

    def __call__(
        self, stylized: Tensor, photos: Tensor, face_masks: Tensor, style_indices: Tensor
    ) -> StepLosses:
        """Losses of the stylized pictures of N photos.

        Args:
            stylized: See `PerceptualLosses.parts`.
            photos: See there.
            face_masks: See there.
            style_indices: Style of each stylized picture, shape (N * styles_per_photo,).
        """
        grams = {layer: self.targets.grams[layer][style_indices] for layer in self.config.style_layers}
        targets = StyleTargets(grams, self.targets.ripples[style_indices], self.targets.colors[style_indices])
        content, style, penalties = self.parts(stylized, photos, face_masks, targets)
        total = self.content_weights[style_indices] * content + self.config.style_weight * style + penalties
        return StepLosses(total.mean(), content, style, torch.zeros(()), torch.zeros(()))


def pixel_losses(stylized: Tensor, photos: Tensor) -> StepLosses:
    """Mean squared error; a network that can reproduce photos learns styles sooner."""
    pixel = F.mse_loss(stylized, photos)
    none = torch.zeros(len(photos))
    return StepLosses(pixel, none, none, pixel, torch.zeros(()))
