"""Mosaic of stones in curving rows."""

from __future__ import annotations

import numpy as np
from PIL import Image

from export.pictures.canvas import SIZE, to_image

# Glass and stone of Byzantine and Roman mosaics: blues, greens, golds, terracotta, ivory, black.
PALETTE = np.array(
    [
        (24, 48, 110), (38, 92, 160), (92, 158, 196), (20, 110, 112), (70, 150, 110),
        (226, 172, 52), (242, 206, 110), (200, 96, 44), (158, 44, 40), (240, 228, 200), (30, 26, 34),
    ],
    dtype=np.float32,
)  # fmt: skip
MARGIN = 16  # cells outside the picture that the vortices may reach


def mosaic(seed: int = 0, tile: float = 34.0) -> Image.Image:
    """Mosaic stones in curving rows and swirling bands of color, in dark mortar.

    The stones are Voronoi cells of a jittered square grid that is bent by vortices; the mortar is
    where the two nearest centers are about equally far.

    Args:
        seed: Seed of the jitter, the bands and the shades.
        tile: Mean side of a stone in pixels.
    """
    random = np.random.default_rng(seed)
    u, v = _bent_coordinates(random)
    cells = SIZE // int(tile) * 2 + 2 * MARGIN
    jitter = random.uniform(-0.24, 0.24, (cells, cells, 2)).astype(np.float32)
    shade = random.normal(0, 13, (cells, cells, 3)).astype(np.float32)
    grey = random.normal(0, 16, (cells, cells, 1)).astype(np.float32)
    first, second, row, column = _nearest_stones(u / tile, v / tile, jitter)

    # One color per stone, from bands of a swirling field at the stone's center.
    center_u, center_v = (column + 0.5) * tile, (row + 0.5) * tile
    field = np.sin(center_u / 150 + 1.3 * np.sin(center_v / 210)) + np.sin(
        center_v / 170 + 1.7 * np.cos(center_u / 260)
    )
    stone = ((row + MARGIN) % cells, (column + MARGIN) % cells)
    band = ((field + 2) / 4 * 2 * len(PALETTE) + 0.7 * jitter[stone][..., 0]).astype(int)
    color = PALETTE[band % len(PALETTE)] + shade[stone] + grey[stone]

    gap = second - first  # in tiles; 0 in the middle of the mortar
    relief = 1 + 0.10 * np.clip(0.5 - first, -0.5, 0.5)[..., None]
    is_stone = np.clip((gap - 0.10) / 0.07, 0, 1)[..., None]
    mortar = np.array((52, 46, 44), np.float32)
    return to_image(is_stone * color * relief + (1 - is_stone) * mortar)


def _bent_coordinates(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Horizontal and vertical coordinates of the pixels, turned round five random vortices."""
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
    u, v = x, y
    for _ in range(5):
        center_x, center_y = random.uniform(0, SIZE, 2)
        radius, turn = random.uniform(0.2, 0.4) * SIZE, random.choice([-1, 1]) * random.uniform(0.8, 1.4)
        distance = np.hypot(x - center_x, y - center_y)
        angle = turn * np.exp(-((distance / radius) ** 2))
        du, dv = u - center_x, v - center_y
        u, v = (
            center_x + du * np.cos(angle) - dv * np.sin(angle),
            center_y + du * np.sin(angle) + dv * np.cos(angle),
        )
    return u, v


def _nearest_stones(
    u: np.ndarray, v: np.ndarray, jitter: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Distances to the nearest and second nearest center, and row and column of the nearest.

    Args:
        u: Horizontal coordinates in tiles.
        v: Vertical coordinates in tiles.
        jitter: Offsets of the centers in tiles, shape (cells, cells, 2).
    """
    cells = len(jitter)
    column, row = np.floor(u).astype(int), np.floor(v).astype(int)
    first = np.full(u.shape, np.inf, np.float32)
    second = first.copy()
    nearest_row, nearest_column = row.copy(), column.copy()
    for dy in range(-2, 3):
        for dx in range(-2, 3):
            r, c = row + dy, column + dx
            offset = jitter[(r + MARGIN) % cells, (c + MARGIN) % cells]
            # The 4-norm gives four-sided stones.
            across, along = u - c - 0.5 - offset[..., 0], v - r - 0.5 - offset[..., 1]
            distance = (np.abs(across) ** 4 + np.abs(along) ** 4) ** 0.25
            is_nearer = distance < first
            second = np.where(is_nearer, first, np.minimum(second, distance))
            nearest_row = np.where(is_nearer, r, nearest_row)
            nearest_column = np.where(is_nearer, c, nearest_column)
            first = np.minimum(first, distance)
    return first, second, nearest_row, nearest_column
