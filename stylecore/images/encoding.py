"""Writing of picture files: formats, encoding, replacing a file."""

from __future__ import annotations

import io
import math
import os
import secrets
import shutil
from os import PathLike
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from stylecore.errors import ImageError
from stylecore.images.colors import flatten, is_transparent
from stylecore.images.metadata import TAKEN, Description, painting_options

MAX_SIDES = {"JPEG": 65_500, "WEBP": 16_383}  # px, limits of the formats
SAVE_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
SAVE_OPTIONS = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "PNG": {"compress_level": 4},
    "WEBP": {"quality": 92},
}


def save_format(path: str | PathLike) -> str:
    """Return the Pillow format that a file name's ending stands for.

    Raises:
        ImageError: An ending that cannot be written.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in SAVE_FORMATS:
        raise ImageError(
            f"{Path(path).name} ends in {suffix or 'nothing'}: use one of {', '.join(SAVE_FORMATS)}"
        )
    return SAVE_FORMATS[suffix]


def encode_image(image: Image.Image, image_format: str, *, description: Description | None = None) -> bytes:
    """Encode an RGB or RGBA image as a file.

    Args:
        image: The picture. Transparent parts become white in a JPEG.
        image_format: `PNG`, `JPEG` or `WEBP`.
        description: How it was made. With one, the file also has the metadata of
            `stylecore.images.metadata`; when the photo was taken is read from `image.info`.
    Raises:
        ImageError: A WEBP of more than 16,383 px or a JPEG of more than 65,500 px a side.
    """
    check_format(image, image_format)
    buffer = io.BytesIO()
    _save(image, buffer, image_format, description)
    return buffer.getvalue()


def encode_screen(image: Image.Image) -> bytes:
    """Encode a picture for a page: as PNG if any part is transparent, otherwise as JPEG."""
    return encode_image(image, "PNG" if is_transparent(image) else "JPEG")


def write_image(image: Image.Image, path: str | PathLike, *, description: Description | None = None) -> None:
    """Write a picture file; an existing one is replaced once the new one is complete.

    Missing folders are made; links and the permissions of an existing file are kept.

    Args:
        image: The picture, see `encode_image`.
        path: The file; its ending selects the format.
        description: See `encode_image`.
    Raises:
        ImageError: An ending that cannot be written, or a picture too large for the format.
        OSError: The file cannot be written; an existing one is unchanged.
    """
    image_format = save_format(path)
    check_format(image, image_format)
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{secrets.token_hex(8)}.partial")
    try:
        with partial.open("xb") as file:
            _save(image, file, image_format, description)
        if target.exists():
            shutil.copymode(target, partial)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def check_format(image: Image.Image, image_format: str) -> None:
    """Refuse a picture that is too large for a format.

    Raises:
        ImageError: A WEBP of more than 16,383 px or a JPEG of more than 65,500 px a side.
    """
    if max(image.size) > MAX_SIDES.get(image_format, math.inf):
        raise ImageError(f"{image_format} cannot hold {image.width} x {image.height} px: use PNG")


def _save(image: Image.Image, file: BinaryIO, image_format: str, description: Description | None) -> None:
    """Encode an image into a file, see `encode_image`."""
    options: dict[str, object] = {**SAVE_OPTIONS[image_format]}
    if description is not None:
        options |= painting_options(image_format, description, image.info.get(TAKEN))
    if image_format == "JPEG":
        image = flatten(image)
    image.save(file, image_format, **options)
