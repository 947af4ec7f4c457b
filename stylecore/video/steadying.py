"""Painting of one frame after the other without flicker."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from stylecore.video.camera import Camera, camera_flow
from stylecore.video.canvas import Placement
from stylecore.video.flow import CUT, View, backward_flow, follow_camera, warp

BLEND = 0.7  # share of the former painting in the new one, where the flow is trusted
FEED = 0.1  # share of the former painting in what is painted next
PRIMING = 2  # times that the first frame of a scene is painted anew with that share of its painting

# Paints float32 of shape (H, W, 3) in [0, 1], given the row and column of its corner on the canvas.
Paint = Callable[[np.ndarray, tuple[int, int]], np.ndarray]


class SteadyPainter:
    """Paints the frames of a clip in their order, each near to the one before.

    Args:
        paint: Paints a part of the canvas, whose sides and corner are multiples of `step`.
        step: Pixels after which the network's cells and the noise repeat.
        steadiness: 0 paints each frame for itself, 1 is the steadiest.
    Attributes:
        cuts: Number of cuts found so far.
    Raises:
        ValueError: Another steadiness.
    Source: Ruder et al. (2016), section 3, for the former painting warped, and where it is not used; Gupta et
        al. (2017) for the former painting as an input. Differs: it is blended at test time, into a
        network that was trained on photos, which paints on a canvas that moves with the camera.
    """

    def __init__(self, paint: Paint, *, step: int = 4, steadiness: float = 1.0) -> None:
        if not 0 <= steadiness <= 1:
            raise ValueError(f"steadiness is {steadiness}: use 0 to 1")
        self._paint, self._step, self._steadiness = paint, step, steadiness
        self._camera = Camera()
        self._view: View | None = None
        self._painting: np.ndarray | None = None
        self.cuts = 0

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """Paint the next frame.

        Args:
            pixels: uint8 of shape (H, W, 3); all frames have the same size.
        Returns:
            float32 of that shape, in [0, 1].
        """
        if not self._steadiness:
            return self._painted(_unit(pixels), np.eye(3))
        view = View.of(pixels)
        source = _unit(pixels)
        past = self._past(view)
        matrix = _scaled(self._camera.matrix, view.scale)
        if past is None:
            painting = self._painted(source, matrix)
            for _ in range(PRIMING):
                painting = self._painted(source + FEED * self._steadiness * (painting - source), matrix)
        else:
            former, trust = past
            source = _mixed(source, former, FEED * self._steadiness * trust)
            painting = _mixed(self._painted(source, matrix), former, BLEND * self._steadiness * trust)
        self._view, self._painting = view, painting
        return painting

    def _past(self, view: View) -> tuple[np.ndarray, np.ndarray] | None:
        """The former painting as it would look now, and its trust; None at the start of a scene.

        Moves the camera on to the view.
        """
        if self._view is None:
            self._camera.restart(view.gray)
            return None
        flow, trust = backward_flow(self._view, view)
        if trust.mean() < CUT:
            self._camera.restart(view.gray)
            self.cuts += 1
            return None
        before = self._camera.matrix
        self._camera.follow(view.gray)
        if not np.array_equal(self._camera.matrix, np.eye(3)) or np.array_equal(before, np.eye(3)):
            # Not at a new canvas, from which the step of the camera is not known.
            step = camera_flow(before, self._camera.matrix, view.gray.shape)
            flow, trust = follow_camera(flow, trust, step, self._view, view)
        height, width = self._painting.shape[:2]
        if trust.shape != (height, width):
            flow = cv2.resize(flow, (width, height)) * np.float32(view.scale)
            trust = cv2.resize(trust, (width, height))
        return warp(self._painting, flow), trust

    def _painted(self, source: np.ndarray, matrix: np.ndarray) -> np.ndarray:
        shape = source.shape[:2]
        placement = Placement.of(matrix, shape, self._step)
        painting = self._paint(placement.lay(source).clip(0, 1), placement.origin)
        return placement.lift(painting, shape).clip(0, 1)


def _unit(pixels: np.ndarray) -> np.ndarray:
    return np.multiply(pixels, np.float32(1 / 255), dtype=np.float32)


def _mixed(picture: np.ndarray, former: np.ndarray, share: np.ndarray) -> np.ndarray:
    return picture + share[..., None] * (former - picture)


def _scaled(matrix: np.ndarray, scale: tuple[float, float]) -> np.ndarray:
    """A camera's matrix for pixels that are smaller by `scale`, with pixel centers at whole numbers."""
    factor = np.diag((*scale, 1.0))
    shift = np.array([[1, 0, scale[0] / 2 - 0.5], [0, 1, scale[1] / 2 - 0.5], [0, 0, 1]])
    to_large = shift @ factor
    return to_large @ matrix @ np.linalg.inv(to_large)
