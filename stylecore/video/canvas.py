"""The canvas: a frame laid where the camera looks, so that the network paints the same strokes again.

The network works in cells of 4 px and reads its noise by place. A frame that moves by one pixel is another
painting to it, unless it is painted in the coordinates of a canvas that stands still.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

LAY = cv2.INTER_CUBIC
LIFT = cv2.INTER_LANCZOS4 | cv2.WARP_INVERSE_MAP
REST = 1e-3  # largest deviation from no motion that counts as none


@dataclass(frozen=True)
class Placement:
    """Where a frame lies on its canvas.

    Attributes:
        matrix: From pixels of the frame to the part of the canvas that is painted, shape (2, 3).
        origin: Row and column of that part's corner on the canvas, multiples of the step.
        size: Its height and width, multiples of the step.
        is_resting: Whether the frame is laid on it as it is.
    """

    matrix: np.ndarray
    origin: tuple[int, int]
    size: tuple[int, int]
    is_resting: bool

    @classmethod
    def of(cls, matrix: np.ndarray, shape: tuple[int, int], step: int) -> Placement:
        """Smallest part of the canvas that holds a frame.

        Args:
            matrix: The camera's, shape (3, 3), from pixels of the frame to the canvas.
            shape: Height and width of the frame.
            step: Pixels of which corners and sides are multiples.
        """
        height, width = shape
        if np.allclose(matrix, np.eye(3), atol=REST):
            matrix = np.eye(3)
        corners = np.array([[0, 0, 1], [width - 1, 0, 1], [0, height - 1, 1], [width - 1, height - 1, 1]])
        box = (corners @ matrix.T)[:, :2]
        left, top = (np.floor(box.min(0) / step) * step).astype(int).tolist()
        right, bottom = (np.ceil((box.max(0) + 1) / step) * step).astype(int).tolist()
        placed = matrix[:2].copy()
        placed[:, 2] -= left, top
        is_resting = np.array_equal(matrix, np.eye(3))
        return cls(placed, (top, left), (bottom - top, right - left), is_resting)

    def lay(self, planes: np.ndarray) -> np.ndarray:
        """Lay a frame, float32 of shape (3, H, W), on the canvas; what it does not reach mirrors it."""
        height, width = self.size
        if self.is_resting:
            bottom, right = height - planes.shape[1], width - planes.shape[2]
            # As OpenCV's BORDER_REFLECT, which numpy calls symmetric.
            return (
                np.pad(planes, ((0, 0), (0, bottom), (0, right)), "symmetric") if bottom or right else planes
            )
        laid = np.empty((len(planes), height, width), np.float32)
        for plane, out in zip(planes, laid, strict=True):  # one by one, in half the time of all together
            cv2.warpAffine(plane, self.matrix, (width, height), out, LAY, cv2.BORDER_REFLECT)
        return laid.clip(0, 1, out=laid)

    def lift(self, painting: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        """Bring a painting of the canvas, float32 of shape (3, H, W), back to a frame of shape (H, W, 3)."""
        height, width = shape
        picture = cv2.merge(list(painting))
        if self.is_resting:
            return picture[:height, :width].clip(0, 1)
        lifted = cv2.warpAffine(
            picture, self.matrix, (width, height), flags=LIFT, borderMode=cv2.BORDER_REPLICATE
        )
        return lifted.clip(0, 1, out=lifted)
