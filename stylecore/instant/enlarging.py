"""Enlarge paintings with brush detail, where resizing alone leaves them soft.

A large photo is painted at a smaller size, which determines the size of its strokes. The painting is then
doubled step by step: the network paints the enlarged painting again, and the detail that the smaller size
cannot hold is added: the grain of the brush and crisp edges. Scaled down again, the painting is the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageChops, ImageFilter

Repaint = Callable[[Image.Image], Image.Image]

LANCZOS = Image.Resampling.LANCZOS
LEAST_FACTOR = 1.25  # of enlarging; below, no missing detail is visible
FLAT = 4.0  # of 255, roughness at which half of the detail is added: flat areas stay flat
ROUGH_RADIUS = 8  # px, within which it is measured
DETAIL_PIXELS = 12_600_000  # up to which detail is added: 12 megapixels, a poster, take seconds
BAND_PIXELS = 1_000_000  # that are painted at a time, which limits the memory
BAND_ROWS = 256  # at least
OVERLAP = 32  # rows in which one band is blended into the next


def enlarge(painting: Image.Image, size: tuple[int, int], repaint: Repaint) -> Image.Image:
    """Resize a painting, with detail as fine as its pixels, at most as those of 12 megapixels.

    Args:
        painting: RGB, as the network painted it.
        size: Width and height in pixels, of the same shape but for rounding.
        repaint: Paints a picture in the same style and its own size.
    Returns:
        RGB of that size. If it is smaller or hardly larger, no detail is added.
    Source: Burt and Adelson (1983) for the bands of frequencies; Gatys et al. (2017), section 6, paint an
        enlarged painting again for detail.
    """
    if max(size) < LEAST_FACTOR * max(painting.size):
        return painting.resize(size, LANCZOS) if size != painting.size else painting
    scale = min(1.0, math.sqrt(DETAIL_PIXELS / (size[0] * size[1])))
    width, height = (max(old, round(new * scale)) for old, new in zip(painting.size, size, strict=True))
    while painting.size != (width, height):
        larger = min(2 * painting.width, width), min(2 * painting.height, height)
        painting = _with_detail(painting.resize(larger, LANCZOS), painting.height, repaint)
    return painting.resize(size, LANCZOS) if size != painting.size else painting


def _with_detail(painting: Image.Image, former_height: int, repaint: Repaint) -> Image.Image:
    """Add what the network paints too finely for the former size, a band of rows at a time."""
    width, height = painting.size
    rows = min(height, max(BAND_ROWS, BAND_PIXELS // width))
    bands = max(1, -(-(height - OVERLAP) // (rows - OVERLAP)))
    # Even, so that what a doubling has and has not is the same in all bands.
    tops = 2 * (np.linspace(0, height - rows, bands) / 2).astype(int)
    bottoms = [*(tops[:-1] + rows), height]
    detailed = painting.copy()
    former = None  # the last rows of the band before
    for top, bottom, next_top in zip(tops, bottoms, [*tops[1:], height], strict=True):
        band = painting.crop((0, top, width, bottom))
        detail = _detail(repaint(band), former_height / height)
        roughness = _roughness(band)
        detail *= roughness / (roughness + FLAT)
        if former is not None:
            share = np.linspace(0, 1, len(former), dtype=np.float32)[:, None, None]
            detail[: len(former)] = former + share * (detail[: len(former)] - former)
        kept = next_top - top
        former = detail[kept:]
        pixels = np.asarray(band)[:kept] + detail[:kept]
        detailed.paste(Image.fromarray(pixels.clip(0, 255).round().astype(np.uint8)), (0, top))
    return detailed


def _detail(picture: Image.Image, scale: float) -> np.ndarray:
    """Return what a picture loses when it is scaled down, as float32 of shape (H, W, 3)."""
    small = picture.resize([max(1, round(length * scale)) for length in picture.size], LANCZOS)
    return np.asarray(picture, np.float32) - np.asarray(small.resize(picture.size, LANCZOS), np.float32)


def _roughness(picture: Image.Image) -> np.ndarray:
    """Mean distance of the brightness round each pixel to its local mean, of 255, shape (H, W, 1).

    The network paints a faint weave on flat areas, which must not come back in every size.
    """
    steps = 8  # of one brightness value, which the means of whole numbers would lose
    brightness, mean = picture.convert("L"), ImageFilter.BoxBlur(ROUGH_RADIUS)
    distance = ImageChops.difference(brightness, brightness.filter(mean)).point(
        lambda value: min(255, steps * value)
    )
    return np.asarray(distance.filter(mean), np.float32)[..., None] / steps
