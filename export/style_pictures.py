"""Style pictures that the project paints itself, deterministic and free of anybody's rights.

python -m export.style_pictures FOLDER
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

SIZE = 1024  # px, square

# Glass and stone of Byzantine and Roman mosaics: blues, greens, golds, terracotta, ivory, black.
MOSAIC_PALETTE = np.array(
    [
        (24, 48, 110), (38, 92, 160), (92, 158, 196), (20, 110, 112), (70, 150, 110),
        (226, 172, 52), (242, 206, 110), (200, 96, 44), (158, 44, 40), (240, 228, 200), (30, 26, 34),
    ],
    dtype=np.float32,
)  # fmt: skip


def mosaic(seed: int = 0, tile: float = 34.0) -> Image.Image:
    """Tesserae set in curving rows, their colors in swirling bands, in dark mortar.

    The stones are Voronoi cells of a jittered square grid that is bent by a few vortices; the
    mortar lies where the two nearest centers are about equally far.

    Args:
        seed: Of the jitter, the bands and the shades.
        tile: Mean side of a stone in pixels.
    """
    random = np.random.default_rng(seed)
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

    # Nearest and second nearest center among the 5 x 5 cells round each pixel's own.
    margin = 16
    cells = SIZE // int(tile) * 2 + 2 * margin
    jitter = random.uniform(-0.24, 0.24, (cells, cells, 2)).astype(np.float32)
    shade = random.normal(0, 13, (cells, cells, 3)).astype(np.float32)
    grey = random.normal(0, 16, (cells, cells, 1)).astype(np.float32)
    column, row = np.floor(u / tile).astype(int), np.floor(v / tile).astype(int)
    first = np.full(x.shape, np.inf, np.float32)
    second = first.copy()
    nearest_row, nearest_column = row.copy(), column.copy()
    for dy in range(-2, 3):
        for dx in range(-2, 3):
            r, c = row + dy, column + dx
            offset = jitter[(r + margin) % cells, (c + margin) % cells]
            # Chebyshev-like distance gives four-sided stones.
            across, along = u / tile - c - 0.5 - offset[..., 0], v / tile - r - 0.5 - offset[..., 1]
            distance = (np.abs(across) ** 4 + np.abs(along) ** 4) ** 0.25
            is_nearer = distance < first
            second = np.where(is_nearer, first, np.minimum(second, distance))
            nearest_row, nearest_column = (
                np.where(is_nearer, r, nearest_row),
                np.where(is_nearer, c, nearest_column),
            )
            first = np.minimum(first, distance)

    # One color a stone, from bands of the swirling field at the stone's center.
    center_u = (nearest_column + 0.5) * tile
    center_v = (nearest_row + 0.5) * tile
    field = np.sin(center_u / 150 + 1.3 * np.sin(center_v / 210)) + np.sin(
        center_v / 170 + 1.7 * np.cos(center_u / 260)
    )
    stone = ((nearest_row + margin) % cells, (nearest_column + margin) % cells)
    band = ((field + 2) / 4 * 2 * len(MOSAIC_PALETTE) + 0.7 * jitter[stone][..., 0]).astype(int)
    color = MOSAIC_PALETTE[band % len(MOSAIC_PALETTE)] + shade[stone] + grey[stone]

    gap = second - first  # in units of a tile; 0 in the middle of the mortar
    relief = 1 + 0.10 * np.clip(0.5 - first, -0.5, 0.5)[..., None]
    is_stone = np.clip((gap - 0.10) / 0.07, 0, 1)[..., None]
    mortar = np.array((52, 46, 44), np.float32)
    pixels = is_stone * color * relief + (1 - is_stone) * mortar
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


PICTURES = {"mosaic": mosaic}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args(arguments).folder
    folder.mkdir(parents=True, exist_ok=True)
    for name, paint in PICTURES.items():
        path = folder / f"{name}.png"
        paint().save(path)
        print(path)


if __name__ == "__main__":
    main()
