"""Frames of clips, and what is known of a clip before its frames are read."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np


@dataclass(frozen=True)
class Frame:
    """One frame of a clip, upright, in sRGB.

    Attributes:
        pixels: uint8 of shape (H, W, 3).
        alpha: uint8 of shape (H, W), or None.
        start_s: Seconds from the start of the first frame.
        duration_s: Seconds for which the frame is shown.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None
    start_s: Fraction
    duration_s: Fraction


@dataclass(frozen=True)
class ClipInfo:
    """A clip as its header describes it.

    Attributes:
        width: Pixels, after rotation.
        height: Pixels, after rotation.
        duration_s: Seconds, or None where the header does not have it.
        frame_rate: Frames a second, the mean.
        has_sound: Whether there is sound.
    """

    width: int
    height: int
    duration_s: float | None
    frame_rate: float
    has_sound: bool


def exact_s(seconds: float) -> Fraction:
    """A time in seconds as the fraction that was meant, to the microsecond."""
    return Fraction(round(seconds * 1_000_000), 1_000_000)
