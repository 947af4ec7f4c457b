"""Reading of animated pictures: GIF, WebP and APNG."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from stylecore.errors import ClipError
from stylecore.images.colors import to_srgb
from stylecore.video.frames import ClipInfo, Frame, exact_s
from stylecore.video.limits import ClipLimits

FORMATS = ("GIF", "WEBP", "PNG")
USUAL_MS = 100  # of frames of 0 or 10 ms, as browsers show them


def is_animated(source: Path | BinaryIO) -> bool:
    """Whether a file is a picture of several frames."""
    try:
        with Image.open(source, formats=FORMATS) as image:
            return getattr(image, "is_animated", False)
    except Exception:  # no picture, or a damaged one: whoever reads it next reports it
        return False


class AnimationReader:
    """Reads the frames of an animated picture one by one.

    Args:
        path: The file.
        limits: Its size in pixels is checked before a frame is decoded.
    Attributes:
        path: The file.
        info: Its length is unknown before all frames are read.
        origin_s: Always 0; an animation has no sound.
    Raises:
        ClipError: Frames beyond the limits, or a damaged file.
    """

    def __init__(self, path: Path, limits: ClipLimits) -> None:
        self.path, self.origin_s = path, Fraction(0)
        with _damage_named(path), Image.open(path, formats=FORMATS) as image:
            width, height = image.size
            limits.check_size(path.name, width, height)
            image.seek(1)
            image.load()
            rate = Fraction(1000, _duration_ms(image))
            # The mean of frames that last differently is not known; most last equally long.
            self.info = ClipInfo(width, height, image.n_frames / float(rate), float(rate), has_sound=False)

    def frames(self, start_s: float = 0.0, end_s: float | None = None) -> Iterator[Frame]:
        """Yield the frames that are shown from `start_s` to `end_s`, in seconds.

        Raises:
            ClipError: The file is damaged.
        """
        time, origin = Fraction(0), None
        with _damage_named(self.path), Image.open(self.path, formats=FORMATS) as image:
            for index in range(image.n_frames):
                image.seek(index)
                image.load()
                duration = Fraction(_duration_ms(image), 1000)
                if end_s is not None and time >= exact_s(end_s):
                    return
                if time + duration > exact_s(start_s):
                    origin = time if origin is None else origin
                    yield _frame(image, time - origin, duration)
                time += duration


@contextmanager
def _damage_named(path: Path) -> Iterator[None]:
    """Raise what decoders raise as a ClipError."""
    try:
        yield
    except (ClipError, MemoryError):
        raise
    except Exception as error:  # decoders raise anything, from OSError to struct.error
        raise ClipError(f"{path.name} is damaged: {error}") from error


def _frame(image: Image.Image, start_s: Fraction, duration_s: Fraction) -> Frame:
    color = to_srgb(image.copy())
    alpha = np.asarray(color.getchannel("A")) if color.mode == "RGBA" else None
    return Frame(np.asarray(color.convert("RGB")), alpha, start_s, duration_s)


def _duration_ms(image: Image.Image) -> int:
    duration = round(image.info.get("duration", USUAL_MS))
    return duration if duration > 10 else USUAL_MS
