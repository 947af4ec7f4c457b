"""What the generated style pictures have in common."""

from __future__ import annotations

import numpy as np
from PIL import Image

SIZE = 1024  # px, square


def to_image(pixels: np.ndarray) -> Image.Image:
    """Clip values to 0..255 and round them down."""
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
