"""Objective of learning one style from one or several pictures."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from PIL import Image
from torch import Tensor

from stylecore.images.arrays import to_batch
from stylecore.images.sizes import resize_long_side
from stylecore.learning.config import AnyStyleConfig
from stylecore.learning.objective import PerceptualLosses, StepLosses, StyleTargets
from stylecore.learning.photo_turns import KnownPhoto
from stylecore.perception.losses import gram_matrix
from stylecore.perception.penalties import color_statistics, ripple_loss


class LearningObjective(PerceptualLosses):
    """Weighted losses of learning one style.

    Args:
        pictures: Style pictures; the targets are the means of theirs.
        config: Settings.
        device: Device of VGG19.
    """

    def __init__(self, pictures: Sequence[Image.Image], config: AnyStyleConfig, device: torch.device) -> None:
        super().__init__(config, device)
        self.targets = self._read(pictures)  # in float32
        self.use_precision()

    @torch.no_grad()
    def _read(self, pictures: Sequence[Image.Image]) -> StyleTargets:
        grams = dict.fromkeys(self.config.style_layers, 0.0)
        ripples = colors = 0.0
        for picture in pictures:
            batch = torch.from_numpy(to_batch(resize_long_side(picture, self.config.style_size)))
            features = self.vgg(batch.to(self.device), last=self.deepest)
            share = 1 / len(pictures)
            grams = {layer: total + share * gram_matrix(features[layer]) for layer, total in grams.items()}
            ripples = ripples + share * ripple_loss(batch.to(self.device))
            colors = colors + share * color_statistics(batch.to(self.device))
        return StyleTargets(grams, ripples, colors)

    def __call__(self, stylized: Tensor, known: KnownPhoto) -> StepLosses:
        """Losses of a stylized photo."""
        content, style, penalties = self.parts(
            stylized, known.photo, known.face_mask, self.targets, contents=known.contents
        )
        total = self.config.content_weight * content + self.config.style_weight * style + penalties
        return StepLosses(total.mean(), content, style, torch.zeros(()), torch.zeros(()))
