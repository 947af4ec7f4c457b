"""Colors of a region of a photo without those of its neighbors, for borders without a halo.

Pixels on the edge of a subject hold colors of both sides, and strokes painted across an edge carry colors
over it. Both are avoided by a photo in which the region's own colors go on beyond its border.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from stylecore.images.arrays import from_batch, to_batch
from stylecore.images.sizes import limit_long_side

SMALL_SIDE = 512  # px, long side at which colors are continued
SHARP = 4  # px at that size, within which the edge of a cut-out falls; softer borders were feathered
REACH = 12  # px at that size, standard deviation; colors go on for about 1.5 of it
PURITY = 8  # exponent of the mask, so that pixels of mixed colors hardly count
STRIP_ROWS = 256  # rows of the photo that are computed at a time, which limits the memory

BILINEAR, BOX = Image.Resampling.BILINEAR, Image.Resampling.BOX


def continue_colors(photo: Image.Image, mask: Image.Image, *, margin: int = 0) -> Image.Image:
    """Continue the colors of a region a little beyond its border.

    Args:
        photo: RGB.
        mask: Of the region, mode L, of the photo's size. Where it falls within a few pixels, the pixels are
            taken as a mixture of both sides' colors; where it falls slowly, as feathered.
        margin: Width of a strip inside a sharp border that is also replaced, in pixels of a picture of
            512 px: a picture to be painted should not have even traces of the other side.
    Returns:
        RGB of the photo's size: the photo inside the region and far from it, the region's colors along its
        border.
    Source: Burt (1988) for the pyramid that continues colors; Forte (2021), *Approximate Fast Foreground
        Colour Estimation*, eq. 4, for mixed pixels.
    """
    if mask.getextrema()[0] == 255:
        return photo
    small = limit_long_side(photo, SMALL_SIDE)
    small_mask = mask.resize(small.size, BILINEAR, reducing_gap=3)
    highest = small_mask.filter(ImageFilter.MaxFilter(2 * SHARP + 1))
    reach = highest.filter(ImageFilter.GaussianBlur(REACH)).point(lambda value: min(255, 16 * value))
    own_share = _share(np.asarray(small_mask, np.float32), np.asarray(highest, np.float32))
    inside = Image.fromarray(own_share).filter(ImageFilter.MinFilter(2 * margin + 1))
    own = _spread(small, np.asarray(inside) ** PURITY).resize(photo.size, BILINEAR)
    others = _spread(small, (1 - own_share) ** PURITY).resize(photo.size, BILINEAR)
    highest, reach, inside = (part.resize(photo.size, BILINEAR) for part in (highest, reach, inside))
    continued = Image.new("RGB", photo.size)
    for top in range(0, photo.height, STRIP_ROWS):
        box = (0, top, photo.width, min(top + STRIP_ROWS, photo.height))
        share = _share(*(np.asarray(part.crop(box), np.float32) for part in (mask, highest)))
        here, mine, theirs = (to_batch(part.crop(box)) for part in (photo, own, others))
        color = mine + share * (here - share * mine - (1 - share) * theirs)
        # Where the mask is wrong, colors beyond both would draw a line along the border.
        color = np.clip(color, np.minimum(here, mine), np.maximum(here, mine))
        if margin:
            color = mine + np.asarray(inside.crop(box)) * (color - mine)
        near = np.asarray(reach.crop(box), np.float32) / 255
        color = here + np.maximum(near, share) * (color - here)
        continued.paste(from_batch(color), (0, top))
    return continued


def cut_out(photo: Image.Image, mask: Image.Image) -> Image.Image:
    """Return a region alone on a transparent ground, RGBA, with edges of its own colors.

    Args:
        photo: RGB, or RGBA, whose transparent parts stay transparent.
        mask: Of the region, mode L, of the photo's size.
    """
    alone = continue_colors(photo.convert("RGB"), mask)
    alpha = mask
    if photo.mode == "RGBA":
        product = np.asarray(mask, np.uint16) * np.asarray(photo.getchannel("A"))
        alpha = Image.fromarray(((product + 127) // 255).astype(np.uint8))
    alone.putalpha(alpha)
    return alone


def _share(mask: np.ndarray, highest: np.ndarray) -> np.ndarray:
    """The region's share of each pixel's color: the mask where it falls sharply, near 1 where feathered.

    Args:
        mask: Values from 0 to 255.
        highest: Largest values near each.
    """
    return np.minimum(mask / np.maximum(highest, 1), 1) * (mask > 0)


def _spread(photo: Image.Image, weight: np.ndarray) -> Image.Image:
    """Spread the colors of pixels with weight to those without, by a pyramid of means."""
    pixels = np.asarray(photo, np.float32) * weight[..., None]
    levels = [np.concatenate([pixels, weight[..., None]], axis=-1)]
    while max(levels[-1].shape[:2]) > 1:
        height, width = levels[-1].shape[:2]
        levels.append(_resized(levels[-1], (-(-width // 2), -(-height // 2)), BOX))
    color = levels[-1][..., :3] / np.maximum(levels[-1][..., 3:], 1e-6)
    for level in reversed(levels[:-1]):
        height, width = level.shape[:2]
        weight = np.clip(level[..., 3:], 0, 1)
        color = _resized(color, (width, height), BILINEAR)
        # Once some of a pixel's surroundings have a weight, their mean color counts in full.
        known = np.minimum(1, 4 * weight)
        color += known * (level[..., :3] / np.maximum(level[..., 3:], 1e-6) - color)
    return Image.fromarray(color.clip(0, 255).round().astype(np.uint8))


def _resized(values: np.ndarray, size: tuple[int, int], method: Image.Resampling) -> np.ndarray:
    planes = [np.asarray(Image.fromarray(plane).resize(size, method)) for plane in np.moveaxis(values, -1, 0)]
    return np.stack(planes, axis=-1)
