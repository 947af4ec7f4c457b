"""Stained glass."""

from __future__ import annotations

import numpy as np
from PIL import Image

from export.pictures.canvas import SIZE, to_image

PALETTE = np.array(
    [
        (16, 40, 140), (30, 90, 200), (90, 170, 230), (150, 20, 40), (214, 40, 50), (240, 150, 30),
        (250, 214, 90), (20, 110, 70), (90, 180, 90), (110, 40, 130), (236, 232, 214),
    ],
    dtype=np.float32,
)  # fmt: skip


def stained_glass(seed: int = 4, panes: int = 260) -> Image.Image:
    """Panes of clear, streaked color between dark leads.

    Args:
        seed: Seed of the panes and their colors.
        panes: Number of panes.
    """
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
    # Panes bend along slow waves, so that leads curve.
    u = x + 26 * np.sin(y / 95 + 1) + 14 * np.sin(x / 60)
    v = y + 26 * np.sin(x / 110) + 14 * np.cos(y / 70)
    centers = random.uniform(-40, SIZE + 40, (panes, 2)).astype(np.float32)
    distances = np.full((2, SIZE, SIZE), np.inf, np.float32)
    nearest = np.zeros((SIZE, SIZE), int)
    for number, (center_x, center_y) in enumerate(centers):
        distance = np.hypot(u - center_x, v - center_y)
        is_nearer = distance < distances[0]
        distances[1] = np.where(is_nearer, distances[0], np.minimum(distances[1], distance))
        nearest[is_nearer] = number
        distances[0] = np.where(is_nearer, distance, distances[0])
    color = PALETTE[random.integers(0, len(PALETTE), panes)][nearest]
    streaks = np.sin(0.05 * u + 3 * np.sin(v / 40) + 2.4 * nearest) * np.sin(0.021 * v + 1.7 * nearest)
    light = (0.95 + 0.16 * streaks - 0.0035 * distances[0].clip(0, 90))[..., None]
    lead = np.clip((distances[1] - distances[0] - 5) / 3, 0, 1)[..., None]
    pixels = lead * color * light + (1 - lead) * np.array((22, 20, 24), np.float32)
    return to_image(pixels)
