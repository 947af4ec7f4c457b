"""Painting a photo in its own size: at once, or by a job with progress if the photo is large."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

from PIL import Image

from pages.shared.choosing import Choice
from pages.shared.long_jobs import new_queue
from pages.shared.painting import Look, paint_at_once, read_photo
from pages.shared.painting_server import served_file
from pages.shared.turns import large_line
from pages.shared.visit import visit
from stylecore import find_subject
from stylecore.errors import StoppedError
from stylecore.host.job_queue import JobQueue
from stylecore.host.jobs import Job, RunningJob
from stylecore.images.encoding import encode_image
from stylecore.instant.progress import OnProgress, PaintingProgress, ShouldStop

LONG_PIXELS = 16e6  # of a photo that takes more than some five seconds on two cores
KEPT = 2  # painted files that are kept, if their memory allows


@dataclass(frozen=True)
class FullSizeRequest:
    """What is painted; equal for requests of the same file.

    Attributes:
        title: Titles of the styles.
        file_name: Name of the file.
        file_format: One of `DOWNLOAD_FORMATS`.
        choice: The photo and the look.
    """

    title: str
    file_name: str
    file_format: str
    choice: tuple


@dataclass(frozen=True)
class FullSizeState:
    """How far the painting of a file is.

    Attributes:
        share: Of the painting that is done, 0 to 1; None before the first part.
        remaining_s: Expected time to its end in seconds; None before the first part.
    """

    share: float | None = None
    remaining_s: float | None = None


FullSizeJob = Job[FullSizeRequest, FullSizeState, bytes]


@cache  # as `job_queue`
def full_size_queue() -> JobQueue:
    """The queue of large photos that are painted in full size."""
    return new_queue(noun="large photos", kept=KEPT)


def is_long(size: tuple[int, int]) -> bool:
    """Whether painting a photo of this width and height takes long."""
    return math.prod(size) > LONG_PIXELS


def full_size_request(
    photo: Choice, look: Look, file_format: str, *, title: str, ending: str
) -> FullSizeRequest:
    """The request of a photo in a look."""
    choice = zlib.crc32(photo.data), len(photo.data), look.key
    return FullSizeRequest(title, f"{photo.name}_{look.name}.{ending}", file_format, choice)


def start_full_size(photo: Choice, look: Look, request: FullSizeRequest) -> str:
    """Queue a request; returns the job's token. The job's result is the file, None if it was stopped.

    Raises:
        QueueFullError: Too many large photos wait, or the visitor has too many.
    """
    work = partial(_paint_file, photo=photo.data, look=look, file_format=request.file_format)
    job = full_size_queue().submit(work, about=request, owner=visit().owner, held_bytes=len(photo.data))
    return job.token


def full_size(
    photo: bytes,
    look: Look,
    file_format: str,
    *,
    is_patient: bool = False,
    on_wait: Callable[[int], None] = lambda place: None,
    on_progress: OnProgress = None,
    should_stop: ShouldStop = None,
) -> bytes:
    """Paint a photo in its own size, with strokes as large relative to the picture as in the preview.

    Args:
        photo: The encoded photo.
        look: How to paint it; its description is written into the file's metadata.
        file_format: One of `DOWNLOAD_FORMATS`.
        is_patient: See `WaitingLine.turn`.
        on_wait: See `WaitingLine.turn`.
        on_progress: See `FastStylizer.stylize`; not called if the painting server paints.
        should_stop: See `FastStylizer.stylize`.
    Raises:
        ImageError: The photo cannot be used, or the format cannot hold its size.
        QueueFullError: Too many wait already.
        StoppedError: `should_stop` answered True.
    """
    if (served := served_file(photo, look, file_format)) is not None:
        return served

    def paint() -> Image.Image:
        image = read_photo(photo)
        mask = look.where.mask(image, lambda: find_subject(image))
        return paint_at_once(
            image, look, mask, on_progress=on_progress, should_stop=should_stop, closes_photo=True
        )

    with large_line.turn(on_wait, is_patient=is_patient):
        return encode_image(paint(), file_format, description=look.description)


def _paint_file(
    job: RunningJob[FullSizeState], *, photo: bytes, look: Look, file_format: str
) -> bytes | None:
    """The work of a job: the file, or None if it was stopped."""
    job.report(FullSizeState())

    def show(state: PaintingProgress) -> None:
        job.report(FullSizeState(state.share, state.remaining_s))

    def wait(place: int) -> None:
        if job.should_stop():
            raise StoppedError("the painting was stopped")

    try:
        return full_size(
            photo,
            look,
            file_format,
            is_patient=True,
            on_wait=wait,
            on_progress=show,
            should_stop=job.should_stop,
        )
    except StoppedError:
        return None
