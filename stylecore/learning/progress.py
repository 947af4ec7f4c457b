"""Progress of a training run: mean losses, speed and remaining time after each step."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from stylecore.learning.config import SharedConfig
from stylecore.learning.objective import StepLosses


@dataclass(frozen=True)
class TrainingProgress:
    """Progress after a step; losses are means over the last 50 steps."""

    step: int
    steps: int  # of the whole run; if `hours` end it, a prediction
    content_loss: float
    style_loss: float
    pixel_loss: float  # mean squared error during `pixel_steps`, else 0
    shift_loss: float  # mean squared difference of a crop and its shifted copy, painted; 0 on given styles
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
        pixel_steps: First steps, which only reproduce the photo.
        names: Names of the styles whose losses are reported each.
        first_step: Steps done before this session.
        earlier_s: Seconds of earlier sessions.
    """

    def __init__(
        self,
        config: SharedConfig,
        names: Sequence[str],
        *,
        pixel_steps: int,
        first_step: int,
        earlier_s: float,
    ) -> None:
        self.config, self.pixel_steps = config, pixel_steps
        self.first_step, self.earlier_s = first_step, earlier_s
        self.started = time.monotonic()
        self.recent: deque[tuple[float, ...]] = deque(maxlen=50)
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
            names: Style name of each picture of the step; empty if single styles are not reported.
            skipped: Number of unreadable photos so far.
            new: Names of unreadable photos first met in this step.
        """
        if step == self.pixel_steps + 1:
            self.recent.clear()  # pixel steps have no content and style loss
        self.recent.append(tuple(value.detach().mean().item() for value in losses[1:]))
        if names and step > self.pixel_steps:
            for name, value in zip(names, losses.style.tolist(), strict=True):
                self.by_style[name].append(value)
        steps_per_s = (step - self.first_step) / (time.monotonic() - self.started)
        steps, remaining_s = self._rest(step, steps_per_s)
        content, style, pixel, shift = np.mean(self.recent, axis=0).tolist()
        return TrainingProgress(
            step=step,
            steps=steps,
            content_loss=content,
            style_loss=style,
            pixel_loss=pixel,
            shift_loss=shift,
            style_losses={name: float(np.mean(values)) for name, values in self.by_style.items() if values},
            images_per_s=steps_per_s * self.config.batch_size,
            elapsed_s=self.elapsed_s,
            remaining_s=remaining_s,
            skipped_photos=skipped,
            newly_skipped=tuple(new),
        )

    def _rest(self, step: int, steps_per_s: float) -> tuple[int, float]:
        """Steps of the whole run and seconds left after a step."""
        if not self.config.hours:
            return self.config.steps, (self.config.steps - step) / steps_per_s
        remaining_s = max(0.0, 3600 * self.config.hours - self.elapsed_s)
        return step + math.ceil(remaining_s * steps_per_s), remaining_s
