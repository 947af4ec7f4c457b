"""Many photos at once: painted one after another in the background, handed over as one ZIP."""

from __future__ import annotations

import io
import logging
import math
import time
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import streamlit as st

from pages.shared.choosing import Choice
from pages.shared.keeping import Kept
from pages.shared.limits import limits
from pages.shared.painting import DOWNLOAD_FORMATS, Look, paint, read_photo
from stylecore import StyleTransferError
from stylecore.errors import describe
from stylecore.images import MAX_SIDES, encode_image, free_path, is_transparent, limit_long_side
from stylecore.jobs import Job, JobQueue
from stylecore.sheets import contact_sheet

THUMBNAIL_SIDE = 400  # px
MEGABYTE = 10**6
ABANDONED_S = 180.0  # a batch that nobody has looked at for this long makes room for who waits
KEPT_BATCHES = 3  # that can be found again, each with its ZIP
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pair:
    """A small JPEG of a photo beside its painting, and the painting's file name in the ZIP."""

    picture: bytes
    file_name: str


@dataclass
class Batch:
    """What a batch has done so far; filled by its job, read by the page.

    Attributes:
        total: Paintings to make.
        pairs: Paintings made.
        skipped: Why each photo that could not be used was left out; begins with its name.
        remaining_s: Expected time to the end, once a painting is made.
    """

    total: int
    pairs: list[Pair] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    remaining_s: float | None = None

    @property
    def share(self) -> float:
        """Part that is done, 0 to 1."""
        return min(1.0, len(self.pairs) / self.total) if self.total else 1.0


@dataclass(frozen=True)
class BatchRun:
    """A batch that is found again by its token; the job's result is the ZIP.

    Attributes:
        job: What paints it.
        request: What was asked for, see `request_of`.
    """

    job: Job[Batch, bytes]
    request: tuple


def request_of(photos: Sequence[Choice], look: Look, styles: Sequence[str], file_format: str) -> tuple:
    """What tells one batch from another, without its photos."""
    files = tuple((photo.file_name, len(photo.data)) for photo in photos)
    return files, replace(look, styles=()) if styles else look, tuple(styles), file_format


@st.cache_resource(max_entries=1)
def batches() -> Kept[BatchRun]:
    return Kept(KEPT_BATCHES)


@st.cache_resource(max_entries=1)
def batch_queue() -> JobQueue:
    return JobQueue(capacity=limits().queue, abandoned_s=ABANDONED_S)


def start_batch(
    photos: Sequence[Choice], look: Look, styles: Sequence[str], file_format: str = "JPEG"
) -> str:
    """Queue a batch; returns the token that finds it in `batches`.

    Args:
        photos: To paint.
        look: How, apart from the styles when several are given.
        styles: Names; each photo is painted in each. None: in those of the look.
        file_format: One of `DOWNLOAD_FORMATS`; what it cannot hold, as transparency, becomes PNG.
    Raises:
        QueueFullError: Too many batches wait.
    """
    looks = [replace(look, styles=((name, 1.0),)) for name in styles] or [look]
    request = request_of(photos, look, styles, file_format)
    left = list(photos)  # emptied by the job: no photo is held longer than it is needed
    job = batch_queue().submit(lambda job: _paint_all(job, left, looks, file_format))
    return batches().add(BatchRun(job, request))


def _paint_all(job: Job[Batch, bytes], photos: list[Choice], looks: list[Look], file_format: str) -> bytes:
    batch = Batch(total=len(photos) * len(looks))
    job.report(batch)
    started = time.monotonic()
    buffer, names = io.BytesIO(), set()

    def is_full() -> bool:
        return buffer.tell() >= limits().zip_megabytes * MEGABYTE

    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        while photos and not is_full() and not job.should_stop():
            photo = photos.pop(0)
            left = list(looks)
            try:
                file = io.BytesIO(photo.data)
                file.name = photo.file_name  # for the message when it is broken
                image = read_photo(file)
                loses_alpha = file_format == "JPEG" and is_transparent(image)
                is_too_large = max(image.size) > MAX_SIDES.get(file_format, math.inf)
                kept_format = "PNG" if loses_alpha or is_too_large else file_format
                ending = DOWNLOAD_FORMATS[kept_format][0]
                thumbnail = limit_long_side(image, THUMBNAIL_SIDE)
                while left and not is_full() and not job.should_stop():
                    painting = paint(image, left[0])
                    name = str(free_path(Path(f"{photo.name}_{left[0].name}.{ending}"), names))
                    data = encode_image(painting, kept_format, description=left[0].description)
                    pair = contact_sheet([[thumbnail, painting]], cell=thumbnail.size)
                    picture = encode_image(pair, "JPEG")
                    archive.writestr(name, data)
                    batch.pairs.append(Pair(picture, name))
                    left.pop(0)
                    each_s = (time.monotonic() - started) / len(batch.pairs)
                    batch.remaining_s = each_s * (batch.total - len(batch.pairs))
            except Exception as error:
                if not isinstance(error, StyleTransferError):
                    logger.exception("a photo of a batch failed")
                    error = f"{photo.file_name} could not be painted: {describe(error)}"
                batch.skipped.append(str(error))
                batch.total -= len(left)
    missing = batch.total - len(batch.pairs)
    if missing and is_full():
        batch.skipped.append(f"{missing} paintings, since the ZIP has reached {limits().zip_megabytes} MB")
    return buffer.getvalue()
