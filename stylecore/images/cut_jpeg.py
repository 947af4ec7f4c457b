"""JPEG files whose end is missing, as broken transfers leave them."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from stylecore.images.problems import PictureProblem

END = b"\xff\xd9"  # the marker EOI
MAX_MISSING = 0.1  # share of the rows that may be missing
_BLOCK_ROWS = 16  # of the blocks that a JPEG is written in, at most
_EMPTY = (127, 128)  # what libjpeg decodes missing blocks to; 127 in inverted CMYK


def load_cut_jpeg(data: bytes, max_side: int | None) -> Image.Image:
    """Decode a JPEG whose end is missing; missing rows repeat the last one that is whole.

    Args:
        data: The file.
        max_side: As of `load_image`.
    Raises:
        PictureProblem: Over a tenth of the rows is missing.
        OSError: The rest is damaged, too.
    """
    image = Image.open(io.BytesIO(data + END), formats=("JPEG",))
    if max_side is not None:
        image.draft(None, (max_side, max_side))
    image.load()
    pixels = np.asarray(image)
    begun = _begun_rows(pixels)
    present = begun / image.height
    if present < 1 - MAX_MISSING:
        raise PictureProblem(
            f"is cut off: only the upper {present:.0%} of the picture is there; copy or download it again"
        )
    whole = _whole_rows(pixels, begun)
    if whole < image.height:
        last = image.crop((0, whole - 1, image.width, whole))
        image.paste(last.resize((image.width, image.height - whole)), (0, whole))
    return image


def _begun_rows(pixels: np.ndarray) -> int:
    """Count the rows down to the last one that is not filled in from its start."""
    rows = len(pixels)
    if np.isin(pixels[-1, -1], _EMPTY).all():
        while rows and (pixels[rows - 1] == pixels[-1, -1]).all():
            rows -= 1
    return rows


def _whole_rows(pixels: np.ndarray, begun: int) -> int:
    """Count the rows above the first block that is filled in."""
    end = pixels[max(begun - 1, 0), -8:]
    is_filled_in = np.isin(end, _EMPTY).all() and (end == end[-1]).all()
    return begun - _BLOCK_ROWS if is_filled_in and begun > _BLOCK_ROWS else begun
