"""Motion of the camera: where each frame lies on a canvas that stands still."""

from __future__ import annotations

import cv2
import numpy as np

ROWS, COLUMNS = 4, 6  # of cells, each of which gives equally many corners
CORNERS = 12  # in a cell
LEAST_CORNERS = 8  # for a fit
SCALES = (0.8, 1.25)  # of the frame on its canvas
MAX_TURN = 0.2  # radians
STILL = 0.1  # px, median residual below which the camera stands still
NOISY = 1.3  # times the residual of a new fit: below, sensor noise explains the residual
_LK = {"winSize": (11, 11), "criteria": (cv2.TERM_CRITERIA_COUNT + cv2.TERM_CRITERIA_EPS, 10, 0.03)}
LEVELS = 3  # of halving, by which corners are looked for far away


class Camera:
    """Follows the camera from frame to frame by corners.

    Corners are tracked from frame to frame, and fitted to where they stood on the canvas when they were first
    seen, so that errors do not add up. All cells give the same number, so that the largest part of the
    picture decides, not the busiest.

    Attributes:
        matrix: Similarity of shape (3, 3) from pixels of the frame to the canvas, x before y; float64.
    Source: Lucas and Kanade (1981) for the tracking, Fischler and Bolles (1981), RANSAC, for the fit.
    """

    def __init__(self) -> None:
        self.matrix = np.eye(3)
        self._before: np.ndarray | None = None
        self._points = self._places = np.zeros((0, 2), np.float32)

    def restart(self, gray: np.ndarray) -> None:
        """Begin a canvas with a frame, uint8 of shape (H, W)."""
        self.matrix, self._before = np.eye(3), gray
        self._points = self._places = np.zeros((0, 2), np.float32)
        self._find_corners(gray)

    def follow(self, gray: np.ndarray) -> None:
        """Go on to the next frame; begins a new canvas where too little is left of the old one."""
        self._track(gray)
        fit, used = None, None
        if len(self._points) >= LEAST_CORNERS:
            cv2.setRNGSeed(0)  # of RANSAC, so that each run gives the same
            fit, used = cv2.estimateAffinePartial2D(
                self._points, self._places, ransacReprojThreshold=0.75, maxIters=1000, refineIters=20
            )
        if fit is None:
            self.restart(gray)
            return
        near = used.ravel().astype(bool)
        self._points, self._places = self._points[near], self._places[near]
        moved = np.vstack((fit, (0, 0, 1)))
        if self._residual(self.matrix) > max(STILL, NOISY * self._residual(moved)):
            self.matrix = moved
        scale = np.sqrt(np.linalg.det(self.matrix[:2, :2]))
        turn = np.arctan2(self.matrix[1, 0], self.matrix[0, 0])
        if not SCALES[0] < scale < SCALES[1] or abs(turn) > MAX_TURN:
            self.restart(gray)
        else:
            self._find_corners(gray)

    def _residual(self, matrix: np.ndarray) -> float:
        """Median distance of the corners from their places on the canvas, in pixels."""
        return float(np.median(np.linalg.norm(_moved(self._points, matrix) - self._places, axis=1)))

    def _track(self, gray: np.ndarray) -> None:
        """Move the corners to the frame; those that do not come back to where they were are dropped."""
        if len(self._points):
            moved, found, _ = cv2.calcOpticalFlowPyrLK(
                self._before, gray, self._points, None, maxLevel=LEVELS, **_LK
            )
            returned, found_back, _ = cv2.calcOpticalFlowPyrLK(
                gray,
                self._before,
                moved,
                self._points.copy(),
                maxLevel=0,
                flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
                **_LK,
            )
            kept = (found & found_back).ravel().astype(bool)
            kept &= np.linalg.norm(returned - self._points, axis=1) < 0.5
            self._points, self._places = moved[kept], self._places[kept]
        self._before = gray

    def _find_corners(self, gray: np.ndarray) -> None:
        """Add corners in the cells that have lost half of theirs."""
        height, width = gray.shape[0] // ROWS, gray.shape[1] // COLUMNS
        edges = np.arange(ROWS + 1) * height, np.arange(COLUMNS + 1) * width
        present, _, _ = np.histogram2d(self._points[:, 1], self._points[:, 0], edges)
        missing = CORNERS - present.astype(int)
        if missing.max() <= CORNERS / 2:
            return
        free = np.full(gray.shape, 255, np.uint8)
        for x, y in self._points:
            cv2.circle(free, (int(x), int(y)), 8, 0, -1)
        for row, column in np.argwhere(missing > CORNERS / 2).tolist():
            top, left = row * height, column * width
            cell = slice(top, top + height), slice(left, left + width)
            most = int(missing[row, column])
            found = cv2.goodFeaturesToTrack(gray[cell], most, 0.05, 8, mask=free[cell])
            if found is not None:
                found = found[:, 0] + np.float32((left, top))
                self._points = np.vstack((self._points, found)).astype(np.float32)
                places = _moved(found, self.matrix).astype(np.float32)
                self._places = np.vstack((self._places, places))


def _moved(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    return points @ matrix[:2, :2].T + matrix[:2, 2]


def camera_flow(before: np.ndarray, now: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Backward flow of what moves with the camera, from its matrices at two frames, (H, W, 2) in pixels."""
    step = np.linalg.inv(before) @ now
    height, width = shape
    x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]
    flow = np.empty((height, width, 2), np.float32)
    flow[..., 0] = (step[0, 0] - 1) * x + step[0, 1] * y + step[0, 2]
    flow[..., 1] = step[1, 0] * x + (step[1, 1] - 1) * y + step[1, 2]
    return flow


def to_larger(scale: tuple[float, float]) -> np.ndarray:
    """Matrix of shape (3, 3) from pixels to ones that are smaller by `scale`, x before y.

    Pixel centers lie at whole numbers.
    """
    return np.array([[scale[0], 0, scale[0] / 2 - 0.5], [0, scale[1], scale[1] / 2 - 0.5], [0, 0, 1]])


def rescaled(matrix: np.ndarray, scale: tuple[float, float]) -> np.ndarray:
    """A camera's matrix for pixels that are smaller by `scale`."""
    larger = to_larger(scale)
    return larger @ matrix @ np.linalg.inv(larger)
