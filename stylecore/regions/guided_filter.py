"""Guided filter: a coarse mask takes over the edges of a photo.

Source: He, Sun and Tang (2013), *Guided Image Filtering*, with a color guide; He and Sun (2015), *Fast Guided
Filter*, for linear coefficients that are found on a small picture and enlarged to the photo's size.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from stylecore.images.sizes import limit_long_side

STRIP_ROWS = 256  # rows of the photo that are computed at a time, which limits the memory
GUIDE_SIDE = 512  # px, long side at which edges are found
SMOOTHNESS = 1e-4  # variance of colors in [0, 1] below which a window counts as flat
CORE = (0.1, 0.9)  # refined values that become 0 and 1


def snap_to_edges(photo: Image.Image, mask: np.ndarray, *, radius: int) -> Image.Image:
    """Move the borders of a coarse mask onto the edges of a photo.

    Args:
        photo: RGB, of any size.
        mask: Coarse mask of the photo's proportions, float32 in [0, 1], shape (h, w).
        radius: Within which a border moves to an edge, in pixels of the photo at 512 px.
    Returns:
        Soft mask, mode L, of the photo's size.
    """
    guide = limit_long_side(photo, GUIDE_SIDE)
    coarse = np.asarray(Image.fromarray(mask).resize(guide.size, Image.Resampling.BILINEAR))
    refined = guided_filter(photo, guide, coarse, radius=radius, smoothness=SMOOTHNESS)
    low, high = (255 * value for value in CORE)
    stretched = (np.arange(256) - low) / (high - low) * 255
    return Image.fromarray(stretched.clip(0, 255).round().astype(np.uint8)[refined])


def guided_filter(
    photo: Image.Image, guide: Image.Image, mask: np.ndarray, *, radius: int, smoothness: float
) -> np.ndarray:
    """Refine a mask on the edges of a photo.

    In each window of the guide the mask becomes a linear function of the color; these functions are then
    evaluated on the photo.

    Args:
        photo: RGB, of any size.
        guide: The photo at the size of the mask, RGB.
        mask: Coarse mask, float32 in [0, 1], shape (h, w).
        radius: Of the windows, in pixels of the guide.
        smoothness: Variance of colors in [0, 1] below which a window counts as flat.
    Returns:
        Mask of the photo's size, uint8.
    """
    coefficients = _coefficients(np.asarray(guide, np.float32) / 255, mask, radius, smoothness)
    across = _stretch(coefficients.transpose(1, 0, 2), photo.width).transpose(1, 0, 2)
    rows = np.empty((photo.height, photo.width), np.uint8)
    for top in range(0, photo.height, STRIP_ROWS):
        bottom = min(top + STRIP_ROWS, photo.height)
        strip = np.asarray(photo.crop((0, top, photo.width, bottom)), np.float32)
        factors = _stretch(across, photo.height, top, bottom)
        values = np.einsum("hwc,hwc->hw", strip, factors[..., :3])
        values += 255 * factors[..., 3]
        rows[top:bottom] = np.clip(values, 0, 255).round()
    return rows


def _coefficients(guide: np.ndarray, mask: np.ndarray, radius: int, smoothness: float) -> np.ndarray:
    """Factors of red, green and blue, and a constant, shape (h, w, 4). He et al. (2013), eqs. 14 to 16."""
    mean_color, mean_mask = _box_mean(guide, radius), _box_mean(mask[..., None], radius)
    size = guide.shape[:2]
    products = guide[..., :, None] * guide[..., None, :]
    covariance = _box_mean(products.reshape(*size, 9), radius).reshape(*size, 3, 3)
    covariance -= mean_color[..., :, None] * mean_color[..., None, :]
    covariance += smoothness * np.eye(3, dtype=np.float32)
    shared = _box_mean(guide * mask[..., None], radius) - mean_color * mean_mask
    factors = np.linalg.solve(covariance, shared[..., None])[..., 0]
    constant = mean_mask - (factors * mean_color).sum(axis=-1, keepdims=True)
    return _box_mean(np.concatenate([factors, constant], axis=-1), radius)


def _box_mean(values: np.ndarray, radius: int) -> np.ndarray:
    """Mean over windows of 2 x radius + 1 pixels, which end at the borders; shape (h, w, c) stays."""
    for _ in range(2):  # rows, then columns
        total = np.cumsum(values, axis=0, dtype=np.float64)
        total = np.concatenate([np.zeros_like(total[:1]), total])
        places = np.arange(len(values))
        low, high = np.maximum(places - radius, 0), np.minimum(places + radius + 1, len(values))
        means = (total[high] - total[low]) / (high - low)[:, None, None]
        values = means.astype(np.float32).transpose(1, 0, 2)
    return values


def _stretch(values: np.ndarray, length: int, start: int = 0, stop: int | None = None) -> np.ndarray:
    """Resize along the first axis to `length` by linear interpolation; of that the rows `start` to `stop`."""
    places = (np.arange(start, length if stop is None else stop) + 0.5) * len(values) / length - 0.5
    low = np.clip(np.floor(places).astype(int), 0, max(len(values) - 2, 0))
    share = np.clip(places - low, 0, 1).astype(np.float32)[:, None, None]
    high = np.minimum(low + 1, len(values) - 1)
    return values[low] + share * (values[high] - values[low])
