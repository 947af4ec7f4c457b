"""An ICC profile of a press with four inks, for tests."""

from __future__ import annotations

import itertools
import struct

import numpy as np

from stylecore.images.profiles import D50, SRGB, rgb_to_d50

NODES = 6  # along each ink: 0, 51, 102 and so on are exact
INKS = ((0, 158, 224), (229, 0, 125), (255, 236, 0), (34, 30, 32))  # on white paper, as sRGB
PAPER = (250, 249, 245)


def press_profile() -> bytes:
    """Build the profile; its table is `expected_color` of all mixtures.

    Source: ICC.1:2001-04, 6.5.7 (lut8Type) and 6.3.4.2 (Lab in 8 bits).
    """
    mixtures = np.array([*itertools.product(np.linspace(0, 1, NODES), repeat=4)])
    lab = np.rint(_to_lab(_mixed(mixtures)) * (2.55, 1, 1) + (0, 128, 128)).clip(0, 255).astype(np.uint8)
    identity = np.arange(256, dtype=np.uint8).tobytes()
    matrix = struct.pack(">9i", *(65536 * np.eye(3, dtype=int)).ravel())
    table = (
        struct.pack(">4s4x3Bx", b"mft1", 4, 3, NODES) + matrix + 4 * identity + lab.tobytes() + 3 * identity
    )
    title = b"Four inks\0"
    tags = {
        b"desc": struct.pack(">4s4xI", b"desc", len(title)) + title + bytes(78),
        b"cprt": b"text" + bytes(4) + b"CC0\0",
        b"wtpt": struct.pack(">4s4x3i", b"XYZ ", *(round(65536 * value) for value in D50)),
        b"A2B0": table,
    }
    entries, data, start = b"", b"", 128 + 4 + 12 * len(tags)
    for name, contents in tags.items():
        data += bytes(-len(data) % 4)
        entries += struct.pack(">4s2I", name, start + len(data), len(contents))
        data += contents
    header = struct.pack(
        ">I4sI4s4s4s12s4s28x3i48x",
        *(start + len(data), b"", 0x02400000, b"prtr", b"CMYK", b"Lab ", bytes(12), b"acsp"),
        *(round(65536 * value) for value in D50),
    )
    return header + struct.pack(">I", len(tags)) + entries + data


def expected_color(mixture: tuple[int, int, int, int]) -> np.ndarray:
    """The sRGB color, 0 to 255, of an amount of each ink, 0 to 255."""
    light = _mixed(np.array([mixture]) / 255)[0]
    return 255 * np.where(light > 0.0031308, 1.055 * light ** (1 / 2.4) - 0.055, 12.92 * light)


def _mixed(mixtures: np.ndarray) -> np.ndarray:
    """Linear sRGB of amounts of ink in [0, 1], (N, 4): each ink lets a part of the light through."""
    light = _linear(np.array(PAPER))[None].repeat(len(mixtures), 0)
    for ink, amounts in zip(INKS, mixtures.T, strict=True):
        through = 1 - amounts[:, None] * (1 - _linear(np.array(ink)))
        light = light * through
    return light


def _linear(levels: np.ndarray) -> np.ndarray:
    values = levels / 255
    return np.where(values > 0.04045, ((values + 0.055) / 1.055) ** 2.4, values / 12.92)


def _to_lab(light: np.ndarray) -> np.ndarray:
    """CIELab under D50 of linear sRGB. Source: CIE 15."""
    ratios = light @ rgb_to_d50(SRGB).T / D50
    roots = np.where(ratios > 216 / 24389, np.cbrt(ratios), (24389 / 27 * ratios + 16) / 116)
    x, y, z = roots.T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)
