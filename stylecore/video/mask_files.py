"""The masks of a clip's frames from a file: one picture for all frames, or a clip of masks."""

from __future__ import annotations

from collections.abc import Iterator
from os import PathLike
from pathlib import Path

import cv2
import numpy as np

from stylecore.errors import ClipError
from stylecore.regions.masks import load_mask
from stylecore.video.frames import Frame
from stylecore.video.limits import ClipLimits
from stylecore.video.reading import open_clip
from stylecore.video.recognizing import is_clip


class MaskFile:
    """Reads the mask of each frame: white is inside, black outside; a cut-out counts by its alpha alone.

    Args:
        source: A picture, for all frames; or a clip, which is read along: a frame has the mask of its time,
            and behind the end the last one.
        clip_size: Width and height of the clip in pixels, which the masks have, too.
        size: Width and height at which its frames are painted.
        start_s: Start of the part that is painted, in seconds.
        end_s: Its end, or None.
        limits: Of the clip of masks.
    Raises:
        ImageError: The picture cannot be read, is empty, or of another size.
        ClipError: The same for a clip.
    """

    def __init__(
        self,
        source: str | PathLike,
        clip_size: tuple[int, int],
        size: tuple[int, int],
        *,
        start_s: float,
        end_s: float | None,
        limits: ClipLimits,
    ) -> None:
        path = Path(source)
        self._size = size
        self._coming: Iterator[Frame] = iter(())
        self._newest: np.ndarray | None = None
        self._next: Frame | None = None
        if not is_clip(path):
            self._newest = self._share(np.asarray(load_mask(path, clip_size, of="clip")))
            return
        reader = open_clip(path, limits)
        if (reader.info.width, reader.info.height) != clip_size:
            raise ClipError(
                f"the mask {path.name} has {reader.info.width} x {reader.info.height} px, but the clip "
                f"{clip_size[0]} x {clip_size[1]}: masks of the clip's size are needed"
            )
        self._coming = reader.frames(start_s, end_s)
        self._next = next(self._coming, None)
        if self._next is None:
            raise ClipError(f"the mask {path.name} has no frame from {start_s:g} s on")

    def __call__(self, frame: Frame) -> np.ndarray:
        """Return the mask of the next frame in [0, 1], float32 of shape (H, W)."""
        while self._next is not None and (self._newest is None or self._next.start_s <= frame.start_s):
            self._newest = self._share(_gray(self._next))
            self._next = next(self._coming, None)
        return self._newest

    def _share(self, mask: np.ndarray) -> np.ndarray:
        share = np.multiply(mask, np.float32(1 / 255), dtype=np.float32)
        if share.shape[1::-1] == self._size:
            return share
        return cv2.resize(share, self._size, interpolation=cv2.INTER_AREA)


def _gray(frame: Frame) -> np.ndarray:
    return cv2.cvtColor(frame.pixels, cv2.COLOR_RGB2GRAY) if frame.alpha is None else frame.alpha
