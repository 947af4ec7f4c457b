"""Sizes of pictures in pixels: limits and scaling."""

from __future__ import annotations

from PIL import Image

from stylecore.errors import ImageError

MIN_SIDE = 32  # px, the smallest that the networks take


def check_max_side(max_side: int | None) -> None:
    """Refuse a limit below the smallest size.

    Raises:
        ImageError: Below 32 px, or not a number.
    """
    if max_side is not None and not max_side >= MIN_SIDE:
        raise ImageError(f"max_side is {max_side}: at least {MIN_SIDE} px are needed")


def limit_long_side(image: Image.Image, max_side: int) -> Image.Image:
    """Scale an image down if its long side exceeds `max_side` pixels, see `size_at`."""
    return resize_long_side(image, max_side) if max(image.size) > max_side else image


def resize_long_side(image: Image.Image, side: int) -> Image.Image:
    """Scale an image to `side` pixels on its long side by Lanczos, see `size_at`."""
    return image.resize(size_at(side, image.size), Image.Resampling.LANCZOS)


def size_at(side: float, size: tuple[int, int]) -> tuple[int, int]:
    """Return width and height at `side` pixels on the long side.

    Narrow strips become larger, so that no side is under 32 px.
    """
    scale = max(side / max(size), MIN_SIDE / min(size))
    width, height = (max(MIN_SIDE, round(length * scale)) for length in size)
    return width, height
