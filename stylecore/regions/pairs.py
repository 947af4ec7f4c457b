"""Pairs of masks: which part of a photo takes its style from which part of the style pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageChops, ImageOps

from stylecore.errors import ImageError

# A mask of the photo, and that of the style picture or one of each. Of several style pictures some may have a
# mask that is all 0: they give nothing to this part.
MaskPair = tuple[Image.Image, Image.Image | Sequence[Image.Image]]
CompletePair = tuple[Image.Image, list[Image.Image]]
Size = tuple[int, int]  # width and height in pixels
EMPTY = "a mask of the {} is empty: it needs white where the region is"
LEAST_SHARE = 0.001  # of a picture that a mask must cover


def check_mask(mask: Image.Image, size: Size, name: str) -> None:
    """Refuse a mask that does not fit a picture.

    Args:
        mask: Of any mode.
        size: Width and height of the picture.
        name: Of the picture in the message, such as `photo`.
    Raises:
        ImageError: Another size than the picture, or nothing inside.
    """
    _check_size(mask, size, name)
    if is_empty(mask):
        raise ImageError(EMPTY.format(name))


def _check_size(mask: Image.Image, size: Size, name: str) -> None:
    if mask.size != size:
        raise ImageError(
            f"a mask of the {name} has {mask.width} x {mask.height} px: "
            f"{size[0]} x {size[1]} px are needed, as the {name} has"
        )


def is_empty(mask: Image.Image) -> bool:
    """Whether a mask covers less than a thousandth of its picture."""
    return np.asarray(mask.convert("L")).mean() < 255 * LEAST_SHARE


def shared_pairs(
    photo_masks: Sequence[Image.Image], style_masks: Sequence[Sequence[Image.Image]]
) -> list[MaskPair]:
    """Pair the parts that the photo and at least one style picture have; others are left out.

    Args:
        photo_masks: Of each part of the photo.
        style_masks: The same of each style picture.
    """
    return [
        (own, others)
        for own, *others in zip(photo_masks, *style_masks, strict=True)
        if not is_empty(own) and not all(map(is_empty, others))
    ]


def complete_pairs(
    pairs: Sequence[MaskPair],
    photo_size: Size,
    style_sizes: Sequence[tuple[Size, float]],
    *,
    style_name: str = "style picture",
) -> list[CompletePair]:
    """Check pairs of masks, and add one of the rest of the pictures.

    Args:
        pairs: Masks of the photo and of each style picture, of their sizes.
        photo_size: Width and height of the photo.
        style_sizes: The same of each style picture, and its weight; one of weight 0 gives nothing.
        style_name: What messages call a style picture.
    Returns:
        The pairs with masks of mode L. Where they leave a part of the photo, one more pair gives it the style
        of what they leave of the style pictures, or of all of them if they leave nothing. No pairs stay none.
    Raises:
        ImageError: A mask of another size than its picture, or an empty one.
        ValueError: A pair without exactly one mask for each style picture.
    """
    checked = [_checked(pair, photo_size, style_sizes, style_name) for pair in pairs]
    if not checked:
        return []
    photo_rest = _rest([own for own, _ in checked])
    if is_empty(photo_rest):
        return checked
    style_rests = [_rest(masks) for masks in zip(*(others for _, others in checked), strict=True)]
    rests = _used(style_rests, style_sizes)
    if not any(mask.getbbox() for mask in rests):
        rests = _used([Image.new("L", size, 255) for size, _ in style_sizes], style_sizes)
    return [*checked, (photo_rest, rests)]


def _checked(
    pair: MaskPair, photo_size: Size, style_sizes: Sequence[tuple[Size, float]], style_name: str
) -> CompletePair:
    own, others = pair
    others = [others] if isinstance(others, Image.Image) else others
    if len(others) != len(style_sizes):
        raise ValueError(
            f"{len(others)} masks of {style_name}s for {len(style_sizes)} {style_name}s: "
            "one for each is needed"
        )
    check_mask(own, photo_size, "photo")
    for mask, (size, _) in zip(others, style_sizes, strict=True):
        _check_size(mask, size, style_name)
    used = _used([mask.convert("L") for mask in others], style_sizes)
    if not any(mask.getbbox() for mask in used):
        raise ImageError(EMPTY.format(style_name))
    return own.convert("L"), used


def _used(masks: Sequence[Image.Image], style_sizes: Sequence[tuple[Size, float]]) -> list[Image.Image]:
    """Masks as they are, but all 0 where they are nearly so, or the weight of their picture is 0."""
    return [
        mask if weight and not is_empty(mask) else Image.new("L", mask.size)
        for mask, (_, weight) in zip(masks, style_sizes, strict=True)
    ]


def _rest(masks: Sequence[Image.Image]) -> Image.Image:
    """What none of some masks covers."""
    covered = masks[0]
    for mask in masks[1:]:
        covered = ImageChops.add(covered, mask)  # soft borders of neighbors leave no gap
    return ImageOps.invert(covered)
