"""Matting Laplacian: how far a picture is from being, in each small window, an affine function of a photo.

Source: Levin et al. (2008), *A closed-form solution to natural image matting*, eq. 12, for windows of 3 x 3
pixels that lie within the photo. Its products are computed window by window, as He et al. (2010), *Fast
matting using large kernel matting Laplacian matrices*, section 4, which is exact and stores no matrix.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

WINDOW = 3  # px
PIXELS = WINDOW**2
REGULARIZATION = 1e-5  # added to the variances of colors in [0, 1], divided by the pixels of a window


class MattingLaplacian:
    """The matrix of one photo.

    Args:
        photo: RGB in [0, 1], (H, W, 3), at least 3 x 3 pixels.
    Attributes:
        degrees: Number of windows that each pixel is in, (H, W, 1); the matrix is their diagonal minus the
            affinities.
    """

    def __init__(self, photo: np.ndarray) -> None:
        self.photo = photo.astype(np.float64)
        self.mean = _window_sum(self.photo) / PIXELS
        products = self.photo[..., :, None] * self.photo[..., None, :]
        covariance = _window_sum(products.reshape(*photo.shape[:2], 9)) / PIXELS
        covariance = covariance.reshape(*covariance.shape[:2], 3, 3)
        covariance = covariance - self.mean[..., :, None] * self.mean[..., None, :]
        self.inverse = np.linalg.inv(covariance + REGULARIZATION / PIXELS * np.eye(3))
        self.degrees = _spread(np.ones((*self.mean.shape[:2], 1)))

    def product(self, values: np.ndarray) -> np.ndarray:
        """Multiply the matrix with pictures, (H, W, C); 0 for affine functions of the photo, nearly."""
        values = values.astype(np.float64)
        mean = _window_sum(values) / PIXELS  # (h, w, C) of windows
        pairs = self.photo[..., :, None] * values[..., None, :]
        shared = _window_sum(pairs.reshape(*values.shape[:2], -1)) / PIXELS
        shared = shared.reshape(*mean.shape[:2], 3, -1) - self.mean[..., :, None] * mean[..., None, :]
        factors = self.inverse @ shared  # (h, w, 3, C)
        offsets = mean - (factors * self.mean[..., :, None]).sum(2)
        total = _spread(factors.reshape(*mean.shape[:2], -1)).reshape(*values.shape[:2], 3, -1)
        fitted = (total * self.photo[..., :, None]).sum(2) + _spread(offsets)
        return self.degrees * values - fitted


def smooth_closed_form(
    stylized: np.ndarray, photo: np.ndarray, *, closeness: float = 1e-4, steps: int = 200
) -> np.ndarray:
    """Smooth a picture so that neighbors of similar colors in the photo become similar.

    Args:
        stylized: RGB in [0, 1], (H, W, 3).
        photo: RGB in [0, 1], (H, W, 3).
        closeness: Weight of the stylized picture, above 0; 1 leaves it as it is.
        steps: Most steps of conjugate gradients.
    Returns:
        Shape (H, W, 3), which may go beyond [0, 1].
    Source: Li et al. (2018), *A closed-form solution to photorealistic image stylization*, eq. 6:
        (1 - a) (I - a S)^-1 Y with S = D^-1/2 W D^-1/2, where a is 1 - `closeness`. Differs: solved by
        conjugate gradients.
    """
    laplacian = MattingLaplacian(photo)
    roots = np.sqrt(laplacian.degrees)

    def operator(values: np.ndarray) -> np.ndarray:
        scaled = values / roots
        affinity = laplacian.degrees * scaled - laplacian.product(scaled)
        return values - (1 - closeness) * affinity / roots

    return conjugate_gradients(operator, closeness * stylized.astype(np.float64), stylized, steps)


def conjugate_gradients(
    operator: Callable[[np.ndarray], np.ndarray], target: np.ndarray, start: np.ndarray, steps: int
) -> np.ndarray:
    """Solve operator(x) = target for each channel, (H, W, C); the operator is symmetric and positive.

    Source: Hestenes and Stiefel (1952).
    """
    found = start.astype(np.float64)
    rest = target - operator(found)
    direction, energy = rest.copy(), (rest**2).sum((0, 1))
    enough = 1e-20 * (target**2).sum((0, 1))
    for _ in range(steps):
        if (energy <= enough).all():
            break
        image = operator(direction)
        length = energy / np.maximum((direction * image).sum((0, 1)), 1e-300)
        found += length * direction
        rest -= length * image
        new = (rest**2).sum((0, 1))
        direction = rest + new / np.maximum(energy, 1e-300) * direction
        energy = new
    return found


def _window_sum(values: np.ndarray) -> np.ndarray:
    """Sums over all windows within (H, W, C), (H - 2, W - 2, C)."""
    rows = sum(values[offset : len(values) - WINDOW + 1 + offset] for offset in range(WINDOW))
    width = values.shape[1]
    return sum(rows[:, offset : width - WINDOW + 1 + offset] for offset in range(WINDOW))


def _spread(windows: np.ndarray) -> np.ndarray:
    """Sums at each pixel over the windows that it is in: the transpose of `_window_sum`."""
    border = WINDOW - 1
    return _window_sum(np.pad(windows, ((border, border), (border, border), (0, 0))))
