"""Painting of one frame after the other without flicker."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from stylecore.video.canvas import Placement
from stylecore.video.flow import positions
from stylecore.video.following import Motion, MotionFollower

BLEND = 0.8  # share of the former painting in the new one, where the flow is trusted
FEED = 0.1  # share of the former painting in what is painted next
PRIMING = 2  # times that the first frame of a scene is painted anew with that share of its painting

CELL = 4  # px, the network's grid, of which sides and corner of what is painted are multiples

# Paints float32 of shape (3, H, W) in [0, 1], given the row and column of its corner on the canvas.
Paint = Callable[[np.ndarray, tuple[int, int]], np.ndarray]


class SteadyPainter:
    """Paints the frames of a clip in their order, each near to the one before.

    Args:
        paint: Paints a part of the canvas.
        steadiness: 0 paints each frame for itself, 1 is the steadiest.
    Attributes:
        cuts: Number of cuts found so far.
    Raises:
        ValueError: Another steadiness.
    Source: Ruder et al. (2016), section 3, for the former painting warped, and where it is not used; Gupta et
        al. (2017) for the former painting as an input. Differs: it is blended at test time, into a
        network that was trained on photos, which paints on a canvas that moves with the camera.
    """

    def __init__(self, paint: Paint, *, steadiness: float = 1.0) -> None:
        if not 0 <= steadiness <= 1:
            raise ValueError(f"steadiness is {steadiness}: use 0 to 1")
        self._paint, self._steadiness = paint, steadiness
        self._follower = MotionFollower()
        self._placement: Placement | None = None
        self._painting: np.ndarray | None = None  # on the canvas
        self.cuts = 0

    def follow(self, pixels: np.ndarray) -> Motion | None:
        """Find how the next frame moved; may run ahead of the painting, in another thread.

        Args:
            pixels: uint8 of shape (H, W, 3); all frames have the same size.
        """
        return self._follower(pixels) if self._steadiness else None

    def __call__(self, pixels: np.ndarray, motion: Motion | None) -> np.ndarray:
        """Paint the next frame.

        Args:
            pixels: As `follow` takes it.
            motion: What `follow` returned for it.
        Returns:
            The painting, likewise.
        """
        shape, matrix = pixels.shape[:2], np.eye(3) if motion is None else motion.matrix
        placement = Placement.of(matrix, shape, CELL)
        planes = np.ascontiguousarray(pixels.transpose(2, 0, 1))
        source = placement.lay(np.multiply(planes, np.float32(1 / 255), dtype=np.float32))
        if motion is None:
            painting = self._paint(source, placement.origin)
        elif motion.flow is None:
            painting = self._begin_scene(source, placement)
        else:
            if motion.is_new_canvas:
                self._begin_canvas(shape)
            former, trust = self._former(placement, motion)
            source = _mixed(source, former, FEED * self._steadiness * trust)
            painting = self._paint(source, placement.origin)
            painting = _mixed(painting, former, BLEND * self._steadiness * trust)
        self._placement, self._painting = placement, painting
        return cv2.convertScaleAbs(placement.lift(painting, shape), alpha=255)  # rounds

    def _begin_scene(self, source: np.ndarray, placement: Placement) -> np.ndarray:
        self.cuts += self._painting is not None
        painting = self._paint(source, placement.origin)
        for _ in range(PRIMING):
            primed = _mixed(source, painting, np.float32(FEED * self._steadiness))
            painting = self._paint(primed, placement.origin)
        return painting

    def _begin_canvas(self, shape: tuple[int, int]) -> None:
        """Lay the former painting on a new canvas."""
        placement = Placement.of(np.eye(3), shape, CELL)
        lifted = self._placement.lift(self._painting, shape)
        self._painting = placement.lay(np.ascontiguousarray(lifted.transpose(2, 0, 1)))
        self._placement = placement

    def _former(self, placement: Placement, motion: Motion) -> tuple[np.ndarray, np.ndarray]:
        """The former painting where its parts are on the canvas now, and its trust.

        What moves with the camera stays where it is, and is not sampled anew, which would blur it.
        """
        turn = self._placement.matrix[:, :2].astype(np.float32)
        height, width = placement.size
        field = cv2.warpAffine(
            np.dstack((motion.flow @ turn.T, motion.trust)),
            placement.matrix @ motion.to_frame,
            (width, height),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        rows, columns = np.subtract(placement.origin, self._placement.origin)
        places = positions(height, width) + field[..., :2] + np.float32((columns, rows))
        former = np.empty((3, height, width), np.float32)
        for plane, out in zip(self._painting, former, strict=True):
            cv2.remap(plane, places, None, cv2.INTER_CUBIC, out, cv2.BORDER_REPLICATE)
        return former, np.ascontiguousarray(field[..., 2])


def _mixed(picture: np.ndarray, former: np.ndarray, share: np.ndarray | np.float32) -> np.ndarray:
    mixed = former - picture
    mixed *= share
    mixed += picture
    return mixed
