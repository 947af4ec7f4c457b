"""Marks in painted GIF and WebP animations, which FFmpeg writes without metadata."""

from __future__ import annotations

import struct
from pathlib import Path

from PIL import ExifTags, Image

from stylecore.images.metadata import SOFTWARE, XMP, is_painting

PAINTED = "Painted by Impasto"  # starts the comment of painted clips
GIF_COMMENT = b"!\xfe" + bytes([len(PAINTED)]) + PAINTED.encode() + b"\x00;"  # with the end of the file
HAS_XMP, HAS_EXIF, HAS_ALPHA = 0x04, 0x08, 0x10  # flags of the chunk VP8X


def mark_animation(path: Path, *, has_alpha: bool = False) -> None:
    """Add the mark to a GIF or an animated WebP, as photos have it.

    Args:
        path: The file.
        has_alpha: Whether it is transparent. libwebp forgets that of a WebP whose frames are opaque, and
            smaller than the canvas.
    """
    with path.open("r+b") as file:
        if path.suffix.lower() == ".gif":
            file.seek(-1, 2)  # over the end
            file.write(GIF_COMMENT)
            return
        exif = Image.Exif()
        exif[ExifTags.Base.Software] = SOFTWARE
        file.seek(0, 2)
        file.write(_chunk(b"EXIF", exif.tobytes()) + _chunk(b"XMP ", XMP))
        length = file.tell()
        file.seek(4)
        file.write(struct.pack("<I", length - 8))
        file.seek(20)  # flags, after the headers of the file and of VP8X, which all animations have
        (flags,) = file.read(1)
        file.seek(20)
        file.write(bytes([flags | HAS_XMP | HAS_EXIF | (HAS_ALPHA if has_alpha else 0)]))


def is_marked(path: Path) -> bool:
    """Whether a picture has the mark; stills in all formats have it in their metadata."""
    if path.suffix.lower() != ".gif":
        return is_painting(path)
    try:
        with path.open("rb") as file:
            file.seek(-len(GIF_COMMENT), 2)
            return file.read() == GIF_COMMENT
    except OSError:  # shorter than that, or unreadable: whoever paints it reports it
        return False


def _chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)
