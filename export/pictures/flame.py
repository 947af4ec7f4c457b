"""Fractal flame."""

from __future__ import annotations

import numpy as np
from PIL import Image

from export.pictures.canvas import SIZE, to_image


def flame(seed: int = 8, rounds: int = 400) -> Image.Image:
    """A fractal flame: chaos game of nonlinear maps, log density, colors by the last maps.

    Args:
        seed: Seed of the maps and points.
        rounds: Iterations of 100,000 points.
    Source: Draves and Reckase (2008), "The fractal flame algorithm".
    """
    random = np.random.default_rng(seed)
    maps = [
        (random.uniform(-1, 1, (2, 2)), random.uniform(-0.9, 0.9, 2), variation, hue)
        for variation, hue in zip(
            ("swirl", "spherical", "sinusoidal", "horseshoe"), (0.0, 0.35, 0.7, 1.0), strict=True
        )
    ]
    points = random.uniform(-1, 1, (100_000, 2))
    hue = random.uniform(0, 1, len(points))
    density, color = np.zeros(SIZE * SIZE), np.zeros(SIZE * SIZE)
    for turn in range(rounds):
        choice = random.integers(0, len(maps), len(points))
        for number, (matrix, offset, variation, own_hue) in enumerate(maps):
            chosen = choice == number
            moved = points[chosen] @ matrix.T + offset
            points[chosen] = _vary(moved, variation)
            hue[chosen] = (hue[chosen] + own_hue) / 2
        if turn < 20:
            continue  # not yet on the attractor
        place = np.floor((points * 0.55 + 0.5) * SIZE).astype(int)
        inside = ((place >= 0) & (place < SIZE)).all(1)
        index = place[inside, 1] * SIZE + place[inside, 0]
        density += np.bincount(index, minlength=SIZE * SIZE)
        color += np.bincount(index, weights=hue[inside], minlength=SIZE * SIZE)
    mean_hue = (color / np.maximum(density, 1)).reshape(SIZE, SIZE)
    brightness = np.log1p(density).reshape(SIZE, SIZE)
    brightness = (brightness / np.quantile(brightness, 0.995)).clip(0, 1) ** 0.9
    stops = np.array([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
    tones = np.array(
        [(40, 60, 200), (150, 40, 190), (240, 50, 60), (255, 140, 30), (255, 220, 90), (120, 240, 230)]
    )
    glow = np.stack([np.interp(mean_hue, stops, tones[:, channel]) for channel in range(3)], axis=-1)
    pixels = np.array((6, 5, 14)) * (1 - brightness[..., None]) + glow * brightness[..., None]
    pixels += 110 * (brightness[..., None] ** 6)  # white where it is densest
    return to_image(pixels)


def _vary(points: np.ndarray, variation: str) -> np.ndarray:
    """Apply a variation of the paper to points of shape (N, 2)."""
    x, y = points.T
    square = x * x + y * y + 1e-9
    if variation == "swirl":
        return np.stack([x * np.sin(square) - y * np.cos(square), x * np.cos(square) + y * np.sin(square)], 1)
    if variation == "spherical":
        return points / square[:, None]
    if variation == "horseshoe":
        return np.stack([(x - y) * (x + y), 2 * x * y], 1) / np.sqrt(square)[:, None]
    return np.sin(points)
