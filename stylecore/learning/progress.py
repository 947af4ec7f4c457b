"""Progress of a training run: mean losses, speed and remaining time after each step."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from stylecore.learning.config import TrainingConfig
from stylecore.learning.objective import StepLosses


@dataclass(frozen=True)
class TrainingProgress:
    """Progress after a step; losses are means over the last 50 steps."""

    step: int
    steps: int
    content_loss: float
    style_loss: float
    pixel_loss: float  # mean squared error during `pixel_steps`, else 0
    style_losses: Mapping[str, float]  # by style name, means over its last 25 pictures
    images_per_s: float
    elapsed_s: float  # including earlier sessions of a resumed run
    remaining_s: float
    skipped_photos: int  # unreadable photos so far
    newly_skipped: tuple[str, ...]  # names of unreadable photos first met in this step


class ProgressMeter:
    """Computes `TrainingProgress` from the losses of single steps.

    Args:
        config: Settings of the run.
        names: Style names.
        first_step: Steps done before this session.
        earlier_s: Seconds of earlier sessions.
    """

    def __init__(
        self, config: TrainingConfig, names: Sequence[str], first_step: int, earlier_s: float
    ) -> None:
        self.config, self.first_step, self.earlier_s = config, first_step, earlier_s
        self.started = time.monotonic()
        self.recent: deque[tuple[float, float, float]] = deque(maxlen=50)
        self.by_style: dict[str, deque[float]] = {name: deque(maxlen=25) for name in names}

    @property
    def elapsed_s(self) -> float:
        return self.earlier_s + time.monotonic() - self.started

    def read(
        self, step: int, losses: StepLosses, names: Sequence[str], *, skipped: int, new: Sequence[str]
    ) -> TrainingProgress:
        """Add the losses of a step and return the progress.

        Args:
            step: Steps done.
            losses: Losses of this step.
            names: Style name of each picture of the step.
            skipped: Number of unreadable photos so far.
            new: Names of unreadable photos first met in this step.
        """
        if step == self.config.pixel_steps + 1:
            self.recent.clear()  # pixel steps have no content and style loss
        self.recent.append(tuple(value.detach().mean().item() for value in losses[1:]))
        if step > self.config.pixel_steps:
            for name, value in zip(names, losses.style.tolist(), strict=True):
                self.by_style[name].append(value)
        steps_per_s = (step - self.first_step) / (time.monotonic() - self.started)
        content, style, pixel = np.mean(self.recent, axis=0).tolist()
        return TrainingProgress(
            step=step,
            steps=self.config.steps,
            content_loss=content,
            style_loss=style,
            pixel_loss=pixel,
            style_losses={name: float(np.mean(values)) for name, values in self.by_style.items() if values},
            images_per_s=steps_per_s * self.config.batch_size,
            elapsed_s=self.elapsed_s,
            remaining_s=(self.config.steps - step) / steps_per_s,
            skipped_photos=skipped,
            newly_skipped=tuple(new),
        )
