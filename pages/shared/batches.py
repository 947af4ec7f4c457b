"""Batches of photos: painted one after another in the background, into one ZIP."""

from __future__ import annotations

import io
import logging
import math
import time
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

from PIL import Image

from pages.shared.choosing import Choice
from pages.shared.limits import limits
from pages.shared.long_jobs import MEGABYTE, new_queue
from pages.shared.painting import DOWNLOAD_FORMATS, Look, find_mask, paint, read_photo
from pages.shared.visit import visit
from pages.shared.where import FOUND
from stylecore import Style, StyleTransferError
from stylecore.errors import describe
from stylecore.host.job_queue import JobQueue
from stylecore.host.jobs import RunningJob
from stylecore.images.colors import is_transparent
from stylecore.images.encoding import MAX_SIDES, encode_image
from stylecore.images.files import free_path
from stylecore.images.sheets import contact_sheet
from stylecore.images.sizes import limit_long_side

THUMBNAIL_SIDE = 400  # px
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
        remaining_s: Expected time to the end in seconds; None before the first painting.
    """

    total: int
    pairs: tuple[Pair, ...] = ()
    skipped: tuple[str, ...] = ()
    without_subject: tuple[str, ...] = ()
    remaining_s: float | None = None

    @property
    def share(self) -> float:
        """The finished part, 0 to 1."""
        return min(1.0, len(self.pairs) / self.total) if self.total else 1.0


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

    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        while photos and not must_end():
            photo, made = photos.pop(0), 0
            try:
                image = _read(photo)
                mask = find_mask(image, looks[0])
                if mask is None and looks[0].where.part in FOUND:
                    batch = replace(batch, without_subject=(*batch.without_subject, photo.file_name))
                for name, data, picture in _paint_photo(photo.name, image, mask, looks, file_format):
                    name = str(free_path(Path(name), names))
                    archive.writestr(name, data)
                    made += 1
                    batch = replace(batch, pairs=(*batch.pairs, Pair(picture, name)))
                    each_s = (time.monotonic() - started) / len(batch.pairs)
                    batch = replace(batch, remaining_s=each_s * (batch.total - len(batch.pairs)))
                    job.report(batch)
                    if must_end():
                        break
            except Exception as error:
                skipped = (*batch.skipped, _reason(photo, error))
                batch = replace(batch, skipped=skipped, total=batch.total - (len(looks) - made))
                job.report(batch)
    missing = batch.total - len(batch.pairs)
    if missing and _is_full(buffer):
        reason = f"{missing} paintings, since the ZIP has reached {limits().zip_megabytes} MB"
        job.report(replace(batch, skipped=(*batch.skipped, reason)))
    return buffer.getvalue()


def _is_full(archive: io.BytesIO) -> bool:
    return archive.tell() >= limits().zip_megabytes * MEGABYTE


def _read(photo: Choice) -> Image.Image:
    file = io.BytesIO(photo.data)
    file.name = photo.file_name  # for the message when it is broken
    return read_photo(file)


def _paint_photo(
    name: str, image: Image.Image, mask: Image.Image | None, looks: Sequence[Look], file_format: str
) -> Iterator[tuple[str, bytes, bytes]]:
    """Paint a photo in each look; yields the file name, the file, and the picture of the pair."""
    is_too_large = max(image.size) > MAX_SIDES.get(file_format, math.inf)
    thumbnail = limit_long_side(image, THUMBNAIL_SIDE)
    for look in looks:
        painting = paint(image, look, mask)
        loses_alpha = file_format == "JPEG" and is_transparent(painting)
        kept_format = "PNG" if loses_alpha or is_too_large else file_format
        data = encode_image(painting, kept_format, description=look.description)
        pair = contact_sheet([[thumbnail, painting]], cell=thumbnail.size)
        yield f"{name}_{look.name}.{DOWNLOAD_FORMATS[kept_format][0]}", data, encode_image(pair, "JPEG")


def _reason(photo: Choice, error: Exception) -> str:
    """Why a photo is skipped."""
    if isinstance(error, StyleTransferError):
        return str(error)
    logger.error("a photo of a batch failed", exc_info=error)
    return f"{photo.file_name} could not be painted: {describe(error)}"
