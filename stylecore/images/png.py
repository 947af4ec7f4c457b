"""Opening of PNG files: without chunks that Pillow refuses, with colors that it does not read."""

from __future__ import annotations

import io
import struct
import zlib
from typing import BinaryIO

from PIL import Image

from stylecore.images.color_codes import note_color_codes
from stylecore.images.profiles import matrix_profile

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Chunks that are not critical, but change how the picture looks or tell when it was taken. All others are
# dropped: Pillow refuses a file for a long text or for a wrong checksum in any of them.
_KEPT = (b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"eXIf")
_XMP = b"XML:com.adobe.xmp\0\0"  # an uncompressed text that may hold the orientation
MAX_PROFILE_BYTES = 16 * 2**20  # of a decompressed color profile; real ones have up to some megabytes
_DISPLAY_GAMMAS = (0.43, 0.48)  # files with a gamma of 1/2.2 mean sRGB's curve


def open_png(file: BinaryIO) -> Image.Image:
    """Open a PNG whose optional chunks may be long or damaged.

    The color profile in `info` is, in this order, the one of the chunk cICP, iCCP, or gAMA and cHRM, as the
    standard demands. The transparent value of grey in 1, 2 and 4 bits is scaled like the pixels.

    Args:
        file: At its start.
    Raises:
        Exception: Whatever Pillow raises for a file that is no PNG, or damaged.
    Source: PNG specification, third edition, sections 4.3, 11.3.1 and 11.3.2.
    """
    kept, profile, codes = io.BytesIO(), None, None
    kept.write(file.read(len(SIGNATURE)))
    while len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        data = file.read(length)
        checksum = file.read(4)
        if kind[0] & 0x20 == 0:  # a capital letter: critical
            kept.write(head + data + checksum)
        elif checksum == struct.pack(">I", zlib.crc32(kind + data)):
            if kind in _KEPT or (kind == b"iTXt" and data.startswith(_XMP)):
                kept.write(head + data + checksum)
            elif kind == b"iCCP":
                profile = _read_profile(data)
            elif kind == b"cICP" and length == 4:
                codes = data
    kept.seek(0)
    image = Image.open(kept, formats=("PNG",))
    _scale_transparency(image, bit_depth=kept.getbuffer()[24])
    if codes:
        note_color_codes(image, primaries=codes[0], transfer=codes[1])
    elif profile:
        image.info["icc_profile"] = profile
    elif "srgb" not in image.info:
        _note_gamma(image)
    return image


def _read_profile(data: bytes) -> bytes | None:
    decompressor = zlib.decompressobj()
    try:
        profile = decompressor.decompress(data.partition(b"\0")[2][1:], MAX_PROFILE_BYTES)
    except zlib.error:
        return None
    return profile if decompressor.eof else None


def _scale_transparency(image: Image.Image, *, bit_depth: int) -> None:
    value = image.info.get("transparency")
    if image.mode == "L" and isinstance(value, int) and bit_depth < 8:
        image.info["transparency"] = value * 255 // (2**bit_depth - 1)


def _note_gamma(image: Image.Image) -> None:
    gamma, chromaticities = image.info.get("gamma"), image.info.get("chromaticity")
    lowest, highest = _DISPLAY_GAMMAS
    exponent = None if not gamma or lowest < gamma < highest else 1 / gamma
    if exponent or chromaticities:
        profile = matrix_profile(chromaticities, exponent=exponent)
        if profile:
            image.info["icc_profile"] = profile
