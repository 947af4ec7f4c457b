"""Painting of one frame after the other without flicker."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from stylecore.video.canvas import LaidPainting, Placement
from stylecore.video.flow import positions
from stylecore.video.following import Motion, MotionFollower

BLEND = 0.8  # share of the former painting in the new one, where the flow is trusted
FEED = 0.1  # share of the former painting in what is painted next
PRIMING = 2  # times that the first frame of a scene is painted anew with that share of its painting

STILL = 1 / 64  # px, motion apart from the camera that interpolation would round to none
BAND = 32  # px, height of the parts in which motion is looked for

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
        self._newest: LaidPainting | None = None
        self.cuts = 0

    def follow(self, pixels: np.ndarray) -> Motion | None:
        """Find how the next frame moved; may run ahead of the painting, in another thread.

        Args:
            pixels: uint8 of shape (H, W, 3); all frames have the same size.
        """
        return self._follower(pixels) if self._steadiness else None

    def __call__(self, pixels: np.ndarray, motion: Motion | None) -> LaidPainting:
        """Paint the next frame.

        Args:
            pixels: As `follow` takes it.
            motion: What `follow` returned for it.
        """
        shape, matrix = pixels.shape[:2], np.eye(3) if motion is None else motion.matrix
        placement = Placement.of(matrix, shape, CELL)
        source = placement.lay(pixels)
        if motion is None:
            painting = self._paint(source, placement.origin)
        elif motion.flow is None:
            painting = self._begin_scene(source, placement)
        else:
            if motion.is_new_canvas:
                self._begin_canvas(shape)
            former, trust = self._former(placement, motion)
            _mix_in(source, former, FEED * self._steadiness * trust)
            painting = self._paint(source, placement.origin)
            _mix_in(painting, former, BLEND * self._steadiness * trust)
        self._newest = LaidPainting(painting, placement, shape)
        return self._newest

    def _begin_scene(self, source: np.ndarray, placement: Placement) -> np.ndarray:
        self.cuts += self._newest is not None
        painting = self._paint(source, placement.origin)
        for _ in range(PRIMING):
            primed = source.copy()
            _mix_in(primed, painting, np.float32(FEED * self._steadiness))
            painting = self._paint(primed, placement.origin)
        return painting

    def _begin_canvas(self, shape: tuple[int, int]) -> None:
        """Lay the former painting on a new canvas."""
        placement = Placement.of(np.eye(3), shape, CELL)
        planes = placement.lay(self._newest.lifted())
        self._newest = LaidPainting(planes, placement, shape)

    def _former(self, placement: Placement, motion: Motion) -> tuple[np.ndarray, np.ndarray]:
        """The former painting where its parts are on the canvas now, and its trust.

        What moves with the camera stays where it is, and is not sampled anew, which would blur it.
        """
        newest, (height, width) = self._newest, placement.size

        def laid(field: np.ndarray) -> np.ndarray:
            matrix = placement.matrix @ motion.to_frame
            return cv2.warpAffine(field, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)

        flow = laid(cv2.transform(motion.flow, newest.placement.matrix[:, :2]))
        rows, columns = np.subtract(placement.origin, newest.placement.origin).tolist()
        former = _moved(newest.planes, rows, columns, (height, width))
        x, y = cv2.split(flow)
        moves = cv2.max(cv2.absdiff(x, 0.0), cv2.absdiff(y, 0.0)) > STILL
        for top in range(0, height, BAND):
            band = slice(top, top + BAND)
            across = np.flatnonzero(moves[band].any(0))
            if not len(across):
                continue
            part = band, slice(int(across[0]), int(across[-1]) + 1)
            places = flow[part] + np.float32((columns + part[1].start, rows + top))
            places += positions(*places.shape[:2])
            for plane, out in zip(newest.planes, former, strict=True):
                out[part] = cv2.remap(plane, places, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        return former, laid(motion.trust)


def _moved(planes: np.ndarray, rows: int, columns: int, size: tuple[int, int]) -> np.ndarray:
    """A copy of another size that begins at a row and column, continued by the last pixels."""
    height, width = planes.shape[1:]
    rows, columns = min(max(rows, 1 - size[0]), height - 1), min(max(columns, 1 - size[1]), width - 1)
    bottom, right = rows + size[0], columns + size[1]
    margins = max(0, -rows), max(0, bottom - height), max(0, -columns), max(0, right - width)
    moved = np.empty((len(planes), *size), np.float32)
    for plane, out in zip(planes, moved, strict=True):
        inner = plane[max(0, rows) : bottom, max(0, columns) : right]
        cv2.copyMakeBorder(inner, *margins, cv2.BORDER_REPLICATE, out)
    return moved


def _mix_in(planes: np.ndarray, former: np.ndarray, share: np.ndarray | np.float32) -> None:
    """Move planes towards others by a share, in place: new memory of this size takes milliseconds."""
    for plane, other in zip(planes, former, strict=True):
        difference = other - plane
        difference *= share
        plane += difference
