"""Pictures as arrays of floats."""

from __future__ import annotations

import numpy as np
from PIL import Image

LUMA = np.array((0.299, 0.587, 0.114), dtype=np.float32)  # of red, green and blue; ITU-R BT.601


def to_batch(image: Image.Image) -> np.ndarray:
    """Convert an image to a network's input: shape (1, 3, H, W), float32 in [0, 1]."""
    planes = np.stack([np.asarray(band) for band in image.convert("RGB").split()])
    return np.divide(planes[None], np.float32(255), dtype=np.float32)


def from_batch(batch: np.ndarray) -> Image.Image:
    """Convert a network's output of shape (1, 3, H, W) to an RGB image, clipped to [0, 1] and rounded."""
    planes = np.clip(batch[0], 0, 1) * np.float32(255) + np.float32(0.5)
    return Image.merge("RGB", [Image.fromarray(plane) for plane in planes.astype(np.uint8)])


def to_pixels(batch: np.ndarray) -> np.ndarray:
    """Convert float32 of shape (N, 3, H, W) to uint8 of shape (N, H, W, 3), clipped to [0, 1] and rounded."""
    values = np.clip(batch, 0, 1) * np.float32(255) + np.float32(0.5)
    return np.ascontiguousarray(values.astype(np.uint8).transpose(0, 2, 3, 1))


def from_pixels(pixels: np.ndarray) -> np.ndarray:
    """Convert uint8 of shape (N, H, W, 3) to float32 of shape (N, 3, H, W) in [0, 1]."""
    planes = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
    return np.divide(planes, np.float32(255), dtype=np.float32)
