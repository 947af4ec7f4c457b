"""Mix a stylized picture with the photo: strength and color."""

from __future__ import annotations

import numpy as np
from PIL import Image

from stylecore.images.arrays import LUMA, from_batch, to_batch

STRIP_ROWS = 256  # rows of a picture that are mixed at a time


def preserve_color(content: np.ndarray, stylized: np.ndarray) -> np.ndarray:
    """Combine the stylized luminance with the photo's chroma.

    With luma Y, the color differences R - Y, G - Y and B - Y stay the photo's when every
    channel moves by the change of Y.

    Args:
        content: Photo, shape (1, 3, H, W), in [0, 1].
        stylized: Stylized photo of the same shape.
    Returns:
        Same shape; can leave [0, 1] where a color is not possible at the new luminance.
    Source: Gatys et al. (2016), Preserving Color in Neural Artistic Style Transfer, section 3.2.
    """
    change = np.einsum("nchw,c->nhw", stylized - content, LUMA)
    return content + change[:, None]


def apply_strength(content: np.ndarray, stylized: np.ndarray, strength: float) -> np.ndarray:
    """Interpolate in pixel space from the photo (0) to the stylized picture (1), or extrapolate.

    Args:
        content: Photo, shape (1, 3, H, W), in [0, 1].
        stylized: Stylized photo of the same shape.
        strength: At least 0.
    Returns:
        Same shape, clipped to [0, 1].
    """
    return np.clip(content + np.float32(strength) * (stylized - content), 0, 1)


def mix_strip(content: np.ndarray, stylized: np.ndarray, strength: float, *, keeps_color: bool) -> np.ndarray:
    """Apply strength and colors to a picture at full strength, or a part of it.

    Args:
        content: Photo, shape (1, 3, H, W), in [0, 1].
        stylized: Stylized photo of the same shape.
        strength: See `apply_strength`.
        keeps_color: Whether to keep the photo's colors, see `preserve_color`.
    """
    if keeps_color:
        stylized = preserve_color(content, stylized)
    return apply_strength(content, stylized, strength) if keeps_color or strength != 1 else stylized


def mix(photo: Image.Image, painting: Image.Image, strength: float, *, keeps_color: bool) -> None:
    """Mix the photo and its colors into the painting, a strip of rows at a time.

    The strips, and no third picture, keep the memory low: pictures of 100 megapixels are 400 MB each, as
    floats three times as much.
    """
    for box in strips(photo.size):
        content, strip = to_batch(photo.crop(box)), to_batch(painting.crop(box))
        strip = mix_strip(content, strip, strength, keeps_color=keeps_color)
        painting.paste(from_batch(strip), box[:2])


def strips(size: tuple[int, int]) -> list[tuple[int, int, int, int]]:
    """Boxes of some rows each that cover a picture of this width and height."""
    width, height = size
    return [(0, top, width, min(top + STRIP_ROWS, height)) for top in range(0, height, STRIP_ROWS)]
