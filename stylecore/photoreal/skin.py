"""Skin of people in a photo, by color within its subject."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from stylecore.regions.subject import find_subject

# Chroma of skin in YCbCr (JPEG) of 0 to 255; Chai and Ngan (1999), *Face segmentation using skin-color map in
# videophone applications*.
CB, CR = (77, 127), (133, 173)
LEAST_LUMA = 40  # of 255; below, chroma is noise
LEAST_SHARE = 0.003  # of the photo that is skin of people
BLUR = 1.5  # px, at working size


def find_skin(photo: Image.Image) -> np.ndarray:
    """Find the skin of people.

    Args:
        photo: RGB, at working size.
    Returns:
        Soft mask, float32 in [0, 1], (H, W); all 0 where there is too little skin in the subject.
    Raises:
        WeightsError: The network that finds subjects is missing or damaged.
    """
    luma, cb, cr = np.asarray(photo.convert("YCbCr")).transpose(2, 0, 1)
    is_skin = (cb >= CB[0]) & (cb <= CB[1]) & (cr >= CR[0]) & (cr <= CR[1]) & (luma >= LEAST_LUMA)
    if is_skin.mean() < LEAST_SHARE:
        return np.zeros(is_skin.shape, np.float32)
    mask = np.where(is_skin, np.asarray(find_subject(photo)), np.uint8(0))
    if mask.mean() < 255 * LEAST_SHARE:
        return np.zeros(is_skin.shape, np.float32)
    blurred = Image.fromarray(mask).filter(ImageFilter.GaussianBlur(BLUR))
    return np.asarray(blurred, np.float32) / 255
