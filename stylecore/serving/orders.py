"""Custom runs as data: what refinements and learnings are made of, so that any process can work them off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stylecore.host.jobs import RunningJob
from stylecore.images.loading import MAX_MEGAPIXELS
from stylecore.learning.learning_config import LearningConfig
from stylecore.optimization.config import OptimizationConfig
from stylecore.optimization.iterates import OptimizationResult
from stylecore.styles.style import Style

if TYPE_CHECKING:
    from stylecore.serving.progress import LearningState, Refinement

StyleBytes = tuple[tuple[bytes, float], ...]  # encoded style pictures with weights


@dataclass(frozen=True)
class RefinementOrder:
    """The work of a refinement. While it waits it holds the encoded files.

    Attributes:
        photo: Encoded.
        styles: Encoded, with weights.
        size: Width and height of the photo.
        wanted: Settings; they are reduced if memory is short when the job starts.
        masks: PNGs: of each part that of the photo, then those of the styles; none: no regions.
        megapixels: Largest picture that is read, in millions of pixels.
        shared_by: Jobs that run at once and share the free memory.
    """

    photo: bytes
    styles: StyleBytes
    size: tuple[int, int]
    wanted: OptimizationConfig
    masks: tuple[bytes, ...] = ()
    megapixels: float = MAX_MEGAPIXELS
    shared_by: int = 1

    def __call__(self, job: RunningJob[Refinement]) -> OptimizationResult:
        from stylecore.serving.working import refine  # imports torch

        return refine(self, job)


@dataclass(frozen=True)
class LearningOrder:
    """The work of a learning. While it waits it holds the encoded files.

    Attributes:
        photo: Encoded; a part of what it learns on, and painted as a sample.
        styles: Style pictures, encoded.
        config: Settings.
        megapixels: Largest picture that is read, in millions of pixels.
    """

    photo: bytes
    styles: tuple[bytes, ...]
    config: LearningConfig
    megapixels: float = MAX_MEGAPIXELS

    def __call__(self, job: RunningJob[LearningState]) -> Style:
        from stylecore.serving.working import learn  # imports torch

        return learn(self, job)


Order = RefinementOrder | LearningOrder
