"""Marbled paper."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from export.pictures.canvas import SIZE, to_image

PALETTE = np.array(
    [
        (18, 38, 66),
        (36, 96, 128),
        (238, 226, 204),
        (196, 76, 52),
        (232, 178, 92),
        (246, 240, 228),
        (70, 132, 128),
    ],
    dtype=np.float32,
)


def marbling(seed: int = 1) -> Image.Image:
    """Marbled paper: drops of ink on water, combed.

    Args:
        seed: Seed of the tines and drops.
    Source: Lu, Jaffer, Jin, Zhao and Mao (2012), "Mathematical marbling": drops and tines as
        maps of the plane, here run backwards from each pixel.
    """
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(np.float64)
    for _ in range(14):  # tines, at any angle
        angle, shift = random.uniform(0, np.pi), random.uniform(0.2, 0.8) * SIZE
        across_x, across_y = -np.sin(angle), np.cos(angle)
        distance = np.abs((x - SIZE / 2) * across_x + (y - SIZE / 2) * across_y + SIZE / 2 - shift)
        pull = random.choice([-1, 1]) * random.uniform(60, 150) * 0.5 ** (distance / random.uniform(20, 60))
        x, y = x - pull * np.cos(angle), y - pull * np.sin(angle)
    drops = []
    for _ in range(420):
        center = random.uniform(-0.1, 1.1, 2) * SIZE
        drops.append((*center, random.uniform(24, 66), random.integers(0, len(PALETTE))))
    color = np.broadcast_to(PALETTE[0], (SIZE * SIZE, 3)).copy()
    bare = np.arange(SIZE * SIZE)  # pixels that no drop has colored yet
    x, y = x.ravel(), y.ravel()
    for center_x, center_y, radius, ink in reversed(drops):  # the last drop lies on top
        dx, dy = x - center_x, y - center_y
        square = dx * dx + dy * dy
        is_inside = square < radius**2
        color[bare[is_inside]] = PALETTE[ink]
        bare, dx, dy, square = (part[~is_inside] for part in (bare, dx, dy, square))
        shrink = np.sqrt(np.maximum(0, 1 - radius**2 / np.maximum(square, 1e-9)))
        x, y = center_x + dx * shrink, center_y + dy * shrink
    color = color.reshape(SIZE, SIZE, 3)
    image = to_image(color)
    return image.filter(ImageFilter.GaussianBlur(0.8))  # inks bleed a little
