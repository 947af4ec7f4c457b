"""Opening of picture files by what they contain, with their colors noted."""

from __future__ import annotations

import ctypes
import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from typing import BinaryIO

import pillow_heif
from PIL import Image

from stylecore.images import png
from stylecore.images.color_codes import HIGH_RANGE
from stylecore.images.heif import note_avif_colors, note_heif_colors
from stylecore.images.metadata import is_adobe_rgb
from stylecore.images.profiles import ADOBE_RGB, ADOBE_RGB_EXPONENT, matrix_profile
from stylecore.images.tiff import SIGNATURES, TiffPage, open_tiff

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")
pillow_heif.register_heif_opener(thumbnails=False)  # what iPhones write
# Pillow warns above 89 megapixels and raises at twice that; `load_image` has its own limit. The filter is for
# the whole process: a context for each picture would change the filters of other threads.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")  # about damaged tags
logging.getLogger("PIL").setLevel(logging.CRITICAL)  # what it logs of damaged files, it raises as well
_libtiff = ctypes.CDLL(Image.core.__file__)  # prints what it finds in a damaged file to the terminal
for _name in ("TIFFSetWarningHandler", "TIFFSetErrorHandler"):
    if hasattr(_libtiff, _name):  # not where it is linked statically
        getattr(_libtiff, _name)(None)


def open_file(source: str | PathLike | BinaryIO) -> Image.Image | TiffPage:
    """Open a picture, without decoding its pixels.

    Args:
        source: Path, or file that can seek.
    Returns:
        Its `info` has the color profile to apply as `icc_profile`, from wherever the file names its colors,
        or `HIGH_RANGE`.
    Raises:
        PictureProblem: A kind that is not read.
        Exception: Whatever decoders raise, from `UnidentifiedImageError` to `RuntimeError`.
    """
    with opened(source) as file:
        head = file.read(len(png.SIGNATURE))
        if head == png.SIGNATURE:
            file.seek(0)
            return png.open_png(file)
    image = open_tiff(source) if head.startswith(SIGNATURES) else Image.open(source, formats=FORMATS)
    if isinstance(image, TiffPage):
        return image
    if image.format == "HEIF":
        note_heif_colors(image)
    elif image.format == "AVIF":
        with opened(source) as file:
            note_avif_colors(image, file)
    if not image.info.get("icc_profile") and HIGH_RANGE not in image.info and is_adobe_rgb(image):
        image.info["icc_profile"] = matrix_profile(ADOBE_RGB, exponent=ADOBE_RGB_EXPONENT)
    return image


@contextmanager
def opened(source: str | PathLike | BinaryIO) -> Iterator[BinaryIO]:
    """The file at its start; afterwards a given file is at its start again."""
    if isinstance(source, (str, PathLike)):
        with open(source, "rb") as file:
            yield file
        return
    source.seek(0)
    yield source
    source.seek(0)


def seekable(source: str | PathLike | bytes | BinaryIO) -> str | PathLike | BinaryIO:
    """The source itself, or its bytes as a file: for a pipe, which can be read only once."""
    if isinstance(source, bytes):
        return io.BytesIO(source)
    if isinstance(source, (str, PathLike)) or source.seekable():
        return source
    return io.BytesIO(source.read())
