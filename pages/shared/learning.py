"""Learning a style from the visitor's pictures: what its jobs do and report."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pages.shared.long_jobs import job_queue
from pages.shared.painting import encode_screen, read_photo, screen_picture
from pages.shared.visit import visit
from stylecore import LearningConfig, LearningProgress, Style, learn_style
from stylecore.host.jobs import Job, RunningJob
from stylecore.host.sizes import held_bytes

MINUTES = (1.0, 3.0, 10.0)
PICTURE_SIDE = 1024  # px, long side of the pictures that it reads
EXPECTED_BYTES = 1_500_000_000  # that it takes at most, see docs/measurements.md


@dataclass(frozen=True)
class LearningRequest:
    """The pictures and settings of a learning.

    Attributes:
        photo: Photo that is painted as a sample, encoded at screen size.
        first: The instant painting of it, encoded.
        styles: Style pictures, encoded at screen size.
        names: Names of the photo and the styles.
        choice: What was chosen, to compare with what is chosen now.
        config: Settings.
        loss_label: Title of the x axis of the losses.
    """

    photo: bytes
    first: bytes
    styles: tuple[bytes, ...]
    names: tuple[str, ...]
    choice: tuple
    config: LearningConfig
    loss_label: str = "report"


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


LearningJob = Job[LearningRequest, LearningState, Style]


@dataclass(frozen=True)
class LearningWork:
    """The work of a job. While it waits it holds the encoded files.

    Attributes:
        photo: Encoded; a part of what it learns on.
        styles: Style pictures, encoded.
        config: Settings.
    """

    photo: bytes
    styles: tuple[bytes, ...]
    config: LearningConfig

    def __call__(self, job: RunningJob[LearningState]) -> Style:
        job.report(LearningState())
        photo = read_photo(self.photo, max_side=PICTURE_SIDE)
        return learn_style(
            [read_photo(data, max_side=PICTURE_SIDE) for data in self.styles],
            self.config,
            photos=[photo],
            sample=photo,
            on_progress=lambda progress: job.report(job.progress.after(progress)),
            should_stop=job.should_stop,
        )


def start_learning(
    photo: bytes,
    styles: Sequence[bytes],
    config: LearningConfig,
    *,
    names: tuple[str, ...],
    instant: bytes,
    choice: tuple,
) -> str:
    """Queue a learning; returns the token that finds its job in `job_queue`.

    Args:
        photo: The encoded photo.
        styles: Encoded style pictures.
        config: Settings.
        names: Names of the photo and the style pictures.
        instant: The encoded instant painting.
        choice: See `LearningRequest`.
    Raises:
        ImageError: A picture cannot be used.
        QueueFullError: Too many visitors wait already, or this one has too many jobs.
    """
    request = LearningRequest(
        photo=screen_picture(photo).encoded,
        first=instant,
        styles=tuple(screen_picture(data).encoded for data in styles),
        names=names,
        choice=choice,
        config=config,
    )
    job = job_queue().submit(
        LearningWork(photo, tuple(styles), config),
        held_bytes=held_bytes(photo, tuple(styles)),
        about=request,
        owner=visit().owner,
        expected_s=60 * config.minutes,
        expected_bytes=EXPECTED_BYTES,
    )
    return job.token
