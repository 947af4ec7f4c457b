"""Mix a stylized picture with the photo: strength and color."""

from __future__ import annotations

import numpy as np

from stylecore.images.arrays import LUMA


def preserve_color(content: np.ndarray, stylized: np.ndarray) -> np.ndarray:
    """Combine the stylized luminance with the photo's chroma.

    With luma Y, the color differences R - Y, G - Y and B - Y stay the photo's when every
    channel moves by the change of Y.

    Args:
        content: Photo, shape (1, 3, H, W), in [0, 1].
        stylized: Stylized photo of the same shape.
    Returns:
        Same shape; can leave [0, 1] where a color is not possible at the new luminance.
    Source: Gatys et al. (2016), Preserving Color in Neural Artistic Style Transfer, section 3.2.
    """
    change = np.einsum("nchw,c->nhw", stylized - content, LUMA)
    return content + change[:, None]


def apply_strength(content: np.ndarray, stylized: np.ndarray, strength: float) -> np.ndarray:
    """Interpolate in pixel space from the photo (0) to the stylized picture (1), or extrapolate.

    Args:
        content: Photo, shape (1, 3, H, W), in [0, 1].
        stylized: Stylized photo of the same shape.
        strength: At least 0.
    Returns:
        Same shape, clipped to [0, 1].
    """
    return np.clip(content + np.float32(strength) * (stylized - content), 0, 1)
