"""Pictures of four flat quadrants, whose colors are known, and files that hold them."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

import numpy as np
from PIL import Image

COLORS = ((200, 60, 50), (60, 170, 80), (50, 80, 180), (128, 128, 128))
GREYS = (40, 90, 160, 230)
WIDTH, HEIGHT = 96, 64
# From linear sRGB to the linear colors of other spaces. Source: CSS Color Module Level 4, sample code.
TO_P3 = np.array(((0.8224620, 0.1775380, 0), (0.0331942, 0.9668058, 0), (0.0170827, 0.0723974, 0.9105199)))
TO_BT2020 = np.array(
    ((0.6274039, 0.3292830, 0.0433131), (0.0690973, 0.9195404, 0.0113623), (0.0163914, 0.0880133, 0.8955953))
)


def quadrants(values: Sequence) -> np.ndarray:
    """Array of (HEIGHT, WIDTH) or (HEIGHT, WIDTH, channels), from the values left to right, then down."""
    upper_left, upper_right, lower_left, lower_right = (np.array(value) for value in values)
    rows = [[upper_left, upper_right], [lower_left, lower_right]]
    grid = np.array(rows)
    return grid.repeat(HEIGHT // 2, axis=0).repeat(WIDTH // 2, axis=1)


def quadrant_image(colors: Sequence = COLORS) -> Image.Image:
    """Image of 8 bits."""
    return Image.fromarray(quadrants(colors).astype(np.uint8))


def middles(image: Image.Image) -> list[tuple[int, ...]]:
    """The color in the middle of each quadrant."""
    width, height = image.size
    places = [(x, y) for y in (height // 4, 3 * height // 4) for x in (width // 4, 3 * width // 4)]
    return [image.getpixel(place) for place in places]


def assert_colors(image: Image.Image, colors: Sequence = COLORS, *, levels: int = 3) -> None:
    """The quadrants have these colors, RGB or RGBA, up to some levels."""
    expected = [(color,) * 3 if isinstance(color, int) else tuple(color) for color in colors]
    worst = np.abs(np.array(middles(image), int) - np.array(expected, int)).max()
    assert worst <= levels, f"{middles(image)} instead of {expected}"


def linear(colors: Sequence = COLORS) -> np.ndarray:
    """Linear light in [0, 1] of sRGB colors."""
    values = np.array(colors) / 255
    return np.where(values > 0.04045, ((values + 0.055) / 1.055) ** 2.4, values / 12.92)


def curved(light: np.ndarray) -> np.ndarray:
    """Colors of 8 bits, by sRGB's curve."""
    light = np.clip(light, 0, 1)
    return np.where(light > 0.0031308, 1.055 * light ** (1 / 2.4) - 0.055, light * 12.92) * 255


def png_chunk(kind: bytes, data: bytes, *, checksum: int | None = None) -> bytes:
    checksum = zlib.crc32(kind + data) if checksum is None else checksum
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)


def png_file(values: np.ndarray, *, depth: int = 8, chunks: bytes = b"") -> bytes:
    """A PNG of grey, grey with alpha, RGB or RGBA values, with further chunks in front of the pixels."""
    height, width, channels = values.reshape(*values.shape[:2], -1).shape
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    if depth == 16:
        rows = values.astype(">u2").reshape(height, -1).view(np.uint8)
    elif depth == 8:
        rows = values.astype(np.uint8).reshape(height, -1)
    else:
        bits = (values[..., None].astype(np.uint8) >> np.arange(depth - 1, -1, -1, dtype=np.uint8)) & 1
        rows = np.packbits(bits.reshape(height, -1), axis=1)
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    body = png_chunk(b"IDAT", zlib.compress(raw)) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + chunks + body


def nclx_file(data: bytes, *, primaries: int, transfer: int) -> bytes:
    """An AVIF or HEIC whose color codes are others."""
    place = data.index(b"colrnclx") + 8
    return data[:place] + struct.pack(">HH", primaries, transfer) + data[place + 4 :]
