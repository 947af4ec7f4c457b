"""Clips that visitors bring, and painted ones. Files are on the disk only while FFmpeg needs them there."""

from __future__ import annotations

import tempfile
import threading
import weakref
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st
from PIL import Image

from pages.shared.painting import WORKING_SIDE, encode_screen
from stylecore import ClipError, ClipLimits, ClipResult
from stylecore.images.sizes import limit_long_side
from stylecore.styles.style import name_from
from stylecore.video.frames import ClipInfo
from stylecore.video.reading import open_clip
from stylecore.video.recognizing import ANIMATED_EXTENSIONS, VIDEO_EXTENSIONS

UPLOAD_TYPES = [extension[1:] for extension in (*VIDEO_EXTENSIONS, *ANIMATED_EXTENSIONS)]
PART_BYTES = 2**20  # of a file that is copied
DOWNLOAD_FORMATS = {  # file ending and MIME type by name
    "MP4": ("mp4", "video/mp4"),
    "WebM": ("webm", "video/webm"),
    "GIF": ("gif", "image/gif"),
    "WebP": ("webp", "image/webp"),
}
TRANSPARENT_FORMATS = ("WebM", "GIF", "WebP")  # of these


@dataclass(frozen=True)
class Clip:
    """A clip that the visitor chose.

    Attributes:
        data: The encoded file.
        name: File name without its ending, for naming downloads.
        ending: Ending of the file name, such as `.mp4`.
        info: What its header describes.
        checksum: CRC-32 of the file, to tell clips apart.
    """

    data: bytes
    name: str
    ending: str
    info: ClipInfo
    checksum: int

    @property
    def is_animation(self) -> bool:
        """Whether it is an animated picture instead of a video."""
        return self.ending in ANIMATED_EXTENSIONS


def clip_limits() -> ClipLimits:
    """The limits of clips in the app: uploads have a limit of their own."""
    own = ClipLimits.from_environment()
    megabytes = min(own.megabytes, st.get_option("server.maxUploadSize"))
    return ClipLimits(own.seconds, own.megapixels, megabytes)


def part_length(clip: Clip, part: tuple[float, float | None], limits: ClipLimits) -> float:
    """Seconds of a part of a clip; of its end is only known what its header or the limits say."""
    return (part[1] or clip.info.duration_s or limits.seconds) - part[0]


def read_clip(data: bytes, file_name: str) -> Clip:
    """Check a clip and read its header.

    Raises:
        ClipError: It cannot be used; the message says why.
    """
    path = Path(file_name)
    ending = path.suffix.lower()
    with clip_file(data, path.stem, ending) as file:
        info = open_clip(file, ClipLimits.from_environment()).info
    return Clip(data, path.stem, ending, info, zlib.crc32(data))


def read_still(clip: Clip, at_s: float) -> bytes:
    """The first frame from a time on, encoded at screen size.

    Raises:
        ClipError: There is none.
    """
    with clip_file(clip.data, clip.name, clip.ending) as file:
        frame = next(open_clip(file, ClipLimits.from_environment()).frames(at_s), None)
    if frame is None:
        raise ClipError(f"{clip.name}{clip.ending} has no frame from {at_s:g} s on")
    pixels = frame.pixels if frame.alpha is None else np.dstack((frame.pixels, frame.alpha))
    return encode_screen(limit_long_side(Image.fromarray(pixels), WORKING_SIDE))


@contextmanager
def clip_file(data: bytes, name: str, ending: str) -> Iterator[Path]:
    """A clip as a file in a temporary folder of its own, which is removed at the end.

    Raises:
        ClipError: The disk is full, or the host has no folder for temporary files.
    """
    try:
        folder = tempfile.TemporaryDirectory(prefix="impasto-", ignore_cleanup_errors=True)
    except OSError as error:
        raise ClipError("this host has no folder for temporary files, which clips need") from error
    with folder:
        path = Path(folder.name) / f"{name_from(name, 'clip')}{ending}"
        try:
            path.write_bytes(data)
        except OSError as error:
            raise ClipError(f"the host cannot keep the clip while it is read: {error.strerror}") from error
        yield path


class PaintedClip:
    """A painted clip in a temporary file without a name, which goes with this object or with the process.

    Args:
        result: What was painted; its file is copied.
    Attributes:
        result: The same.
        size: Bytes of the file.
    Raises:
        ClipError: The disk is full.
    """

    def __init__(self, result: ClipResult) -> None:
        self.result = result
        self.size = result.path.stat().st_size
        self._turn = threading.Lock()
        try:
            self._file = tempfile.TemporaryFile(prefix="impasto-", buffering=0)  # noqa: SIM115 - stays open
            weakref.finalize(self, self._file.close)
            with result.path.open("rb") as painted:
                while part := painted.read(PART_BYTES):
                    while part:  # a disk that is nearly full takes a part of it
                        part = part[self._file.write(part) :]
        except OSError as error:
            raise ClipError(f"the host cannot keep the painted clip: {error.strerror}") from error

    @property
    def is_gone(self) -> bool:
        """Whether the file was removed to make room."""
        return self._file.closed

    def read(self) -> bytes:
        """The file; empty if it is gone."""
        with self._turn:
            if self.is_gone:
                return b""
            self._file.seek(0)
            return self._file.read()

    def remove(self) -> None:
        """Free the disk."""
        with self._turn:
            self._file.close()
