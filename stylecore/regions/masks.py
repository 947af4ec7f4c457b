"""Masks of regions: read from files, inverted, grown, feathered, added and subtracted.

A mask is a picture of mode L and of the photo's size: 255 inside the region, 0 outside.
"""

from __future__ import annotations

import math
from os import PathLike
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops, ImageFilter, ImageOps

from stylecore.errors import ImageError
from stylecore.images.colors import is_transparent
from stylecore.images.loading import load_image

MAX_RADIUS = 1000.0  # px, of feathering and growing


def load_mask(source: str | PathLike, size: tuple[int, int], *, of: str = "photo") -> Image.Image:
    """Read a mask file.

    Args:
        source: Any picture: white is inside, black outside. One with transparent parts counts by its alpha
            alone, as a cut-out.
        size: Width and height of the photo in pixels.
        of: What the mask is of, for the message.
    Raises:
        ImageError: No picture, of another size than the photo, or with nothing inside.
    """
    picture = load_image(source)
    name = Path(source).name
    if picture.size != size:
        raise ImageError(
            f"the mask {name} has {picture.width} x {picture.height} px, but the {of} "
            f"{size[0]} x {size[1]}: a mask of the {of}'s size is needed"
        )
    is_cut_out = is_transparent(picture)
    mask = picture.getchannel("A") if is_cut_out else picture.convert("L")
    if mask.getbbox() is None:
        raise ImageError(f"the mask {name} is empty: it needs white where the region is")
    return mask


def invert(mask: Image.Image) -> Image.Image:
    """Return what is outside a mask."""
    return ImageOps.invert(mask)


def add(first: Image.Image, second: Image.Image) -> Image.Image:
    """Return what is in either of two masks."""
    return ImageChops.lighter(first, second)


def subtract(first: Image.Image, second: Image.Image) -> Image.Image:
    """Return what is in the first mask and not in the second."""
    return ImageChops.darker(first, ImageOps.invert(second))


def feather(mask: Image.Image, radius: float) -> Image.Image:
    """Soften the borders of a mask over about two radii, half of it inside.

    Args:
        mask: The mask.
        radius: Standard deviation of the blur, 0 to 1000 px.
    Raises:
        ValueError: Radius out of range.
    """
    _check_radius(radius, 0)
    return mask.filter(ImageFilter.GaussianBlur(radius)) if radius else mask


def grow(mask: Image.Image, radius: float) -> Image.Image:
    """Move the borders of a mask outwards, or inwards by a negative radius.

    The shape that is moved along the borders is an octagon, which takes time by the logarithm of its size.

    Args:
        mask: The mask.
        radius: -1000 to 1000 px.
    Raises:
        ValueError: Radius out of range.
    """
    _check_radius(radius, -MAX_RADIUS)
    if radius < 0:
        return ImageOps.invert(grow(ImageOps.invert(mask), -radius))
    diagonal = round(radius * (1 - math.sqrt(0.5)))
    straight = round(radius) - 2 * diagonal
    values = np.pad(np.asarray(mask), round(radius))
    for step, length in (((0, 1), straight), ((1, 0), straight), ((1, 1), diagonal), ((1, -1), diagonal)):
        values = _widened(values, step, 2 * length + 1)
    top = left = round(radius)
    return Image.fromarray(values[top : top + mask.height, left : left + mask.width].copy())


def _widened(values: np.ndarray, step: tuple[int, int], length: int) -> np.ndarray:
    """Largest value within a line of an odd number of pixels round each, along a step of rows and columns."""
    covered = 1
    values = values.copy()
    while covered < length:
        shift = min(covered, length - covered)
        moved = _moved(values, step[0] * shift, step[1] * shift)
        np.maximum(values, moved, out=values)
        covered += shift
    half = length // 2
    return _moved(values, -step[0] * half, -step[1] * half)


def _moved(values: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Move the picture down and to the right, or up and to the left; what comes in is 0."""
    moved = np.zeros_like(values)
    height, width = values.shape
    target = slice(max(rows, 0), height + min(rows, 0)), slice(max(columns, 0), width + min(columns, 0))
    source = slice(max(-rows, 0), height - max(rows, 0)), slice(max(-columns, 0), width - max(columns, 0))
    moved[target] = values[source]
    return moved


def _check_radius(radius: float, lowest: float) -> None:
    if not lowest <= radius <= MAX_RADIUS:
        raise ValueError(f"radius is {radius}: use {lowest:g} to {MAX_RADIUS:g} px")
