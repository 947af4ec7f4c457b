"""Parts of a photo and of style pictures that are alike: faces, subjects and, as the rest, backgrounds."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image

from stylecore.regions.faces import find_faces
from stylecore.regions.masks import subtract
from stylecore.regions.pairs import MaskPair, is_empty, shared_pairs
from stylecore.regions.subject import find_subject


def pair_subjects(photo: Image.Image, style_images: Sequence[Image.Image]) -> list[MaskPair]:
    """Pair faces with faces, and subject with subject; `complete_pairs` pairs the backgrounds.

    Without a pair of their own, faces take hair and clothes of the style picture's subject: as spots.

    Returns:
        The pairs; no faces where the photo or all style pictures have none, and no pairs at all where they
        have no subject.
    Raises:
        WeightsError: A network that finds them is missing or damaged.
    """
    pictures = [photo, *style_images]
    return pair_masks([find_subject(each) for each in pictures], [find_faces(each) for each in pictures])


def pair_masks(subjects: Sequence[Image.Image], faces: Sequence[Image.Image]) -> list[MaskPair]:
    """As `pair_subjects`, from the masks of photo and style pictures, the photo's first."""
    if not _is_shared(subjects):
        return []
    if not _is_shared(faces):
        return [_pair(subjects)]
    rest = [subtract(subject, face) for subject, face in zip(subjects, faces, strict=True)]
    return [_pair(faces), _pair(rest)] if _is_shared(rest) else [_pair(faces)]


def _is_shared(masks: Sequence[Image.Image]) -> bool:
    """Whether the photo and a style picture have the part."""
    return not is_empty(masks[0]) and not all(map(is_empty, masks[1:]))


def _pair(masks: Sequence[Image.Image]) -> MaskPair:
    return masks[0], masks[1:]


def mask_pairs(
    masks: Sequence[bytes], photo: Image.Image, style_images: Sequence[Image.Image]
) -> list[MaskPair]:
    """Encoded masks at the sizes of the pictures, as `optimize_image` and `PhotoLook.fit` take them.

    Args:
        masks: PNGs: of each part that of the photo, then those of the style pictures; none: no regions.
        photo: The photo.
        style_images: The style pictures.
    Returns:
        The pairs; none of a part that the photo or all style pictures lack.
    """
    pictures = [photo, *style_images]
    own, *others = (
        [_at(mask, picture.size) for mask in masks[place :: len(pictures)]]
        for place, picture in enumerate(pictures)
    )
    return shared_pairs(own, others)


def _at(mask: bytes, size: tuple[int, int]) -> Image.Image:
    with Image.open(io.BytesIO(mask)) as image:
        return image.convert("L").resize(size, Image.Resampling.BICUBIC)
