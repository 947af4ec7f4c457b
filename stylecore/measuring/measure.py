"""The measure of paintings: content and style loss by VGG19, and the optimization that minimizes it.

Source: Gatys et al. (2016). Differs: losses are relative, see `stylecore.perception.losses`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from stylecore.host.devices import select_device
from stylecore.images.arrays import from_batch, to_batch
from stylecore.optimization.lbfgs import Lbfgs
from stylecore.perception.constants import STYLE_LAYERS, STYLE_WEIGHT
from stylecore.perception.features import Vgg19Features
from stylecore.perception.losses import content_loss, gram_matrix, relative_error, style_loss
from stylecore.perception.penalties import RANGE_WEIGHT, range_loss

CONTENT_LAYER = "relu4_1"


@dataclass(frozen=True)
class Losses:
    """Content, style and total loss of one picture, or means of several."""

    content: float
    style: float

    @property
    def total(self) -> float:
        return self.content + STYLE_WEIGHT * self.style

    def as_dict(self) -> dict[str, float]:
        return {name: round(getattr(self, name), 4) for name in ("content", "style", "total")}


def mean_losses(losses: Sequence[Losses]) -> Losses:
    return Losses(
        float(np.mean([item.content for item in losses])), float(np.mean([item.style for item in losses]))
    )


class Measure:
    """Computes content and style losses of pictures, in float32.

    Args:
        device: `auto`, `cpu` or `cuda`.

    Raises:
        DeviceError: The device does not start.
    """

    def __init__(self, device: str = "cpu") -> None:
        self.device = select_device(device)
        self.vgg = Vgg19Features([*{CONTENT_LAYER, *STYLE_LAYERS}]).to(self.device)

    def on_device(self, targets: Mapping[str, Mapping[str, Tensor]]) -> dict[str, dict[str, Tensor]]:
        """Style targets by style and layer, moved to the device of the measure."""
        return {
            name: {layer: gram.to(self.device) for layer, gram in grams.items()}
            for name, grams in targets.items()
        }

    def tensor(self, image: Image.Image) -> Tensor:
        return torch.from_numpy(to_batch(image)).to(self.device)

    @torch.no_grad()
    def __call__(self, stylized: Image.Image, photo_features: Tensor, grams: dict[str, Tensor]) -> Losses:
        """Losses of a picture against the photo's `content_features` and a style's `grams`."""
        content, style = self.losses(self.tensor(stylized), photo_features, grams)
        return Losses(float(content), float(style))

    @torch.no_grad()
    def content_features(self, photo: Image.Image) -> Tensor:
        return self.vgg(self.tensor(photo), last=CONTENT_LAYER)[CONTENT_LAYER]

    @torch.no_grad()
    def grams(self, style: Image.Image) -> dict[str, Tensor]:
        """Gram matrices of a picture at its own size, by style layer."""
        features = self.vgg(self.tensor(style))
        return {layer: gram_matrix(features[layer]) for layer in STYLE_LAYERS}

    def losses(
        self, batch: Tensor, photo_features: Tensor, grams: dict[str, Tensor]
    ) -> tuple[Tensor, Tensor]:
        features = self.vgg(batch)
        return content_loss(features[CONTENT_LAYER], photo_features), style_loss(features, grams)


def gram_distance(grams: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> float:
    """Style loss of a picture with known Gram matrices."""
    return sum(float(relative_error(grams[layer], targets[layer])) for layer in STYLE_LAYERS)


def optimize_pixels(
    measure: Measure, photo: Image.Image, grams: dict[str, Tensor], steps: int
) -> Image.Image:
    """Minimize the measure over the pixels of a photo by L-BFGS, with a penalty on values outside [0, 1].

    Source: Gatys et al. (2016), section 2.3. Differs: starts from the photo.
    """
    photo_features = measure.content_features(photo)
    batch = measure.tensor(photo).requires_grad_()
    optimizer = Lbfgs(batch, history=20)

    def closure() -> Tensor:
        batch.grad = None
        content, style = measure.losses(batch, photo_features, grams)
        loss = (content + STYLE_WEIGHT * style + RANGE_WEIGHT * range_loss(batch)).sum()
        loss.backward()
        return loss

    for _ in range(steps):
        optimizer.step(closure)
    return from_batch(batch.detach().cpu().numpy())
