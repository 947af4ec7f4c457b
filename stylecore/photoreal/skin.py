"""Skin of people in a photo: where it has the color of the faces that are found."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from stylecore.regions.faces import find_face_boxes
from stylecore.regions.subject import find_subject

# Chroma of skin in YCbCr (JPEG) of 0 to 255; Chai and Ngan (1999), *Face segmentation using skin-color map in
# videophone applications*. A face of other colors is a statue, or in a photo without colors.
CB, CR = (77, 127), (133, 173)
LEAST_LUMA = 40  # of 255; below, chroma is noise
SAMPLED = 0.6  # of a face's half width and height, without hair and background
LEAST_PIXELS = 12  # of a face, whose colors make a model
DEVIATIONS = (3.0, 10.0)  # of 255, least and largest of a face's chroma
CORE, EDGE = 2.0, 3.5  # standard deviations up to which a color is skin, and from which it is not
OVAL = 1.2  # of a face's half width and height, in which all of its color is skin
# Where the rest of a body can be, in widths and heights of the face from its middle: to the sides, up, down.
REACH = (4.0, 1.0, 7.0)
BLUR = 1.5  # px, at working size


def find_skin(photo: Image.Image, size: tuple[int, int]) -> np.ndarray:
    """Find the skin of people: of the color of a face, in its oval, or where its body can be in the subject.

    Args:
        photo: RGB; faces of a fiftieth of its long side are found from about 1,024 px on.
        size: Width and height of the mask, of the photo's proportions.
    Returns:
        Soft mask, float32 in [0, 1], (H, W); all 0 where there is no face.
    Raises:
        WeightsError: A network that finds faces or subjects is missing or damaged.
    """
    mask = np.zeros(size[::-1], np.float32)
    boxes = find_face_boxes(photo) * np.float32(size[0] / photo.width)
    small = photo.resize(size, Image.Resampling.BOX)
    colors = np.asarray(small.convert("YCbCr"), np.float32)
    models = [model for box in boxes if (model := _chroma_of(colors, box)) is not None]
    if not models:
        return mask
    subject = np.asarray(find_subject(small), np.float32) / 255
    for box, middle, deviations in models:
        distance = np.sqrt((((colors[..., 1:] - middle) / deviations) ** 2).sum(axis=-1))
        share = ((EDGE - distance) / (EDGE - CORE)).clip(0, 1) * (colors[..., 0] >= LEAST_LUMA)
        np.maximum(mask, share * np.maximum(_oval(size, box, OVAL), subject * _reach(size, box)), out=mask)
    blurred = Image.fromarray((255 * mask).astype(np.uint8)).filter(ImageFilter.GaussianBlur(BLUR))
    return np.asarray(blurred, np.float32) / 255


def _chroma_of(colors: np.ndarray, box: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """A face's box, its usual chroma and the deviations from it; None if that is not the color of skin."""
    inside = _oval(colors.shape[1::-1], box, SAMPLED) & (colors[..., 0] >= LEAST_LUMA)
    if inside.sum() < LEAST_PIXELS:
        return None
    chroma = colors[inside][:, 1:]
    middle = np.median(chroma, axis=0)
    if not all(low <= value <= high for value, (low, high) in zip(middle, (CB, CR), strict=True)):
        return None
    # Of a normal distribution, half lies within 0.67 standard deviations.
    deviations = np.median(np.abs(chroma - middle), axis=0) / np.float32(0.6745)
    return box, middle, deviations.clip(*DEVIATIONS)


def _oval(size: tuple[int, int], box: np.ndarray, scale: float) -> np.ndarray:
    """Whether pixels are in the oval of a face, bool of shape (H, W)."""
    x, y = _from_middle(size, box)
    return x**2 + y**2 <= (scale / 2) ** 2


def _reach(size: tuple[int, int], box: np.ndarray) -> np.ndarray:
    """Whether pixels are where the body of a face can be, bool of shape (H, W)."""
    aside, up, down = REACH
    x, y = _from_middle(size, box)
    return (np.abs(x) <= aside) & (y >= -up) & (y <= down)


def _from_middle(size: tuple[int, int], box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places from the middle of a face, in its widths and heights, (W,) and (H, 1)."""
    middle, extent = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
    x = (np.arange(size[0], dtype=np.float32) + 0.5 - middle[0]) / extent[0]
    y = (np.arange(size[1], dtype=np.float32) + 0.5 - middle[1]) / extent[1]
    return x, y[:, None]
