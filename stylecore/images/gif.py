"""First frames of GIFs that are smaller than the canvas."""

from __future__ import annotations

from PIL import Image


def frame_box(image: Image.Image) -> tuple[int, int, int, int] | None:
    """Left, top, right and bottom of an opened GIF's first frame; None if it covers the canvas."""
    tiles = getattr(image, "tile", ())
    if image.format != "GIF" or not tiles or tiles[0].extents == (0, 0, *image.size):
        return None
    return tiles[0].extents


def clear_outside(image: Image.Image, box: tuple[int, int, int, int]) -> Image.Image:
    """Make all pixels outside a box transparent, as browsers show them."""
    clear = Image.new("RGBA", image.size)
    clear.paste(image.convert("RGBA").crop(box), box)
    return clear
