"""What custom runs report: pictures at screen size, losses, and the newest step. Needs no torch."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from PIL import Image

from stylecore.images.encoding import encode_screen
from stylecore.images.sizes import limit_long_side
from stylecore.instant.stylizer import WORKING_SIDE
from stylecore.learning.learning_progress import LearningProgress
from stylecore.optimization.config import OptimizationConfig
from stylecore.optimization.iterates import Iterate, OptimizationResult


@dataclass(frozen=True)
class Refinement:
    """The progress of an optimization.

    Attributes:
        config: Settings that fit into memory.
        changes: Settings that were reduced to fit, as text.
        losses: Total loss after every step.
        snapshots: Step numbers and encoded pictures of screen size; the last one is the final picture.
        picture: The newest picture, encoded at screen size.
        newest: The last step, without its picture; its times are without pauses.
    """

    config: OptimizationConfig
    changes: tuple[str, ...]
    losses: tuple[float, ...] = ()
    snapshots: tuple[tuple[int, bytes], ...] = ()
    picture: bytes | None = None
    newest: Iterate | None = None

    @property
    def step(self) -> int:
        """Number of the newest step; 0 before the first."""
        return 0 if self.newest is None else self.newest.step

    @property
    def steps(self) -> int:
        """Number of all steps."""
        return self.config.steps if self.newest is None else self.newest.steps

    @property
    def remaining_s(self) -> float | None:
        """Expected time to the end in seconds; None before the first step."""
        return None if self.newest is None else self.newest.remaining_s

    def after(self, iterate: Iterate, paused_s: float) -> Refinement:
        """The progress one step later; `paused_s` seconds of the run's time were pauses."""
        losses, snapshots, picture = self.losses, self.snapshots, self.picture
        if math.isfinite(iterate.total_loss):
            losses = (*losses, iterate.total_loss)
        if iterate.image is not None:
            picture = _for_screen(iterate.image)
            if iterate.step % self.config.preview_every == 0:
                snapshots = (*snapshots, (iterate.step, picture))
        ran_s = iterate.elapsed_s - paused_s
        remaining_s = iterate.remaining_s * ran_s / iterate.elapsed_s
        newest = replace(iterate, image=None, elapsed_s=ran_s, remaining_s=remaining_s)
        return replace(self, losses=losses, snapshots=snapshots, picture=picture, newest=newest)

    def ended(self, result: OptimizationResult) -> Refinement:
        """The progress with the final picture as the last snapshot."""
        done = len(result.iterates)
        if self.snapshots and self.snapshots[-1][0] == done:
            return self
        return replace(self, snapshots=(*self.snapshots, (done, _for_screen(result.image))))


@dataclass(frozen=True)
class LearningState:
    """The progress of a learning.

    Attributes:
        losses: Total loss at each sample painting.
        picture: The newest sample painting, encoded.
        newest: The last step, without its picture.
    """

    losses: tuple[float, ...] = ()
    picture: bytes | None = None
    newest: LearningProgress | None = None

    @property
    def step(self) -> int:
        """Number of the newest step; 0 before the first."""
        return 0 if self.newest is None else self.newest.step

    @property
    def steps(self) -> int:
        """Number of all steps, as predicted."""
        return 0 if self.newest is None else self.newest.steps

    @property
    def remaining_s(self) -> float | None:
        """Expected time to the end in seconds; None before the first step."""
        return None if self.newest is None else self.newest.remaining_s

    def after(self, progress: LearningProgress) -> LearningState:
        """The state one step later."""
        losses, picture = self.losses, self.picture
        if progress.image is not None:
            picture = encode_screen(progress.image)
            if math.isfinite(progress.total_loss):
                losses = (*losses, progress.total_loss)
        return LearningState(losses, picture, replace(progress, image=None))


def _for_screen(image: Image.Image) -> bytes:
    return encode_screen(limit_long_side(image, WORKING_SIDE))
