"""Tone mapping of pictures with a high dynamic range to sRGB."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PIL import Image, ImageFilter

from stylecore.images.color_codes import PQ
from stylecore.images.profiles import SRGB, rgb_to_xyz, srgb_curve

WHITE = 203.0  # cd/m2 of white paper in a picture of high dynamic range; ITU-R BT.2408-7, table 1
HLG_PEAK = 1000.0  # cd/m2 of the display that HLG is made for; ITU-R BT.2100-2, table 5
KNEE = 0.75  # relative to white: darker colors stay as they are, brighter ones are compressed
_GRID = 65  # points a channel, the most that Pillow takes


def tone_map(image: Image.Image, chromaticities: tuple[float, ...], transfer: int) -> Image.Image:
    """Convert an RGB image of 8 bits from PQ or HLG to sRGB.

    Args:
        image: Mode RGB, with the values of the file.
        chromaticities: x and y of the white point, red, green and blue.
        transfer: `PQ` or `HLG` of `stylecore.images.color_codes`.
    """
    return image.filter(_table(chromaticities, transfer))


@lru_cache(maxsize=4)
def _table(chromaticities: tuple[float, ...], transfer: int) -> ImageFilter.Color3DLUT:
    axis = np.linspace(0, 1, _GRID)
    blue, green, red = np.meshgrid(axis, axis, axis, indexing="ij")  # red changes fastest
    signal = np.stack([red, green, blue], axis=-1).reshape(-1, 3)
    to_xyz = rgb_to_xyz(chromaticities)
    light = (pq_light(signal) if transfer == PQ else hlg_light(signal, luma=to_xyz[1])) / WHITE
    light = np.maximum(light @ (np.linalg.inv(rgb_to_xyz(SRGB)) @ to_xyz).T, 0)
    brightest = np.maximum(light.max(axis=1, keepdims=True), 1e-9)
    light *= _compress(brightest) / brightest  # one factor for all channels keeps the hue
    return ImageFilter.Color3DLUT(_GRID, np.clip(srgb_curve(light), 0, 1).ravel().tolist())


def _compress(light: np.ndarray) -> np.ndarray:
    room = 1 - KNEE
    return np.where(light > KNEE, 1 - room * np.exp(-(np.maximum(light, KNEE) - KNEE) / room), light)


def pq_light(signal: np.ndarray) -> np.ndarray:
    """Light in cd/m2 of a PQ signal in [0, 1]. Source: ITU-R BT.2100-2, table 4."""
    m1, m2 = 2610 / 16384, 2523 / 4096 * 128
    c1, c2, c3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    power = signal ** (1 / m2)
    return 10_000 * (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1)


def hlg_light(signal: np.ndarray, *, luma: np.ndarray) -> np.ndarray:
    """Light in cd/m2 of an HLG signal in [0, 1]. Source: ITU-R BT.2100-2, table 5.

    Args:
        signal: Shape (N, 3).
        luma: Share of red, green and blue in the luminance.
    """
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    luminance = np.maximum((scene @ luma)[:, None], 1e-9)
    return HLG_PEAK * luminance**0.2 * scene
