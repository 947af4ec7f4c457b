"""Variants of a style picture for training: cropped, scaled and recolored, so that few styles are many."""

from __future__ import annotations

import numpy as np
from PIL import Image

from stylecore.images.sizes import resize_long_side

LEAST_CUT = 64  # px, side of a cut before it is resized
LEAST_SIDE = 96  # px, side of a variant
CHANNEL_ORDERS = ((0, 2, 1), (1, 0, 2), (2, 1, 0), (1, 2, 0), (2, 0, 1))


def style_variant(image: Image.Image, size: int, random: np.random.Generator | None) -> Image.Image:
    """A variant of a style picture.

    Args:
        image: RGB picture.
        size: Long side in pixels at which the whole picture is read; a cut keeps this scale, mostly.
        random: Draws the variant; None for the picture as it is.
    """
    if random is None:
        return resize_long_side(image, size)
    return _recolored(_cut(image, size, random), random)


def _cut(image: Image.Image, size: int, random: np.random.Generator) -> Image.Image:
    scale = size / max(image.size)
    if random.random() < 1 / 3:  # coarser or finer strokes
        scale *= random.uniform(0.7, 1.4)
    share = random.uniform(0.5, 0.9)
    lengths = [min(side, max(LEAST_CUT, side * share)) for side in image.size]
    left, top = (random.uniform(0, side - length) for side, length in zip(image.size, lengths, strict=True))
    box = (left, top, left + lengths[0], top + lengths[1])
    box = (*box[:2], *(min(end, side) for end, side in zip(box[2:], image.size, strict=True)))
    target = tuple(max(LEAST_SIDE, round(length * scale)) for length in lengths)
    return image.resize(target, Image.Resampling.LANCZOS, box=box)


def _recolored(image: Image.Image, random: np.random.Generator) -> Image.Image:
    """The channels in another order, another saturation and gamma, or a negative, each at times."""
    values = np.asarray(image, np.float32) / 255
    if random.random() < 0.55:
        values = values[..., CHANNEL_ORDERS[random.integers(len(CHANNEL_ORDERS))]]
    if random.random() < 0.5:
        grey = values.mean(2, keepdims=True)
        values = grey + (values - grey) * np.float32(random.uniform(0.5, 1.7))
        values = np.clip(values, 0, 1) ** np.float32(2 ** random.uniform(-0.7, 0.7))
    if random.random() < 0.06:
        values = 1 - values
    return Image.fromarray(np.uint8(np.clip(values, 0, 1) * 255 + 0.5))
