"""Limits of clips, set by environment variables."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from pathlib import Path

from stylecore.errors import ClipError
from stylecore.images.sizes import MIN_SIDE
from stylecore.video.frames import ClipInfo


@dataclass(frozen=True)
class ClipLimits:
    """The largest clips that are accepted; each field is read from `IMPASTO_CLIP_` and its name in capitals.

    Attributes:
        seconds: Longest part that is painted.
        megapixels: Largest frame, in millions of pixels.
        megabytes: Largest file.
    """

    seconds: float = 600.0
    megapixels: float = 9.0
    megabytes: float = 2000.0

    @classmethod
    def from_environment(cls) -> ClipLimits:
        """Read the limits.

        Raises:
            ValueError: A variable that is not a number above 0.
        """
        given = {}
        for field in fields(cls):
            variable = f"IMPASTO_CLIP_{field.name.upper()}"
            if variable not in os.environ:
                continue
            try:
                given[field.name] = float(os.environ[variable])
            except ValueError as error:
                raise ValueError(f"{variable} is {os.environ[variable]!r}: a number is needed") from error
            if not given[field.name] > 0:
                raise ValueError(f"{variable} is {os.environ[variable]}: a number above 0 is needed")
        return cls(**given)

    def check_file(self, path: Path) -> None:
        """Refuse a file that is missing, empty or too large.

        Raises:
            ClipError: The message has the limit.
        """
        if not path.is_file():
            raise ClipError(f"{path.name} is no file" if path.exists() else f"{path.name} does not exist")
        size = path.stat().st_size
        if not size:
            raise ClipError(f"{path.name} is empty: a clip is needed")
        if size > self.megabytes * 1e6:
            raise ClipError(
                f"{path.name} has {size / 1e6:.0f} MB: at most {self.megabytes:g} MB are accepted "
                "(IMPASTO_CLIP_MEGABYTES)"
            )

    def check_size(self, name: str, width: int, height: int) -> None:
        """Refuse frames that are too small or too large.

        Raises:
            ClipError: The message has the limit.
        """
        if min(width, height) < MIN_SIDE:
            raise ClipError(f"{name} has {width} x {height} px: at least {MIN_SIDE} px a side are needed")
        if width * height > self.megapixels * 1e6:
            raise ClipError(
                f"{name} has frames of {width} x {height} px ({width * height / 1e6:.1f} megapixels): at "
                f"most {self.megapixels:g} megapixels are accepted (IMPASTO_CLIP_MEGAPIXELS)"
            )

    def check_part(self, name: str, info: ClipInfo, start_s: float, end_s: float | None) -> None:
        """Refuse a part of a clip that is empty, or longer than the limit.

        Raises:
            ValueError: Times out of order.
            ClipError: The message has the limit.
        """
        if not start_s >= 0 or (end_s is not None and not end_s > start_s):
            raise ValueError(f"the part from {start_s} to {end_s} s: 0 or more, and a later end are needed")
        if info.duration_s is None:
            return
        if start_s >= info.duration_s:
            raise ClipError(
                f"{name} ends at {info.duration_s:.1f} s: an earlier start than {start_s:g} s is needed"
            )
        end_s = info.duration_s if end_s is None else min(end_s, info.duration_s)
        self.check_length(name, end_s - start_s)

    def check_length(self, name: str, seconds: float) -> None:
        """Refuse a part that is longer than the limit.

        Raises:
            ClipError: The message has the limit.
        """
        if seconds > self.seconds + 0.5:  # headers are not exact
            raise ClipError(
                f"{name}: {seconds:.0f} s are to be painted: at most {self.seconds:g} s are accepted "
                "(IMPASTO_CLIP_SECONDS); choose a part of it"
            )
