"""Sizes of pictures in pixels: the smallest, limits, scaling."""

from __future__ import annotations

from PIL import Image

from stylecore.errors import ImageError

MIN_SIDE = 32  # px; the networks need that much


def check_max_side(max_side: int | None) -> None:
    """Refuse a limit that no picture could keep.

    Raises:
        ImageError: Below 32 px, or not a number.
    """
    if max_side is not None and not max_side >= MIN_SIDE:
        raise ImageError(f"max_side is {max_side}: at least {MIN_SIDE} px are needed")


def limit_long_side(image: Image.Image, max_side: int) -> Image.Image:
    """The image itself, or a copy scaled down to `max_side` pixels on its long side, see `size_at`."""
    return resize_long_side(image, max_side) if max(image.size) > max_side else image


def resize_long_side(image: Image.Image, side: int) -> Image.Image:
    """A copy scaled to `side` pixels on its long side, see `size_at`; Lanczos."""
    return image.resize(size_at(side, image.size), Image.Resampling.LANCZOS)


def size_at(side: float, size: tuple[int, int]) -> tuple[int, int]:
    """Width and height at `side` pixels on the long side.

    Narrow strips stay longer, so that no side is under 32 px.
    """
    scale = max(side / max(size), MIN_SIDE / min(size))
    width, height = (max(MIN_SIDE, round(length * scale)) for length in size)
    return width, height
