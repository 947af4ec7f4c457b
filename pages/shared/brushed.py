"""Strokes of the brush as regions of a picture."""

from __future__ import annotations

import numpy as np
from PIL import Image

from stylecore import ImageError, load_image
from stylecore.images.colors import flatten_content
from stylecore.regions.guided_filter import snap_to_edges
from stylecore.regions.masks import feather

SOFTNESS = 1 / 400  # of the long side: how far the border of a brushed part is softened
SNAP_RADIUS = 12  # px of a picture of 512 px, within which the border of a brushed part moves to an edge
MAX_BRUSH_MEGAPIXELS = 4


def read_strokes(brush: bytes, size: tuple[int, int]) -> Image.Image:
    """Read what a browser sent.

    Args:
        brush: Encoded picture whose alpha is what was brushed.
        size: Width and height of the picture that was brushed on.
    Returns:
        The strokes, RGBA, of the picture's proportions.
    Raises:
        ImageError: They were drawn on a picture of other proportions, or cannot be read.
    """
    drawn = load_image(brush, max_megapixels=MAX_BRUSH_MEGAPIXELS)
    scale = max(drawn.size) / max(size)
    if any(abs(have - want * scale) > 1 for have, want in zip(drawn.size, size, strict=True)):
        raise ImageError(
            f"the brush was drawn on a picture of {drawn.width} x {drawn.height} px, which has other "
            f"proportions than this one of {size[0]} x {size[1]} px: draw it again"
        )
    return drawn.convert("RGBA")


def brushed_region(strokes: Image.Image, picture: Image.Image, *, is_snapped: bool) -> Image.Image:
    """Turn strokes into a region of a picture.

    Args:
        strokes: Mask of the strokes, mode L, of the picture's proportions.
        picture: The picture, RGB or RGBA.
        is_snapped: Whether the borders move onto edges of the picture, instead of being softened.
    Returns:
        Soft mask, mode L, of the picture's size.
    """
    if is_snapped:
        coarse = np.asarray(strokes, np.float32) / 255
        return snap_to_edges(flatten_content(picture), coarse, radius=SNAP_RADIUS)
    soft = feather(strokes, SOFTNESS * max(strokes.size))
    return soft if soft.size == picture.size else soft.resize(picture.size, Image.Resampling.BICUBIC)
