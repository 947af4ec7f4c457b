"""ICC profiles built from primaries and a tone curve."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from PIL import ImageCms

# x and y of the white point, red, green and blue.
SRGB = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)  # IEC 61966-2-1
ADOBE_RGB = (0.3127, 0.3290, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
ADOBE_RGB_EXPONENT = 563 / 256  # Adobe RGB (1998) Color Image Encoding, 4.3.1.2
D50 = np.array((0.9642, 1.0, 0.8249))  # XYZ of the white point of ICC profiles
_BRADFORD = np.array(((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296)))


def rgb_to_xyz(chromaticities: Sequence[float]) -> np.ndarray:
    """Matrix from linear RGB to XYZ, in which white has a luminance of 1.

    Args:
        chromaticities: x and y of the white point, red, green and blue.
    Raises:
        np.linalg.LinAlgError: The primaries lie on a line.
    Source: SMPTE RP 177-1993.
    """
    points = np.array(chromaticities, dtype=float).reshape(4, 2)
    white, *primaries = np.column_stack([points, 1 - points.sum(axis=1)])
    columns = np.array(primaries).T
    return columns * np.linalg.solve(columns, white / white[1])


def rgb_to_d50(chromaticities: Sequence[float]) -> np.ndarray:
    """Matrix from linear RGB to XYZ under the light D50, see `rgb_to_xyz`. Source: ICC.1:2022, annex E."""
    to_xyz = rgb_to_xyz(chromaticities)
    cones = _BRADFORD @ to_xyz.sum(axis=1)
    return np.linalg.solve(_BRADFORD, ((_BRADFORD @ D50) / cones)[:, None] * (_BRADFORD @ to_xyz))


@lru_cache(maxsize=32)
def matrix_profile(
    chromaticities: tuple[float, ...] | None, *, exponent: float | None = None
) -> bytes | None:
    """Build an ICC profile; None for values that describe no color space.

    It is Little CMS's profile of sRGB with other primaries and another curve.

    Args:
        chromaticities: x and y of the white point, red, green and blue; None for those of sRGB.
        exponent: Of the tone curve; None for sRGB's curve.
    Source: ICC.1:2022, 10.18 (parametricCurveType) and 10.31 (XYZType).
    """
    chromaticities = chromaticities or SRGB
    if not chromaticities[1] > 0:  # white without luminance
        return None
    try:
        adapted = rgb_to_d50(chromaticities)
    except (np.linalg.LinAlgError, ValueError):
        return None
    if not np.abs(adapted).max() < 4 or not 0.1 <= (exponent or 1) <= 10:  # also not a number
        return None
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    (count,) = struct.unpack_from(">I", profile, 128)
    tags = {name: at for name, at, _ in struct.iter_unpack(">4sII", profile[132 : 132 + 12 * count])}
    for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), adapted.T, strict=True):
        struct.pack_into(">3i", profile, tags[name] + 8, *_fixed(column))
    if exponent:
        # Function type 3 of the curve: (a x + b)^g from d on, which is all.
        struct.pack_into(">5i", profile, tags[b"rTRC"] + 12, *_fixed((exponent, 1, 0, 0, 0)))
    return bytes(profile)


def srgb_curve(light: np.ndarray) -> np.ndarray:
    """Values in [0, 1] of linear light in [0, 1]. Source: IEC 61966-2-1."""
    return np.where(light > 0.0031308, 1.055 * np.maximum(light, 0) ** (1 / 2.4) - 0.055, 12.92 * light)


def _fixed(values: Sequence[float] | np.ndarray) -> list[int]:
    return [round(float(value) * 65536) for value in values]  # s15Fixed16Number
