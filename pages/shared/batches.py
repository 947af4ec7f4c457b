"""Batches of photos: painted one after another in the background, into one ZIP."""

from __future__ import annotations

import io
import logging
import math
import time
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

from pages.shared.choosing import Choice
from pages.shared.full_size import is_long
from pages.shared.limits import limits
from pages.shared.long_jobs import MEGABYTE, new_queue
from pages.shared.painting import (
    DOWNLOAD_FORMATS,
    GPU_AT_ONCE,
    Look,
    find_mask,
    is_on_gpu,
    paint,
    read_photo,
)
from pages.shared.visit import visit
from pages.shared.where import FOUND
from stylecore import Style, StyleTransferError
from stylecore.errors import StoppedError, describe
from stylecore.host.ahead import work_ahead
from stylecore.host.job_queue import JobQueue
from stylecore.host.jobs import RunningJob
from stylecore.images.colors import is_transparent
from stylecore.images.encoding import MAX_SIDES, encode_image
from stylecore.images.files import free_path
from stylecore.images.sheets import contact_sheet
from stylecore.images.sizes import limit_long_side
from stylecore.instant.progress import OnProgress, PaintingProgress, ShouldStop

THUMBNAIL_SIDE = 400  # px
GPU_PHOTOS = 3  # that are read, painted and encoded at the same time on a GPU
KEPT_BATCHES = 3  # finished batches that are kept, each with its ZIP, if their memory allows
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pair:
    """A small JPEG of a photo next to its painting, and the painting's file name in the ZIP."""

    picture: bytes
    file_name: str


@dataclass(frozen=True)
class Batch:
    """The progress of a batch.

    Attributes:
        total: Paintings to make.
        pairs: Paintings that are made.
        skipped: A reason for each skipped photo; begins with the photo's name.
        without_subject: Names of the photos in which no subject was found, so that all of them is painted.
        remaining_s: Expected time to the end in seconds; None before the first report of a painting.
        begun: Share of the painting that is being made, 0 to 1.
    """

    total: int
    pairs: tuple[Pair, ...] = ()
    skipped: tuple[str, ...] = ()
    without_subject: tuple[str, ...] = ()
    remaining_s: float | None = None
    begun: float = 0.0

    @property
    def share(self) -> float:
        """The finished part, 0 to 1."""
        return min(1.0, (len(self.pairs) + self.begun) / self.total) if self.total else 1.0


def request_of(photos: Sequence[Choice], look: Look, styles: Sequence[Style], file_format: str) -> tuple:
    """The names and settings that identify a batch, without the photos."""
    files = tuple((photo.file_name, len(photo.data)) for photo in photos)
    return files, replace(look, styles=()) if styles else look, tuple(styles), file_format


@cache
def batch_queue() -> JobQueue:
    return new_queue(noun="batches", kept=KEPT_BATCHES)


def start_batch(
    photos: Sequence[Choice], look: Look, styles: Sequence[Style], file_format: str = "JPEG"
) -> str:
    """Queue a batch; returns its token. The job is about `request_of`, its result is the ZIP.

    Args:
        photos: Photos to paint.
        look: How to paint them; its styles are ignored if `styles` is not empty.
        styles: Each photo is painted in each of them.
        file_format: One of `DOWNLOAD_FORMATS`; pictures that it cannot hold become PNG.
    Raises:
        QueueFullError: Too many batches wait, or the visitor has too many.
    """
    looks = [replace(look, styles=((style, 1.0),)) for style in styles] or [look]
    request = request_of(photos, look, styles, file_format)
    left = list(photos)  # the job removes each photo as soon as it is painted
    work = partial(_paint_all, photos=left, looks=looks, file_format=file_format)
    job = batch_queue().submit(
        work, about=request, owner=visit().owner, held_bytes=sum(len(photo.data) for photo in photos)
    )
    return job.token


def _paint_all(
    job: RunningJob[Batch], *, photos: list[Choice], looks: Sequence[Look], file_format: str
) -> bytes:
    batch = Batch(total=len(photos) * len(looks))
    job.report(batch)
    started = time.monotonic()
    buffer, names = io.BytesIO(), set()

    def must_end() -> bool:
        return _is_full(buffer) or job.should_stop()

    def left() -> Iterator[Choice]:
        while photos and not must_end():
            yield photos.pop(0)

    def show(state: PaintingProgress) -> None:
        job.report(_timed(replace(batch, begun=state.share), started))

    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for photo_name, paintings in _painted_photos(left(), looks, file_format, job.should_stop, show):
            made = 0
            try:
                for painting in paintings:
                    name = str(free_path(Path(painting.file_name), names))
                    archive.writestr(name, painting.data)
                    if not (made or painting.has_subject):
                        batch = replace(batch, without_subject=(*batch.without_subject, photo_name))
                    made += 1
                    batch = _timed(replace(batch, pairs=(*batch.pairs, Pair(painting.pair, name))), started)
                    job.report(batch)
                    if must_end():
                        break
            except StoppedError:
                break
            except Exception as error:
                skipped = (*batch.skipped, _reason(photo_name, error))
                batch = replace(batch, skipped=skipped, total=batch.total - (len(looks) - made))
                job.report(batch)
    missing = batch.total - len(batch.pairs)
    if missing and _is_full(buffer):
        reason = f"{missing} paintings, since the ZIP has reached {limits().zip_megabytes} MB"
        job.report(replace(batch, skipped=(*batch.skipped, reason)))
    return buffer.getvalue()


def _timed(batch: Batch, started: float) -> Batch:
    """A batch with the time that is left, from its share and its start."""
    elapsed_s = time.monotonic() - started
    return replace(batch, remaining_s=elapsed_s * (1 / batch.share - 1))


def _is_full(archive: io.BytesIO) -> bool:
    return archive.tell() >= limits().zip_megabytes * MEGABYTE


@dataclass(frozen=True)
class _Painting:
    """A painted file, and the picture of its `Pair`."""

    file_name: str
    data: bytes
    pair: bytes
    has_subject: bool  # False if the look paints a part that was not found


def _painted_photos(
    photos: Iterable[Choice],
    looks: Sequence[Look],
    file_format: str,
    should_stop: ShouldStop,
    on_progress: OnProgress,
) -> Iterator[tuple[str, Iterable[_Painting]]]:
    """File name of each photo, and its paintings, which raise what fails.

    On a GPU the next photos are read and painted meanwhile, several looks at a time.
    """
    is_gpu = is_on_gpu()

    def paint_one(photo: Choice) -> tuple[str, Iterable[_Painting]]:
        progress = None if is_gpu else on_progress
        paintings = _paint_photo(photo, looks, file_format, should_stop, progress, is_gpu=is_gpu)
        return photo.file_name, _collected(paintings) if is_gpu else paintings

    return work_ahead(paint_one, photos, threads=GPU_PHOTOS if is_gpu else 1)


def _collected(paintings: Iterable[_Painting]) -> Iterator[_Painting]:
    """Make all paintings now; what is raised is raised again after those before."""
    made: list[_Painting] = []
    failure: Exception | None = None
    try:
        for painting in paintings:
            made.append(painting)
    except Exception as error:
        failure = error

    def replayed() -> Iterator[_Painting]:
        yield from made
        if failure is not None:
            raise failure

    return replayed()


def _paint_photo(
    photo: Choice,
    looks: Sequence[Look],
    file_format: str,
    should_stop: ShouldStop,
    on_progress: OnProgress,
    *,
    is_gpu: bool,
) -> Iterator[_Painting]:
    """Paint a photo in each look."""
    file = io.BytesIO(photo.data)
    file.name = photo.file_name  # for the message when it is broken
    image = read_photo(file)
    mask = find_mask(image, looks[0])
    has_subject = mask is not None or looks[0].where.part not in FOUND
    is_too_large = max(image.size) > MAX_SIDES.get(file_format, math.inf)
    thumbnail = limit_long_side(image, THUMBNAIL_SIDE)

    def paint_one(look: Look) -> _Painting:
        # A painting that takes long is not finished after a stop.
        may_stop = should_stop if is_long(image.size) else None
        painting = paint(
            image,
            look,
            mask=mask,
            on_progress=on_progress,
            should_stop=may_stop,
            closes_photo=len(looks) == 1 and thumbnail is not image,
        )
        loses_alpha = file_format == "JPEG" and is_transparent(painting)
        kept_format = "PNG" if loses_alpha or is_too_large else file_format
        data = encode_image(painting, kept_format, description=look.description)
        pair = contact_sheet([[thumbnail, painting]], cell=thumbnail.size)
        name = f"{photo.name}_{look.name}.{DOWNLOAD_FORMATS[kept_format][0]}"
        return _Painting(name, data, encode_image(pair, "JPEG"), has_subject)

    threads = GPU_AT_ONCE if is_gpu and not is_long(image.size) else 1
    yield from work_ahead(paint_one, looks, threads=threads)


def _reason(file_name: str, error: Exception) -> str:
    """Why a photo is skipped."""
    if isinstance(error, StyleTransferError):
        return str(error)
    logger.error("a photo of a batch failed", exc_info=error)
    return f"{file_name} could not be painted: {describe(error)}"
