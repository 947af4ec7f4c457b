"""One picture of several looks, each in its region."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from stylecore.images.arrays import from_batch, to_batch
from stylecore.images.border_colors import continue_colors
from stylecore.images.colors import flatten_content
from stylecore.instant import blending
from stylecore.styles.style import Style

MARGIN = 2  # px of 512, see `continue_colors`
StyleChoice = str | Style | Mapping[str | Style, float]


@dataclass(frozen=True)
class Region:
    """A part of the photo with a look of its own. The settings are those of `FastStylizer.stylize`.

    Attributes:
        mask: Mode L, of the photo's size: 255 where the region is, 0 where it is not, soft between them.
        style: What to paint it in; None leaves the photo as it is.
        strength: From the photo, 0, to beyond the style, 2.
        preserve_color: Keep the photo's colors.
        stroke_scale: Size of the brush marks relative to the picture.
        stroke_size: Size of the brush marks in pixels, instead of `stroke_scale`.
        is_transparent: The region is cut away; `style` does not count then.
    """

    mask: Image.Image
    style: StyleChoice | None = None
    strength: float = 1.0
    preserve_color: bool = False
    stroke_scale: float = 1.0
    stroke_size: int | None = None
    is_transparent: bool = False


@dataclass(frozen=True)
class Layer:
    """A region, or what no region covers, once its look is found.

    Attributes:
        mask: See `Region`.
        paint: Paints an RGB picture at full strength; None leaves it as it is.
        look: Equal for layers that are painted alike, at whatever strength.
        strength: See `Region`.
        preserve_color: See `Region`.
        is_transparent: See `Region`.
    """

    mask: Image.Image
    paint: Callable[[Image.Image], Image.Image] | None = None
    look: Hashable = None
    strength: float = 1.0
    preserve_color: bool = False
    is_transparent: bool = False


@dataclass(frozen=True)
class _Pass:
    """Layers of one look, and the pictures that they are mixed of."""

    indices: list[int]
    photo: Image.Image
    painting: Image.Image | None


def check_regions(regions: Sequence[Region], size: tuple[int, int]) -> None:
    """Refuse masks that do not fit the photo.

    Raises:
        ValueError: A mask of another mode or size.
    """
    for region in regions:
        mode, mask_size = region.mask.mode, region.mask.size
        if mode != "L" or mask_size != size:
            raise ValueError(
                f"a mask of mode {mode} and {mask_size[0]} x {mask_size[1]} px was given: mode L and the "
                f"photo's {size[0]} x {size[1]} px are needed"
            )


def compose(photo: Image.Image, layers: Sequence[Layer]) -> Image.Image:
    """Paint each layer and mix them by their masks; a later layer covers the earlier ones.

    Layers of one look share a pass. Each pass paints the photo with the colors of its layers continued
    beyond their borders, so that no strokes of the other side show along them.

    Args:
        photo: RGB or RGBA.
        layers: From the lowest; the first one covers everything.
    Returns:
        RGB, where a photo layer covers all others to the bit the photo; RGBA if a layer is transparent or the
        photo is RGBA.
    """
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for index, layer in enumerate(layers):
        if not layer.is_transparent:
            groups[layer.look].append(index)
    flat = flatten_content(photo)
    passes = []
    for indices in groups.values():
        mask = _mask_of(layers, indices, photo.size)
        if mask.getbbox() is None:
            continue
        paint = layers[indices[0]].paint
        if paint is None:
            passes.append(_Pass(indices, continue_colors(photo.convert("RGB"), mask), None))
        else:
            picture = continue_colors(flat, mask, margin=MARGIN)
            passes.append(_Pass(indices, picture, paint(picture)))
    color, alpha = Image.new("RGB", photo.size), Image.new("L", photo.size)
    for box in blending.strips(photo.size):
        weights = _weights(layers, box)
        visible = 1 - _sum(weights, [i for i, layer in enumerate(layers) if layer.is_transparent])
        mixed = np.zeros((1, 3, *weights[0].shape), np.float32)
        for each in passes:
            mixed += _mixed(each, layers, weights, box)
        color.paste(from_batch(mixed / np.maximum(visible, 1 / 255)), box[:2])
        alpha.paste(Image.fromarray((visible * 255).round().astype(np.uint8)), box[:2])
    has_holes = any(layer.is_transparent for layer in layers)
    if photo.mode == "RGBA":
        own = np.asarray(photo.getchannel("A"), np.uint16)
        alpha = Image.fromarray(((own * np.asarray(alpha) + 127) // 255).astype(np.uint8))
    if has_holes or photo.mode == "RGBA":
        color.putalpha(alpha)
    return color


def _mixed(
    each: _Pass, layers: Sequence[Layer], weights: list[np.ndarray], box: tuple[int, int, int, int]
) -> np.ndarray:
    """A strip of what the layers of a pass add to the picture."""
    content = to_batch(each.photo.crop(box))
    if each.painting is None:
        return content * _sum(weights, each.indices)
    painted = to_batch(each.painting.crop(box))
    total = np.zeros_like(content)
    for i in each.indices:
        layer = layers[i]
        total += weights[i] * blending.mix_strip(
            content, painted, layer.strength, keeps_color=layer.preserve_color
        )
    return total


def _weights(layers: Sequence[Layer], box: tuple[int, int, int, int]) -> list[np.ndarray]:
    """Share of each layer in each pixel of a strip, shape (H, W); they sum to 1."""
    left, top, right, bottom = box
    free = np.ones((bottom - top, right - left), np.float32)
    weights = []
    for layer in reversed(layers):
        cover = np.asarray(layer.mask.crop(box), np.float32) / 255
        weights.append(free * cover)
        free *= 1 - cover
    return weights[::-1]


def _sum(weights: list[np.ndarray], indices: Sequence[int]) -> np.ndarray:
    return sum((weights[i] for i in indices), np.zeros_like(weights[0]))


def _mask_of(layers: Sequence[Layer], indices: Sequence[int], size: tuple[int, int]) -> Image.Image:
    """Mask of several layers together."""
    mask = Image.new("L", size)
    for box in blending.strips(size):
        weights = _weights(layers, box)
        total = _sum(weights, indices) * 255
        mask.paste(Image.fromarray(np.clip(total, 0, 255).round().astype(np.uint8)), box[:2])
    return mask
