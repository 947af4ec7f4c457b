"""Low-poly triangles."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from export.pictures.canvas import SIZE

# Bold poster colors, dark to light.
PALETTE = np.array(
    [
        (18, 22, 60), (44, 30, 120), (110, 34, 140), (196, 36, 110), (240, 76, 70), (250, 140, 50),
        (252, 200, 80), (250, 236, 190), (110, 210, 200), (20, 150, 170), (14, 84, 130),
    ],
    dtype=np.float32,
)  # fmt: skip


def triangle(seed: int = 2, cell: int = 64) -> Image.Image:
    """Triangles of a jittered lattice, each in one bold shade.

    Args:
        seed: Seed of the jitter, the cuts and the shades.
        cell: Spacing of the lattice in pixels.
    """
    random = np.random.default_rng(seed)
    scale = 2  # drawn at twice the size for smooth edges
    count = SIZE // cell + 3
    grid = np.stack(np.meshgrid(np.arange(count), np.arange(count)), axis=-1).astype(np.float32) - 1
    corners = (grid + random.uniform(-0.38, 0.38, grid.shape)) * cell * scale
    image = Image.new("RGB", (SIZE * scale, SIZE * scale))
    draw = ImageDraw.Draw(image)
    for row in range(count - 1):
        for column in range(count - 1):
            a, b = corners[row, column], corners[row, column + 1]
            c, d = corners[row + 1, column], corners[row + 1, column + 1]
            halves = ((a, b, c), (b, d, c)) if random.random() < 0.5 else ((a, b, d), (a, d, c))
            for points in halves:
                x, y = np.mean(points, axis=0) / (SIZE * scale)
                field = (
                    0.5 + 0.32 * np.sin(5.2 * x + 1.8 * np.sin(4.1 * y)) + 0.22 * np.cos(6.3 * y - 2.7 * x)
                )
                place = (field * 1.5 * len(PALETTE) + random.normal(0, 0.5)) % len(PALETTE)
                shade = PALETTE[int(place)] * random.uniform(0.78, 1.12) + random.normal(0, 8)
                color = tuple(int(value) for value in np.clip(shade, 0, 255))
                draw.polygon([tuple(point) for point in points], fill=color)
    return image.resize((SIZE, SIZE), Image.Resampling.LANCZOS)
