"""Enlarge paintings with brush detail, where resizing alone leaves them soft.

A large photo is painted at a smaller size, which determines the size of its strokes. The painting is then
doubled step by step: the network paints the enlarged painting again, and the detail that the smaller size
cannot hold is added: the grain of the brush and crisp edges. Scaled down again, the painting is the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageChops, ImageFilter

Repaint = Callable[[Image.Image], Image.Image]

LANCZOS = Image.Resampling.LANCZOS
LEAST_FACTOR = 1.25  # of enlarging; below, no missing detail is visible
FLAT = 4.0  # of 255, roughness at which half of the detail is added: flat areas stay flat
ROUGH_RADIUS = 8  # px, within which it is measured
# Up to so many pixels, the last step may be the one of less than twice. In a larger picture, where this would
# be most of the work, it is the first one.
POSTER_PIXELS = 12_600_000
BAND_PIXELS = 1_000_000  # that are painted at a time, which limits the memory
BAND_ROWS = 256  # at least
OVERLAP = 32  # rows or columns in which one part is blended into the next


def enlarge(painting: Image.Image, size: tuple[int, int], repaint: Repaint) -> Image.Image:
    """Resize a painting, with detail as fine as its pixels.

    Args:
        painting: RGB, as the network painted it.
        size: Width and height in pixels, of the same shape but for rounding.
        repaint: Paints a picture in the same style and its own size.
    Returns:
        RGB of that size. If it is smaller or hardly larger, no detail is added.
    Source: Burt and Adelson (1983) for the bands of frequencies; Gatys et al. (2017), section 6, paint an
        enlarged painting again for detail.
    """
    for larger in steps(painting.size, size):
        painting = _with_detail(painting, larger, repaint)
    return painting.resize(size, LANCZOS) if size != painting.size else painting


def steps(small: tuple[int, int], size: tuple[int, int]) -> list[tuple[int, int]]:
    """Sizes at which detail is added, the last one `size`; none if it is hardly larger."""
    factor = max(size) / max(small)
    if factor < LEAST_FACTOR:
        return []
    if size[0] * size[1] > POSTER_PIXELS:
        count = max(1, math.ceil(math.log2(factor / LEAST_FACTOR)))
        return [(-(-size[0] // 2**i), -(-size[1] // 2**i)) for i in range(count - 1, -1, -1)]
    target = max(small[0], size[0]), max(small[1], size[1])
    sizes = []
    while small != target:
        small = min(2 * small[0], target[0]), min(2 * small[1], target[1])
        sizes.append(small)
    return sizes


def band_sizes(small: tuple[int, int], size: tuple[int, int]) -> list[tuple[int, int]]:
    """Widths and heights of all parts that are painted to enlarge a painting of one size to another."""
    return [
        (right - left, bottom - top)
        for larger in steps(small, size)
        for top, bottom in _bands(larger)
        for left, right in _columns(larger, bottom - top)
    ]


def _bands(size: tuple[int, int]) -> list[tuple[int, int]]:
    """First and last row of the bands in which detail is added."""
    return _cut(size[1], max(BAND_ROWS, BAND_PIXELS // size[0]))


def _columns(size: tuple[int, int], rows: int) -> list[tuple[int, int]]:
    """First and last column of the parts of a band; one part but in pictures above `POSTER_PIXELS`."""
    is_large = size[0] * size[1] > POSTER_PIXELS
    return _cut(size[0], max(BAND_ROWS, BAND_PIXELS // rows) if is_large else size[0])


def _cut(length: int, part: int) -> list[tuple[int, int]]:
    """Overlapping parts of a length, all but the last `part` long."""
    part = min(length, part)
    count = max(1, -(-(length - OVERLAP) // (part - OVERLAP)))
    # Even, so that what a doubling has and has not is the same in all parts.
    starts = [int(start) for start in 2 * (np.linspace(0, length - part, count) / 2).astype(int)]
    return list(zip(starts, [*(start + part for start in starts[:-1]), length], strict=True))


def _with_detail(painting: Image.Image, size: tuple[int, int], repaint: Repaint) -> Image.Image:
    """Enlarge a painting, and add what the network paints too finely for its size, a band at a time."""
    width, height = size
    scale, is_large = painting.height / height, width * height > POSTER_PIXELS
    # A large one is enlarged a band at a time, for the memory. Pillow then rounds differently between its two
    # passes, so that others would change a little.
    detailed = Image.new("RGB", size) if is_large else painting.resize(size, LANCZOS)
    bands = _bands(size)
    former = None  # the last rows of the band before
    for (top, bottom), (next_top, _) in zip(bands, [*bands[1:], (height, height)], strict=True):
        if is_large:
            box = (0, top * scale, painting.width, bottom * scale)
            band = painting.resize((width, bottom - top), LANCZOS, box=box)
        else:
            band = detailed.crop((0, top, width, bottom))
        detail = _band_detail(band, scale, _columns(size, bottom - top), repaint)
        if former is not None:
            _blend(former, detail[: len(former)], axis=0)
        kept = next_top - top
        former = detail[kept:].copy()
        pixels = np.add(np.asarray(band)[:kept], detail[:kept], out=detail[:kept])
        detailed.paste(Image.fromarray(pixels.clip(0, 255).round().astype(np.uint8)), (0, top))
    return detailed


def _band_detail(
    band: Image.Image, scale: float, columns: Sequence[tuple[int, int]], repaint: Repaint
) -> np.ndarray:
    """The detail of a band, painted in some parts side by side, float32 of shape (H, W, 3)."""
    whole = np.empty((band.height, band.width, 3), np.float32)
    former_right = 0
    for left, right in columns:
        part = band.crop((left, 0, right, band.height)) if len(columns) > 1 else band
        detail = _detail(repaint(part), scale)
        roughness = _roughness(part)
        detail *= roughness / (roughness + FLAT)
        overlap = former_right - left if left else 0
        if overlap:
            _blend(whole[:, left:former_right], detail[:, :overlap], axis=1)
        whole[:, left:right] = detail
        former_right = right
    return whole


def _blend(former: np.ndarray, detail: np.ndarray, *, axis: int) -> None:
    """Let detail begin as that of the part before, and change to its own along an axis."""
    share = np.linspace(0, 1, detail.shape[axis], dtype=np.float32)
    share = share.reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
    detail[:] = former + share * (detail - former)


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
