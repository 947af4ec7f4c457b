"""Colors of AVIF and HEIC files, which their container names by number."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

from PIL import Image

from stylecore.images.color_codes import note_color_codes

_MAX_META_BYTES = 4 * 2**20  # of the container's directory; it has some kilobytes


def note_heif_colors(image: Image.Image) -> None:
    """Note the color codes of a HEIC that pillow-heif opened; a color profile has precedence."""
    codes = image.info.get("nclx_profile")
    if codes and not image.info.get("icc_profile"):
        note_color_codes(
            image, primaries=codes["color_primaries"], transfer=codes["transfer_characteristics"]
        )


def note_avif_colors(image: Image.Image, file: BinaryIO) -> None:
    """Note the color codes of an AVIF that Pillow opened; a color profile has precedence.

    Args:
        image: The opened picture.
        file: Its file, at the start.
    """
    if not image.info.get("icc_profile") and (codes := _read_codes(file)):
        note_color_codes(image, primaries=codes[0], transfer=codes[1])


def _read_codes(file: BinaryIO) -> tuple[int, int] | None:
    """Primaries and tone curve of the primary item.

    Source: ISO/IEC 14496-12, 8.11 and 12.1.5; ISO/IEC 23008-12, 9.3.
    """
    try:
        meta = dict(_boxes(_find_meta(file)[4:]))
        is_long = meta[b"pitm"][0] > 0
        (primary,) = struct.unpack_from(">I" if is_long else ">H", meta[b"pitm"], 4)
        parts = dict(_boxes(meta[b"iprp"]))
        properties = list(_boxes(parts[b"ipco"]))
        for index in _indices(parts[b"ipma"], primary):
            kind, data = properties[index - 1]
            if kind == b"colr" and data.startswith(b"nclx"):
                primaries, transfer = struct.unpack_from(">HH", data, 4)
                return primaries, transfer
    except (struct.error, KeyError, IndexError):  # no such box, or a damaged one
        pass
    return None


def _find_meta(file: BinaryIO) -> bytes:
    while len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        if kind == b"meta":
            return file.read(min(length - 8, _MAX_META_BYTES)) if length >= 8 else b""
        if length < 8:
            break
        file.seek(length - 8, 1)
    return b""


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if length < 8:
            return
        yield kind, data[at + 8 : at + length]
        at += length


def _indices(data: bytes, item: int) -> Iterator[int]:
    """Numbers of an item's properties, from 1, in a box `ipma`."""
    version, is_wide = data[0], data[3] & 1
    (count,) = struct.unpack_from(">I", data, 4)
    at = 8
    for _ in range(count):
        form = ">IB" if version else ">HB"
        found, links = struct.unpack_from(form, data, at)
        at += struct.calcsize(form)
        for _ in range(links):
            (link,) = struct.unpack_from(">H" if is_wide else ">B", data, at)
            at += 2 if is_wide else 1
            if found == item:
                yield link & (0x7FFF if is_wide else 0x7F)
