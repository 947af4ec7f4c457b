"""Doodles: pictures of a few flat colors, each of which marks one part of a picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from stylecore.errors import ImageError
from stylecore.images.colors import flatten
from stylecore.regions.pairs import MaskPair, shared_pairs

SIDE = 512  # px, long side at which colors are counted
FLAT = 8  # largest difference of neighbors, of 255 in each channel, within one area
SAME_COLOR = 60.0  # distance in RGB up to which two colors are one
LEAST_SHARE = 0.005  # of the flat areas of a picture that a color must cover
MAX_COLORS = 8


def pair_colors(photo_doodle: Image.Image, style_doodles: Sequence[Image.Image]) -> list[MaskPair]:
    """Pair the parts of pictures that doodles mark with the same color.

    Args:
        photo_doodle: Of the photo's size; the photo itself, if that is a drawing.
        style_doodles: One for each style picture, of its size.
    Returns:
        A pair for each color of the photo's doodle. Colors that only the others have are left out.
    Raises:
        ImageError: More than 8 colors, or a color of the photo's doodle that no other has.
    Source: Champandard (2016), *Semantic Style Transfer and Turning Two-Bit Doodles into Fine Artworks*.
        Differs: masks instead of further channels of the activations.
    """
    colors = find_colors(photo_doodle, "the doodle of the photo")
    masks = color_masks(photo_doodle, colors)
    style_masks = [_masks_of(doodle, colors) for doodle in style_doodles]
    for color, *others in zip(colors, *style_masks, strict=True):
        if not any(mask.getbbox() for mask in others):
            raise ImageError(
                f"the color #{bytes(color).hex()} of the photo's doodle is in no doodle of a style picture: "
                "mark the part that it belongs to with the same color"
            )
    return [(own, list(others)) for own, *others in zip(masks, *style_masks, strict=True)]


def pair_nearest_colors(drawing: Image.Image, style_images: Sequence[Image.Image]) -> list[MaskPair]:
    """Pair the colors of a drawing with what is nearest to them in the style pictures.

    It takes the place of `pair_colors` where nobody has marked the style pictures.

    Args:
        drawing: Of a few flat colors.
        style_images: The style pictures themselves.
    Returns:
        A pair for each color of the drawing that something in the style pictures is nearest to.
    Raises:
        ImageError: More than 8 colors.
    """
    colors = find_colors(drawing, "the drawing")
    return shared_pairs(color_masks(drawing, colors), [color_masks(image, colors) for image in style_images])


def mark_masks(marks: Image.Image, colors: Sequence[tuple[int, int, int]]) -> list[Image.Image]:
    """Find the strokes of each color in a picture that is transparent elsewhere.

    Args:
        marks: The strokes, RGBA; those of no color that is asked for count for nothing.
        colors: Red, green and blue, 0 to 255.
    Returns:
        A mask for each color, mode L.
    """
    pixels, alpha = np.asarray(marks.convert("RGB"), np.float32), np.asarray(marks.getchannel("A"))
    distances = np.stack([np.square(pixels - color).sum(axis=-1) for color in colors])
    nearest, is_same = distances.argmin(axis=0), distances.min(axis=0) <= SAME_COLOR**2
    return [
        Image.fromarray(np.where(is_same & (nearest == place), alpha, np.uint8(0)))
        for place in range(len(colors))
    ]


def find_colors(doodle: Image.Image, name: str) -> list[tuple[int, int, int]]:
    """Find the colors of the flat areas of a doodle, the largest area first.

    Args:
        doodle: The picture.
        name: What it is, for the message.
    Raises:
        ImageError: More than 8 colors.
    """
    scale = min(1, SIDE / max(doodle.size))
    width, height = (max(2, round(length * scale)) for length in doodle.size)
    pixels = np.asarray(flatten(doodle).resize((width, height), Image.Resampling.NEAREST), np.int16)
    corners = pixels[:-1, :-1]
    others = (pixels[1:, :-1], pixels[:-1, 1:])
    is_flat = np.all([np.abs(corners - other).max(axis=-1) <= FLAT for other in others], axis=0)
    colors, counts = np.unique(corners[is_flat], axis=0, return_counts=True)
    least, found = LEAST_SHARE * counts.sum(), []
    while len(counts):
        color = colors[counts.argmax()]
        is_other = np.linalg.norm(colors - color, axis=1) > SAME_COLOR
        if counts[~is_other].sum() >= least:
            found.append(tuple(color.tolist()))
        colors, counts = colors[is_other], counts[is_other]
    if not 0 < len(found) <= MAX_COLORS:
        raise ImageError(
            f"{name} has {len(found) or 'no'} flat colors: 1 to {MAX_COLORS} are needed, one for each part"
        )
    return found


def color_masks(doodle: Image.Image, colors: Sequence[tuple[int, int, int]]) -> list[Image.Image]:
    """A mask of the pixels that are nearest to each color."""
    pixels = np.asarray(flatten(doodle), np.float32)
    nearest = np.argmin([np.square(pixels - color).sum(axis=-1) for color in colors], axis=0)
    return [Image.fromarray((nearest == place).astype(np.uint8) * 255) for place in range(len(colors))]


def _masks_of(doodle: Image.Image, colors: Sequence[tuple[int, int, int]]) -> list[Image.Image]:
    """For each color the mask of the doodle's own color that is the same, all 0 where it has none."""
    own = find_colors(doodle, "a doodle of a style picture")
    masks = dict(zip(own, color_masks(doodle, own), strict=True))
    nothing = Image.new("L", doodle.size)
    matches = []
    for color in colors:
        nearest = min(own, key=lambda other: float(np.linalg.norm(np.subtract(other, color))))
        is_same = np.linalg.norm(np.subtract(nearest, color)) <= SAME_COLOR
        matches.append(masks[nearest] if is_same else nothing)
    return matches
