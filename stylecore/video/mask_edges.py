"""Guided filter by OpenCV: a mask takes over the edges of its frame, fast enough for every frame."""

from __future__ import annotations

import cv2
import numpy as np

RADIUS = 1 / 80  # of the long side, within which a mask moves to an edge
SMOOTHNESS = 1e-3  # variance of colors in [0, 1] below which a window counts as flat
CORE = (0.1, 0.9)  # refined values that become 0 and 1


def snap_to_edges(mask: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Refine a mask on the edges of a frame, and sharpen it.

    Args:
        mask: float32 in [0, 1], shape (H, W).
        pixels: The frame, uint8 of shape (H, W, 3).
    Returns:
        Mask of the same form.
    Source: He, Sun and Tang (2013), *Guided Image Filtering*, eqs. 14 to 16. For photos see
        `stylecore.regions.guided_filter`, which needs no OpenCV.
    """
    side = 2 * max(1, round(RADIUS * max(mask.shape))) + 1

    def mean(values: np.ndarray) -> np.ndarray:
        return cv2.blur(values, (side, side))

    colors = cv2.split(np.multiply(pixels, np.float32(1 / 255), dtype=np.float32))
    means, mean_mask = [mean(color) for color in colors], mean(mask)
    (rr, rg, rb), (_, gg, gb), (_, _, bb) = (
        [mean(colors[i] * colors[j]) - means[i] * means[j] + SMOOTHNESS * (i == j) for j in range(3)]
        for i in range(3)
    )
    shared = [mean(color * mask) - each * mean_mask for color, each in zip(colors, means, strict=True)]
    # Cofactors of the symmetric matrix of covariances.
    inverse = (
        (gg * bb - gb * gb, gb * rb - rg * bb, rg * gb - gg * rb),
        (gb * rb - rg * bb, rr * bb - rb * rb, rb * rg - rr * gb),
        (rg * gb - gg * rb, rb * rg - rr * gb, rr * gg - rg * rg),
    )
    determinant = inverse[0][0] * rr + inverse[0][1] * rg + inverse[0][2] * rb
    factors = [
        sum(part * each for part, each in zip(row, shared, strict=True)) / determinant for row in inverse
    ]
    refined = mean(mean_mask - sum(factor * each for factor, each in zip(factors, means, strict=True)))
    for factor, color in zip(factors, colors, strict=True):
        refined += mean(factor) * color
    low, high = CORE
    return ((refined - low) / (high - low)).clip(0, 1)
