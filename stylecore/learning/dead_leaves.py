"""Pictures of occluding disks, which have edges and contrasts of all sizes as photos have."""

from __future__ import annotations

import numpy as np
from PIL import Image

SMALLEST_RADIUS = 3.0  # px
LARGEST_RADIUS = 0.4  # of the picture's side
TEXTURED_SHARE = 0.5  # fraction of the disks that show a piece of the photo, others have one of its colors
MAX_DISKS = 100_000  # after these, pixels still free take the photo's mean color
DISKS_PER_DRAW = 1000


def dead_leaves(photo: Image.Image, size: int, *, seed: int) -> Image.Image:
    """Paint a dead leaves picture in the colors and textures of a photo.

    Disks fall at uniform places, with radii r of density r^-3 and so the same share of the area at each
    scale. They are drawn from the front to the back until no pixel is free.

    Args:
        photo: RGB, of any size.
        size: Side in pixels of the square picture.
        seed: The same seed gives the same picture.
    Source: Lee, Mumford and Huang (2001), "Occlusion models for natural images"; front to back as in
        Kendall and Thönnes (1999). Differs: disks hold colors and pieces of one photo, not random grays.
    """
    random = np.random.default_rng(seed)
    pixels = _at_least(photo.convert("RGB"), size)
    painted = np.empty((size, size, 3), dtype=np.uint8)
    is_free = np.ones((size, size), dtype=bool)
    largest = LARGEST_RADIUS * size
    for _ in range(MAX_DISKS // DISKS_PER_DRAW):
        for x, y, radius, left, top, kind in _draw_disks(random, size, largest):
            rows, columns = _reach(y, radius, size), _reach(x, radius, size)
            free = is_free[rows, columns]
            if not free.any():
                continue
            vertical, horizontal = np.ogrid[rows, columns]
            is_new = free & ((vertical - y) ** 2 + (horizontal - x) ** 2 <= radius**2)
            height, width = is_new.shape
            first_row = int(top * (pixels.shape[0] - height))
            first_column = int(left * (pixels.shape[1] - width))
            piece = pixels[first_row : first_row + height, first_column : first_column + width]
            painted[rows, columns][is_new] = piece[is_new] if kind < TEXTURED_SHARE else piece[0, 0]
            free[is_new] = False
        if not is_free.any():
            break
    painted[is_free] = pixels.mean((0, 1)).astype(np.uint8)
    return Image.fromarray(painted)


def _draw_disks(random: np.random.Generator, size: int, largest: float) -> np.ndarray:
    """Center x and y, radius, place of the piece (left, top) and kind of some disks, shape (N, 6)."""
    draws = random.random((DISKS_PER_DRAW, 6))
    # The inverse of the distribution of r^-3 between the two radii.
    smallest = min(SMALLEST_RADIUS, largest)
    radius = (smallest**-2 + draws[:, 2] * (largest**-2 - smallest**-2)) ** -0.5
    # Centers as far outside as the largest disk reaches, or the rim would have fewer disks.
    centers = draws[:, :2] * (size + 2 * largest) - largest
    return np.column_stack([centers, radius, draws[:, 3:]])


def _reach(center: float, radius: float, size: int) -> slice:
    """Rows or columns of the picture that a disk can touch; empty if it lies outside."""
    return slice(max(0, int(center - radius)), max(0, min(size, int(center + radius) + 2)))


def _at_least(photo: Image.Image, size: int) -> np.ndarray:
    """Pixels of the photo, enlarged if a side is shorter than the picture."""
    scale = max(1.0, size / min(photo.size))
    width, height = (max(size, round(side * scale)) for side in photo.size)
    return np.asarray(photo.resize((width, height), Image.Resampling.BICUBIC))
