"""Loading of pictures: decode, orient, convert to sRGB, limit."""

from __future__ import annotations

import math
from os import PathLike
from pathlib import Path
from typing import BinaryIO

from PIL import ExifTags, Image, UnidentifiedImageError

from stylecore.errors import ImageError
from stylecore.images.colors import flatten, to_srgb
from stylecore.images.cut_jpeg import load_cut_jpeg
from stylecore.images.gif import clear_outside, frame_box
from stylecore.images.metadata import TAKEN, read_taken
from stylecore.images.opening import open_file, opened, seekable
from stylecore.images.problems import PictureProblem
from stylecore.images.sizes import MIN_SIDE, check_max_side, limit_long_side
from stylecore.images.tiff import TiffPage

MAX_MEGAPIXELS = 100.0  # Pillow holds RGB of this size in 400 MB
PILLOW_MEGAPIXELS = 178  # what Pillow opens at most
# What turns a picture upright, by EXIF orientation. `ImageOps.exif_transpose` also rewrites the EXIF block,
# and so fails on blocks with harmless flaws.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

Source = str | PathLike | bytes | BinaryIO | Image.Image


def load_image(
    source: Source, *, max_megapixels: float = MAX_MEGAPIXELS, max_side: int | None = None
) -> Image.Image:
    """Load a picture of any common format as upright sRGB.

    The size is checked from the header, before any pixel is decoded. An animation gives its first frame.

    Args:
        source: Path, encoded bytes, binary file object, or PIL image.
        max_megapixels: Largest accepted size, in millions of pixels; for files at most 178, Pillow's own
            limit.
        max_side: Scale larger pictures down to this many pixels on their long side, see `size_at`.
    Returns:
        A new image, mode RGB, or RGBA when the picture has an alpha channel or a transparent color. Its
        `info` has, at most, the key `TAKEN`: when the photo was taken, see `stylecore.images.metadata`.
    Raises:
        ImageError: Not a picture, damaged, smaller than 32 px, or too large, or a limit that is no number.
            The message names what was given and what is needed.
    """
    check_max_side(max_side)
    if not max_megapixels > 0:
        raise ImageError(f"max_megapixels is {max_megapixels}: a number above 0 is needed")
    label = _label(source)
    if isinstance(source, Image.Image):
        file: str | PathLike | BinaryIO | None = None
        picture: Image.Image | TiffPage = source
    else:
        file = seekable(source)
        picture = _open(file, label, max_megapixels)
    width, height = picture.size
    if width * height > max_megapixels * 1e6:
        raise ImageError(
            f"{label} has {width} x {height} px ({width * height / 1e6:.0f} megapixels): "
            f"at most {max_megapixels:g} megapixels are accepted"
        )
    if min(width, height) < MIN_SIDE:
        raise ImageError(f"{label} has {width} x {height} px: at least {MIN_SIDE} px a side are needed")
    try:
        image = picture.decode() if isinstance(picture, TiffPage) else picture
        taken = image.info.get(TAKEN) or read_taken(image)
        decoded = _decode(image, file, max_side)
        turn = _TURNS.get(_orientation(decoded))
        image = to_srgb(decoded if turn is None else decoded.transpose(turn))
        if image is decoded:  # the caller's picture, or one that holds its file: its pixels are taken over
            is_shared = file is None or image.readonly
            image = image.copy() if is_shared else image._new(image.im)
    except MemoryError:
        raise
    except PictureProblem as error:
        raise ImageError(f"{label} {error}") from error
    except Exception as error:  # decoders raise anything, from OSError to RuntimeError
        raise ImageError(f"{label} is damaged: its pixels cannot be decoded") from error
    image.info.clear()  # profiles that no longer apply, and depth maps, which cannot be cached
    if taken:
        image.info[TAKEN] = taken
    return image if max_side is None else limit_long_side(image, max_side)


def as_loaded(image: Image.Image) -> Image.Image:
    """Return an image as `load_image` would, the image itself where that changes nothing.

    Raises:
        ImageError: As `load_image`, without a limit of megapixels.
    """
    is_plain = type(image) is Image.Image and image.mode in ("RGB", "RGBA") and image.info.keys() <= {TAKEN}
    if is_plain and min(image.size) >= MIN_SIDE and _orientation(image) == 1:
        return image
    return load_image(image, max_megapixels=math.inf)


def load_style(source: Source, *, max_megapixels: float = MAX_MEGAPIXELS) -> Image.Image:
    """Load a style picture, see `load_image`.

    Returns:
        A new image, mode RGB; transparent parts are white.
    Raises:
        ImageError: As `load_image`, or the picture has a single color.
    """
    image = flatten(load_image(source, max_megapixels=max_megapixels))
    if image.getcolors(maxcolors=1):
        raise ImageError(
            f"{_label(source)} has a single color: a style picture with strokes or texture is needed"
        )
    return image


def _label(source: Source) -> str:
    if isinstance(source, Image.Image):
        source = getattr(source, "filename", "") or "the picture"
    if isinstance(source, (str, PathLike)):
        return Path(source).name or str(source)
    name = getattr(source, "name", None)
    return Path(name).name if isinstance(name, str) else "the file"


def _open(source: str | PathLike | BinaryIO, label: str, max_megapixels: float) -> Image.Image | TiffPage:
    try:
        return open_file(source)
    except Image.DecompressionBombError as error:
        limit = PILLOW_MEGAPIXELS  # the error does not have the size
        raise ImageError(
            f"{label} has over {limit} megapixels: at most {min(max_megapixels, limit):g} megapixels "
            "are accepted"
        ) from error
    except FileNotFoundError as error:
        raise ImageError(f"{label} does not exist") from error
    except UnidentifiedImageError as error:
        if _is_empty(source):
            raise ImageError(f"{label} is empty: a picture file is needed") from error
        raise ImageError(
            f"{label} is not a picture that can be read, or its beginning is damaged: "
            "use JPEG, PNG, WebP, HEIC, AVIF, GIF, BMP or TIFF"
        ) from error
    except PictureProblem as error:
        raise ImageError(f"{label} {error}") from error
    except MemoryError:
        raise
    except OSError as error:
        if error.strerror is None:  # of a decoder, not of the system
            raise ImageError(f"{label} is damaged: its header cannot be read") from error
        raise ImageError(f"{label} cannot be read: {error.strerror}") from error
    except Exception as error:  # as above
        raise ImageError(f"{label} is damaged: its header cannot be read") from error


def _decode(image: Image.Image, file: str | PathLike | BinaryIO | None, max_side: int | None) -> Image.Image:
    """Decode the pixels of an opened picture; without `file`, of one that was given as an image."""
    is_jpeg = image.format in ("JPEG", "MPO")
    if file is not None and is_jpeg and max_side is not None:
        image.draft(None, (max_side, max_side))  # decodes at 1/2, 1/4 or 1/8 where that suffices
    box = frame_box(image)
    try:
        image.load()
    except OSError:
        if file is None or not is_jpeg:
            raise
        with opened(file) as stream:
            whole = load_cut_jpeg(stream.read(), max_side)
        whole.info = image.info
        image = whole
    return image if box is None else clear_outside(image, box)


def _is_empty(source: str | PathLike | BinaryIO) -> bool:
    with opened(source) as file:
        return not file.read(1)


def _orientation(image: Image.Image) -> int:
    try:
        return image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # Pillow's EXIF parser raises anything, from SyntaxError to struct.error
        return 1
