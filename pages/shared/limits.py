"""Limits of the host, set by environment variables."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from stylecore import ImageError, load_image
from stylecore.images.loading import MAX_MEGAPIXELS

# Long side divided by short side. Strips are never scaled to less than 32 px of width, so that a longer one
# would stay large where other pictures are scaled down.
MAX_PROPORTION = 40


@dataclass(frozen=True)
class Limits:
    """Limits of this host; each is read from `IMPASTO_` and its name in capitals.

    The largest upload in megabytes is Streamlit's own `STREAMLIT_SERVER_MAX_UPLOAD_SIZE`.

    Attributes:
        megapixels: Largest photo, in millions of pixels.
        jobs: Refinements, learnings and clips that run at once and share the free memory.
        job_minutes: Longest time that one of them, a batch, or a large photo in full size may run.
        own_jobs: Jobs of one visitor that may wait or run at once: so many of these, of batches, and of large
            photos in full size.
        queue: Refinements, learnings and clips together, as many batches, and as many large photos, that may
            wait.
        kept_megabytes: Memory of the finished ones that are kept, as much of batches, and of large photos.
        visit_megabytes: Uploads of one visit.
        upload_megabytes: Uploads of all visits together.
        photos: Photos in one batch.
        pictures: Paintings in one batch, photos times styles.
        zip_megabytes: Size at which a batch's ZIP, which is held in memory, is full.
        painted_megabytes: Size at which a painted clip, which is held on the disk, takes no more frames.
    """

    megapixels: float = MAX_MEGAPIXELS
    jobs: int = 1
    job_minutes: int = 120
    own_jobs: int = 2
    queue: int = 8
    kept_megabytes: int = 400
    visit_megabytes: int = 400
    upload_megabytes: int = 1500
    photos: int = 50
    pictures: int = 200
    zip_megabytes: int = 300
    painted_megabytes: int = 300

    def __post_init__(self) -> None:
        for field in fields(self):
            least = 0 if field.name == "queue" else 1
            if not getattr(self, field.name) >= least:
                raise ValueError(
                    f"IMPASTO_{field.name.upper()} is {getattr(self, field.name)}: at least {least} is needed"
                )


@cache
def limits() -> Limits:
    """Read the limits from the environment.

    Raises:
        ValueError: A variable that is not a number, or too small.
    """
    given = {}
    for field in fields(Limits):
        variable = f"IMPASTO_{field.name.upper()}"
        if variable in os.environ:
            try:
                given[field.name] = type(field.default)(os.environ[variable])
            except ValueError as error:
                raise ValueError(f"{variable} is {os.environ[variable]!r}: a number is needed") from error
    return Limits(**given)


def load_photo(data: bytes | BinaryIO, *, max_side: int | None = None) -> Image.Image:
    """Load a visitor's picture within the limits of megapixels and of `MAX_PROPORTION`.

    Raises:
        ImageError: It cannot be used; the message says why.
    """
    image = load_image(data, max_megapixels=limits().megapixels, max_side=max_side)
    if max(image.size) > MAX_PROPORTION * min(image.size):
        name = Path(getattr(data, "name", "the image")).name
        raise ImageError(
            f"{name} is a strip of {image.width} x {image.height} px: "
            f"a picture at most {MAX_PROPORTION} times as long as wide is needed"
        )
    return image
