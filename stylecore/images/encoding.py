"""Picture files that are written: formats, encoding, replacing a file."""

from __future__ import annotations

import io
import math
import os
import secrets
import shutil
from os import PathLike
from pathlib import Path

from PIL import Image

from stylecore.errors import ImageError
from stylecore.images.colors import flatten
from stylecore.images.metadata import TAKEN, painting_options

MAX_SIDES = {"JPEG": 65_500, "WEBP": 16_383}  # px, what the formats can hold
SAVE_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
SAVE_OPTIONS = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "PNG": {"compress_level": 4},
    "WEBP": {"quality": 92},
}


def save_format(path: str | PathLike) -> str:
    """Name of the format that a file name's ending stands for.

    Raises:
        ImageError: An ending that cannot be written.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in SAVE_FORMATS:
        raise ImageError(
            f"{Path(path).name} ends in {suffix or 'nothing'}: use one of {', '.join(SAVE_FORMATS)}"
        )
    return SAVE_FORMATS[suffix]


def encode_image(image: Image.Image, image_format: str, *, description: str = "") -> bytes:
    """Encoded file of an RGB or RGBA image.

    Args:
        image: The picture. Transparent parts become white in a JPEG.
        image_format: `PNG`, `JPEG` or `WEBP`.
        description: How it was painted. When there is one, the file also says by what software, that a
            trained network was used, and when the photo was taken, if `image.info` does, see
            `stylecore.images.metadata`.
    Raises:
        ImageError: A WEBP of more than 16,383 px or a JPEG of more than 65,500 px a side.
    """
    if max(image.size) > MAX_SIDES.get(image_format, math.inf):
        raise ImageError(f"{image_format} cannot hold {image.width} x {image.height} px: use PNG")
    options = SAVE_OPTIONS[image_format]
    if description:
        options = options | painting_options(image_format, description, image.info.get(TAKEN))
    if image_format == "JPEG":
        image = flatten(image)
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def write_image(image: Image.Image, path: str | PathLike, *, description: str = "") -> None:
    """Write a picture file; one that is there is replaced once the new one is complete.

    Folders are made where they are missing, a link stays one, and a file's permissions stay.

    Args:
        image: The picture, see `encode_image`.
        path: Its ending gives the format.
        description: See `encode_image`.
    Raises:
        ImageError: An ending that cannot be written, or a picture too large for the format.
        OSError: The file cannot be written; what was there is as before.
    """
    contents = encode_image(image, save_format(path), description=description)
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{secrets.token_hex(8)}.partial")
    try:
        with partial.open("xb") as file:
            file.write(contents)
        if target.exists():
            shutil.copymode(target, partial)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
