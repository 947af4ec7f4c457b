"""Descent on one picture: how it starts, its steps, the best picture so far, and divergence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor

from stylecore.errors import DivergenceError
from stylecore.images.arrays import from_batch, to_batch
from stylecore.optimization.adam import Adam
from stylecore.optimization.config import OptimizationConfig
from stylecore.optimization.lbfgs import Lbfgs
from stylecore.optimization.objective import Objective
from stylecore.optimization.preview import PreviewPainter, StyleStatistics
from stylecore.regions.pairs import CompletePair

# A run has diverged when so many losses are that many times the lowest and do not fall.
LOST_STEPS, LOST_FACTOR = 20, 3.0


class Best:
    """The best picture of a scale; detects divergence.

    Args:
        start: First picture of the scale, which is the best until a step has judged one.
    Attributes:
        picture: Values in [0, 1].
        loss: Total loss of the picture, infinite before the first step.
    """

    def __init__(self, start: Tensor) -> None:
        self.picture, self.loss = start.detach().clone().clamp(0, 1), math.inf
        self.lost, self.previous = 0, math.inf

    def judge(self, picture: Tensor, loss: float) -> None:
        """Keep a picture if it is better; its values are clamped.

        Raises:
            DivergenceError: The loss is not a number, or stays far above the lowest.
        """
        if loss < self.loss:  # never where it is not a number
            self.picture, self.loss = picture.clamp_(0, 1), loss
        if loss <= LOST_FACTOR * self.loss:
            self.lost = 0
        elif loss >= self.previous:  # adam's first steps may rise far, and then fall again
            self.lost += 1
        self.previous = loss
        if self.lost == LOST_STEPS or not math.isfinite(loss):
            found = f"a loss of {loss:.3g} after {self.loss:.3g}"
            raise DivergenceError(f"the optimization lost its way with {found}: try other settings")


@dataclass(frozen=True)
class Losses:
    content: float
    style: float
    total: float


def take_step(optimizer: Adam | Lbfgs, batch: Tensor, objective: Objective) -> Losses:
    """One step of the optimizer; the losses are those of the picture before it."""
    values: list[Losses] = []

    def closure() -> Tensor:
        batch.grad = None
        total, content, style = objective(batch)
        total.backward()
        values.append(Losses(content.item(), style.item(), total.item()))
        return total

    optimizer.step(closure)
    return values[0]


def build_optimizer(batch: Tensor, config: OptimizationConfig, earlier: Adam | Lbfgs | None) -> Adam | Lbfgs:
    if config.method == "adam":
        return Adam(batch, config.learning_rate, earlier, beta2=config.beta2)
    return Lbfgs(batch, config.history)  # gradients of another size do not apply


def start_picture(
    objective: Objective,
    styles: Sequence[tuple[Image.Image, float]],
    config: OptimizationConfig,
    regions: Sequence[CompletePair] = (),
) -> Tensor:
    """First picture, of the photo's shape (1, 3, H, W).

    `mixed_noise` is the photo plus uniform noise of 0 to 0.5, clipped, as in the classic recipe.
    """
    photo = objective.photo
    if config.start == "content":
        return photo.clone()
    if config.start == "preview":
        painter = PreviewPainter(config.device, precision=config.precision)
        parts = []
        for mask, masks in regions or [(None, [None] * len(styles))]:
            known = [
                (painter.read_style(image, stroke_size=objective.stroke_size, mask=own), weight)
                for (image, weight), own in zip(styles, masks, strict=True)
                if own is None or own.getbbox()
            ]
            parts.append((mask, StyleStatistics.mix(known)))
        painted = painter.paint(from_batch(photo.cpu().numpy()), parts)
        return torch.from_numpy(to_batch(painted)).to(photo.device)
    noise = torch.rand(photo.shape, generator=torch.Generator().manual_seed(config.seed)).to(photo.device)
    return noise if config.start == "noise" else (photo + 0.5 * noise).clamp(0, 1)
