"""Monge-Kantorovich transport of colors: the affine transform between two pictures' colors, in milliseconds.

Source: Pitié and Kokaram (2007), *The linear Monge-Kantorovitch linear colour mapping for example-based
colour transfer*.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Added to the variances of colors in [0, 1], so that the noise of a grey photo is not stretched to colors.
LEAST_VARIANCE = 1e-3


@dataclass(frozen=True)
class ColorStatistics:
    """Mean (3,) and covariance (3, 3) of RGB in [0, 1]."""

    mean: np.ndarray
    covariance: np.ndarray


def color_statistics(pixels: np.ndarray, weights: np.ndarray | None = None) -> ColorStatistics:
    """Measure the colors of a picture.

    Args:
        pixels: RGB in [0, 1], shape (H, W, 3).
        weights: How much each pixel counts, shape (H, W), not all 0; without it all count the same.
    """
    colors = pixels.reshape(-1, 3).astype(np.float64)
    shares = None if weights is None else weights.ravel().astype(np.float64)
    mean = np.average(colors, axis=0, weights=shares)
    centered = colors - mean
    scaled = centered / len(colors) if shares is None else centered * (shares / shares.sum())[:, None]
    return ColorStatistics(mean, scaled.T @ centered)


def color_transport(photo: ColorStatistics, reference: ColorStatistics) -> np.ndarray:
    """Find the transform that gives a photo the mean and covariance of the reference's colors.

    Of all linear ones it moves the colors least.

    Returns:
        Shape (3, 4): factors of red, green and blue, and an offset, for each channel; float32.
    """
    own, other = (each.covariance + LEAST_VARIANCE * np.eye(3) for each in (photo, reference))
    root, inverse = _power(own, 0.5), _power(own, -0.5)
    factors = inverse @ _power(root @ other @ root, 0.5) @ inverse
    offset = reference.mean - factors @ photo.mean
    return np.column_stack([factors, offset]).astype(np.float32)


def _power(matrix: np.ndarray, exponent: float) -> np.ndarray:
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * values.clip(1e-12) ** exponent) @ vectors.T
