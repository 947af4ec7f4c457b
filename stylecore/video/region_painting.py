"""Painting of frames: all of them, a part of each, or with faces kept."""

from __future__ import annotations

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
        masks: Of the part and of the faces, as far as they are needed, float32 of shape (H, W, number of
            masks).
    """

    moved: MovedFrame
    rest: MovedFrame | None
    masks: np.ndarray | None

    @property
    def frame(self) -> Frame:
        return self.moved.frame


class RegionPainter:
    """Paints the frames of one clip in their order, or a part of each.

    Args:
        painter: Paints the part.
        where: One of `PARTS`; None is everything.
        rest: Paints the rest; None leaves it as it is.
        keeps_faces: Lower the strength of all painting in faces.
    Attributes:
        is_found: Whether the part was found in any frame that was followed so far.
    """

    def __init__(
        self,
        painter: FramePainter,
        where: str | None,
        *,
        rest: FramePainter | None = None,
        keeps_faces: bool = False,
    ) -> None:
        self._painter, self._rest = painter, rest
        self._where, self._keeps_faces = where, keeps_faces
        self._masks = MaskFollower(self._find) if where is not None or keeps_faces else None
        self._follower = MotionFollower()
        self.is_found = where is None

    @property
    def cuts(self) -> int:
        """Number of cuts found so far."""
        return self._painter.cuts

    def follow(self, frame: Frame) -> MaskedFrame:
        """Find the motion and the masks of the next frame; may run ahead of the painting."""
        moved = self._painter.follow(frame)
        rest = None if self._rest is None else self._rest.follow(frame)  # may be painted at another size
        if self._masks is None:
            return MaskedFrame(moved, rest, None)
        motion = moved.motion or self._follower(moved.source)
        return MaskedFrame(moved, rest, self._masks(moved.pixels, motion, moved.source.shape[:2]))

    def paint(self, masked: MaskedFrame) -> Frame:
        """Paint the next frame, as `follow` returned it; alpha is kept."""
        moved, own = masked.moved, masked.frame.pixels
        painted = self._painter.paint(moved)
        if masked.masks is None:
            return painted
        masks, pixels = list(cv2.split(masked.masks)), painted.pixels
        if self._where is not None:
            rest = own if masked.rest is None else self._rest.paint(masked.rest).pixels
            pixels = _mixed(rest, pixels, masks.pop(0))
        if self._keeps_faces:
            pixels = _mixed(pixels, own, masks.pop(0) * np.float32(1 - KEPT_STRENGTH))
        return replace(painted, pixels=pixels)

    def _find(self, pixels: np.ndarray) -> np.ndarray:
        """Masks of the part and of the faces, as far as they are asked for, see `MaskFollower`.

        Without a subject in the frame, all of it is background.
        """
        image, masks = Image.fromarray(pixels), []
        if self._where is not None:
            part = find_part(image, self._where)
            self.is_found |= part is not None
            masks.append(part or Image.new("L", image.size, 255 if self._where == "background" else 0))
        if self._keeps_faces:
            masks.append(find_faces(image))
        return np.dstack([np.asarray(mask) for mask in masks])


def _mixed(below: np.ndarray, above: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Mix pictures by the share of the one above, float32 in [0, 1] of shape (H, W)."""
    share = cv2.merge((share, share, share))
    difference = cv2.subtract(above, below, dtype=cv2.CV_32F)
    return cv2.convertScaleAbs(cv2.add(below, cv2.multiply(share, difference), dtype=cv2.CV_32F))
