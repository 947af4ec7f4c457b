"""Painting of frames: all of them, a part of each, or with faces kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
from PIL import Image

from stylecore.regions.faces import find_faces
from stylecore.regions.keeping import KEPT_STRENGTH
from stylecore.regions.parts import find_part
from stylecore.video.following import MotionFollower
from stylecore.video.frames import Frame
from stylecore.video.masks import MaskFollower
from stylecore.video.painting import FramePainter, MovedFrame


@dataclass(frozen=True)
class MaskedFrame:
    """A frame that is to be painted.

    Attributes:
        moved: The frame for the painter of the part, or of everything.
        rest: The same for the painter of the rest, if there is one.
        part: Mask of the part in [0, 1], float32 of shape (H, W); None if it is everything.
        faces: Mask of the faces; None if they are painted as all else.
    """

    moved: MovedFrame
    rest: MovedFrame | None
    part: np.ndarray | None
    faces: np.ndarray | None

    @property
    def frame(self) -> Frame:
        return self.moved.frame


class RegionPainter:
    """Paints the frames of one clip in their order, or a part of each.

    Args:
        painter: Paints the part.
        where: One of `PARTS`, or what returns the mask of the next frame, see `MaskFile`; None is everything.
        rest: Paints the rest; None leaves it as it is.
        is_cut_out: Make the rest transparent instead.
        keeps_faces: Lower the strength of all painting in faces.
    Attributes:
        is_found: Whether the part was found in any frame that was followed so far.
    """

    def __init__(
        self,
        painter: FramePainter,
        where: str | Callable[[Frame], np.ndarray] | None,
        *,
        rest: FramePainter | None = None,
        is_cut_out: bool = False,
        keeps_faces: bool = False,
    ) -> None:
        self._painter, self._rest, self._is_cut_out = painter, rest, is_cut_out
        self._where, self._follower = where, MotionFollower()
        is_found = isinstance(where, str)
        self._part = MaskFollower(self._find_part, has_edges=where != "faces") if is_found else None
        self._given = where if callable(where) else None
        self._faces = MaskFollower(_find_faces, has_edges=False) if keeps_faces else None
        self.is_found = where is None

    @property
    def cuts(self) -> int:
        """Number of cuts found so far."""
        return self._painter.cuts

    def follow(self, frame: Frame) -> MaskedFrame:
        """Find the motion and the masks of the next frame; may run ahead of the painting."""
        moved = self._painter.follow(frame)
        rest = None if self._rest is None else self._rest.follow(frame)  # may be painted at another size
        followers = self._part, self._faces
        motion = moved.motion
        if motion is None and any(followers):
            motion = self._follower(moved.source)
        size = moved.source.shape[:2]
        part, faces = (each and each(moved.pixels, motion, size) for each in followers)
        if self._given is not None:
            part = self._given(frame)
            self.is_found |= bool(part.any())
        return MaskedFrame(moved, rest, part, faces)

    def paint(self, masked: MaskedFrame) -> Callable[[], Frame]:
        """Paint the next frame, as `follow` returned it; alpha is kept, or that of what is cut out.

        Returns:
            Completes the frame, in any thread.
        """
        part = self._painter.paint(masked.moved)
        rest = None if masked.rest is None else self._rest.paint(masked.rest)
        return lambda: self._composed(masked, part(), None if rest is None else rest())

    def _composed(self, masked: MaskedFrame, painted: Frame, rest: Frame | None) -> Frame:
        """A frame of its painted part, and of the painted rest or its own."""
        own, pixels, alpha = masked.frame.pixels, painted.pixels, painted.alpha
        if self._is_cut_out:
            share = masked.part * np.float32(255) if alpha is None else masked.part * alpha
            alpha = np.rint(share).astype(np.uint8)
        elif masked.part is not None:
            pixels = _mixed(own if rest is None else rest.pixels, pixels, masked.part)
        if masked.faces is not None:
            pixels = _mixed(pixels, own, masked.faces * np.float32(1 - KEPT_STRENGTH))
        return replace(painted, pixels=pixels, alpha=alpha)

    def _find_part(self, pixels: np.ndarray) -> np.ndarray:
        """Mask of the part, uint8 of shape (H, W). A frame without a subject is all background."""
        part = find_part(Image.fromarray(pixels), self._where)
        if part is None:
            return np.full(pixels.shape[:2], 255 if self._where == "background" else 0, np.uint8)
        self.is_found = True
        return np.asarray(part)


def _find_faces(pixels: np.ndarray) -> np.ndarray:
    return np.asarray(find_faces(Image.fromarray(pixels)))


def _mixed(below: np.ndarray, above: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Mix pictures by the share of the one above, float32 in [0, 1] of shape (H, W)."""
    share = cv2.merge((share, share, share))
    difference = cv2.subtract(above, below, dtype=cv2.CV_32F)
    return cv2.convertScaleAbs(cv2.add(below, cv2.multiply(share, difference), dtype=cv2.CV_32F))
