"""Faces that stay nearer to the photo than the rest of a painting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from PIL import Image, ImageChops

from stylecore.instant.compositing import Region

KEPT_STRENGTH = 0.3  # share of a look's strength that is left in faces


def keep_faces(faces: Image.Image, base: Region, regions: Sequence[Region] = ()) -> list[Region]:
    """Lower the strength of looks in faces.

    Args:
        faces: Mask of the faces, see `find_faces`.
        base: The look of what no region covers; its mask does not count.
        regions: Parts with looks of their own; a later one covers the earlier ones.
    Returns:
        Regions for `FastStylizer.stylize`, which is given the look of `base` as well; those of the arguments
        where there is no face.
    """
    box = faces.getbbox()
    if box is None:
        return list(regions)
    kept = [_weaker(base, faces)]
    for region in regions:
        if region.style is None or region.is_transparent:
            kept.append(region)
        else:
            inside = ImageChops.multiply(region.mask, faces)
            kept += [replace(region, mask=_outside(region.mask, faces, box)), _weaker(region, inside)]
    return kept


def _weaker(region: Region, mask: Image.Image) -> Region:
    return replace(region, mask=mask, strength=KEPT_STRENGTH * region.strength)


def _outside(mask: Image.Image, faces: Image.Image, box: tuple[int, int, int, int]) -> Image.Image:
    """Mask that covers `mask` outside of the faces in a box, when `mask` times `faces` covers it.

    With m and f of 1, what is covered by m f leaves 1 - m f to it, of which m (1 - f) is needed.
    """
    own, face = (np.asarray(each.crop(box), np.float32) / 255 for each in (mask, faces))
    left = 1 - own * face
    share = np.divide(own * (1 - face), left, out=np.zeros_like(left), where=left > 0)
    outside = mask.copy()
    outside.paste(Image.fromarray((share * 255).round().astype(np.uint8)), box[:2])
    return outside
