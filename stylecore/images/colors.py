"""Colors of pictures: conversion to sRGB, transparency."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageCms

from stylecore.images.color_codes import HIGH_RANGE
from stylecore.images.high_range import tone_map

STRIP_ROWS = 256  # rows that are summed at a time
_SRGB = ImageCms.createProfile("sRGB")


def to_srgb(image: Image.Image) -> Image.Image:
    """Convert any mode to 8-bit sRGB, RGBA when there is an alpha channel or a transparent color.

    An image that is so already is returned itself, without a copy.
    """
    profile, high_range = image.info.get("icc_profile"), image.info.get(HIGH_RANGE)
    if image.mode.startswith(("I", "F")):  # 16-bit and 32-bit grey
        image = _grey_to_8_bit(image)
    has_alpha = image.has_transparency_data
    if image.mode in ("La", "RGBa"):  # color times alpha
        image = image.convert({"La": "LA", "RGBa": "RGBA"}[image.mode])
    elif image.mode in ("P", "PA", "1") or (has_alpha and image.mode in ("L", "RGB")):
        image = image.convert("RGBA" if has_alpha else "RGB")
    if image.mode in ("RGB", "RGBA") and not (profile or high_range):
        return image
    alpha = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
    if high_range:
        color = tone_map(image.convert("RGB"), *high_range)
    else:
        color = _apply_profile(image, profile) if profile else image
    if color.mode != "RGB" or color is image:
        color = color.convert("RGB")
    if alpha is not None:
        color.putalpha(alpha)
    return color


def _grey_to_8_bit(image: Image.Image) -> Image.Image:
    values = np.nan_to_num(np.asarray(image, dtype=np.float32))
    # Integers are read as 16 bits, the only depth that cameras write; floats up to the next usual scale.
    scales = (1.0, 255.0, 65535.0) if image.mode == "F" else (65535.0,)
    full_scale = next((scale for scale in scales if values.max() <= scale), scales[-1])
    grey = Image.fromarray((np.clip(values / full_scale, 0, 1) * 255 + 0.5).astype(np.uint8))
    if "transparency" in image.info:
        grey.putalpha(
            Image.fromarray(np.where(values == image.info["transparency"], 0, 255).astype(np.uint8))
        )
    return grey


def _apply_profile(image: Image.Image, profile: bytes) -> Image.Image:
    if image.mode == "LA":
        image = image.convert("L")
    elif image.mode == "RGBA":
        image = image.convert("RGB")
    if image.mode == "L" and profile[16:20] == b"RGB ":
        image = image.convert("RGB")
    try:
        source_profile = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.buildTransform(source_profile, _SRGB, image.mode, "RGB").apply(image)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image  # a profile for another color space, or a broken one: pixels are kept


def is_transparent(image: Image.Image) -> bool:
    """Whether any pixel is transparent; screenshots often have an alpha channel without one."""
    return image.mode == "RGBA" and any(image.getchannel("A").histogram()[:255])


def flatten(image: Image.Image, *, backdrop: str | tuple[int, int, int] = "white") -> Image.Image:
    """Convert to RGB, with transparent parts in the backdrop's color; an RGB image is returned itself."""
    if image.mode == "RGB":
        return image
    color = image.convert("RGB")
    if image.mode != "RGBA":
        return color
    flat = Image.new("RGB", image.size, backdrop)
    flat.paste(color, mask=image.getchannel("A"))
    return flat


def flatten_content(image: Image.Image) -> Image.Image:
    """Convert a photo to RGB for a network, with transparent parts in the mean visible color.

    Colors under transparency (often black) would otherwise shift a network's statistics and bleed
    over the edges.
    """
    if image.mode != "RGBA":
        return flatten(image)
    total, opacity = np.zeros(3, np.int64), 0
    for top in range(0, image.height, STRIP_ROWS):  # a large photo as an array would be held twice
        pixels = np.asarray(image.crop((0, top, image.width, min(top + STRIP_ROWS, image.height))))
        alpha = pixels[..., 3]
        total += np.einsum("hwc,hw->c", pixels[..., :3], alpha, dtype=np.int64)
        opacity += int(alpha.sum(dtype=np.int64))
    red, green, blue = (int(value) for value in total / max(opacity, 1))
    return flatten(image, backdrop=(red, green, blue))
