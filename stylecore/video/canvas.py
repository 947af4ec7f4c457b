"""The canvas: a frame laid where the camera looks, so that the network paints the same strokes again.

The network works in cells of 4 px and reads its noise by place. A frame that moves by one pixel is another
painting to it, unless it is painted in the coordinates of a canvas that stands still.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from stylecore.images.arrays import LUMA

LAY = cv2.INTER_CUBIC
SHARPLY, SOFTLY = cv2.INTER_LANCZOS4 | cv2.WARP_INVERSE_MAP, cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
FINE = 1 << 14  # steps of an int16 from black to white, which leaves room for ringing
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

    def lay(self, pixels: np.ndarray) -> np.ndarray:
        """Lay a frame, uint8 of shape (H, W, 3), on the canvas; what it does not reach mirrors it.

        Returns:
            float32 of shape (3, h, w) in [0, 1].
        """
        height, width = self.size
        bottom, right = height - pixels.shape[0], width - pixels.shape[1]
        laid = np.empty((3, height, width), np.float32)
        for plane, out in zip(cv2.split(pixels), laid, strict=True):
            if self.is_resting:
                whole = cv2.copyMakeBorder(plane, 0, bottom, 0, right, cv2.BORDER_REFLECT)
                np.multiply(whole, np.float32(1 / 255), out)
            else:  # as float32, and one by one, which takes a third of the time of all together
                plane = np.multiply(plane, np.float32(1 / 255))
                cv2.warpAffine(plane, self.matrix, (width, height), out, LAY, cv2.BORDER_REFLECT)
                np.clip(out, 0, 1, out)
        return laid

    def lift(self, painting: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        """Bring a painting of the canvas, float32 of shape (3, h, w), back to a frame.

        Returns:
            uint8 of shape (H, W, 3).
        """
        height, width = shape
        if self.is_resting:
            return cv2.merge([_to_8_bit(plane[:height, :width]) for plane in painting])
        # Lanczos interpolation for the brightness, cubic for what the colors differ from it: video has colors
        # at half the resolution. By Lanczos OpenCV takes twice the time for float32, and more for uint8.
        planes = [self._lift(plane, (width, height), SOFTLY) for plane in painting]
        fine = cv2.multiply(_luma(painting), FINE, dtype=cv2.CV_16S)
        sharp = cv2.multiply(self._lift(fine, (width, height), SHARPLY), 1 / FINE, dtype=cv2.CV_32F)
        lacking = sharp - _luma(planes)
        return cv2.merge([_to_8_bit(cv2.add(plane, lacking, plane)) for plane in planes])

    def _lift(self, plane: np.ndarray, size: tuple[int, int], way: int) -> np.ndarray:
        return cv2.warpAffine(plane, self.matrix, size, flags=way, borderMode=cv2.BORDER_REPLICATE)


def _luma(planes: Sequence[np.ndarray]) -> np.ndarray:
    red, green, blue = planes
    luma = cv2.addWeighted(red, float(LUMA[0]), green, float(LUMA[1]), 0)
    return cv2.scaleAdd(blue, float(LUMA[2]), luma, luma)


def _to_8_bit(plane: np.ndarray) -> np.ndarray:
    return cv2.multiply(plane, 255, dtype=cv2.CV_8U)  # rounds and clips


@dataclass(frozen=True)
class LaidPainting:
    """A painted part of the canvas.

    Attributes:
        planes: float32 of shape (3, h, w).
        placement: Where the frame lies that it is the painting of.
        shape: Height and width of the frame.
    """

    planes: np.ndarray
    placement: Placement
    shape: tuple[int, int]

    def lifted(self) -> np.ndarray:
        """The painting brought back to the frame, uint8 of shape (H, W, 3)."""
        return self.placement.lift(self.planes, self.shape)
