"""Motion from each frame of a clip to the next, which can be found before the frames are painted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stylecore.video.camera import Camera, camera_flow, rescaled, to_larger
from stylecore.video.flow import BackwardFlow, View, follow_camera

CUT = 0.25  # mean trust below which a frame shows another scene


@dataclass(frozen=True)
class Motion:
    """How a frame follows from the one before.

    Attributes:
        matrix: Similarity of shape (3, 3) from pixels of the frame to its canvas, x before y.
        to_frame: The same from pixels of the flow to those of the frame.
        flow: Backward flow apart from the camera's, shape (h, w, 2) in pixels of the frame; None at the start
            of a scene.
        trust: Of the flow, shape (h, w) in [0, 1]; None likewise.
        is_new_canvas: Whether the frame before has to be laid on a new canvas, too.
    """

    matrix: np.ndarray
    to_frame: np.ndarray
    flow: np.ndarray | None = None
    trust: np.ndarray | None = None
    is_new_canvas: bool = False


class MotionFollower:
    """Follows the frames of a clip in their order."""

    def __init__(self) -> None:
        self._camera, self._backward_flow = Camera(), BackwardFlow()
        self._view: View | None = None

    def __call__(self, pixels: np.ndarray) -> Motion:
        """Go on to the next frame, uint8 of shape (H, W, 3); all have the same size."""
        view, former = View.of(pixels), self._view
        self._view, to_frame = view, to_larger(view.half_scale)
        if former is not None:
            flow, trust = self._backward_flow(former, view)
        if former is None or trust.mean() < CUT:
            self._camera.restart(view.gray)
            return Motion(self._camera.matrix, to_frame)
        before = self._camera.matrix
        self._camera.follow(view.gray)
        now = self._camera.matrix
        is_new_canvas = np.array_equal(now, np.eye(3)) and not np.array_equal(before, np.eye(3))
        if is_new_canvas:  # the step of the camera is not known
            before = now
        to_half = view.scale[0] / view.half_scale[0], view.scale[1] / view.half_scale[1]
        step = camera_flow(rescaled(before, to_half), rescaled(now, to_half), view.half.shape)
        flow, trust = follow_camera(flow, trust, step, former, view)
        flow *= np.float32(view.half_scale)
        return Motion(rescaled(now, view.scale), to_frame, flow, trust, is_new_canvas)
