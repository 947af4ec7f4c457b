"""Motion between two frames: optical flow in both directions, and how far it can be trusted.

Flows are float32 of shape (H, W, 2) in pixels, x before y. The backward flow of a frame says where each of
its pixels was in the frame before.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

SIDE = 960  # px, long side at which motion is judged; larger frames are scaled down
COLOR = 0.08 * 255  # difference in color after warping up to which a pixel is trusted fully
WINDOW = 15  # px, within which the camera's motion and the flow are compared
SLACK = 1.0  # of 255, by which the camera's motion may fit less
FAR = 3.0  # px, distance from the flow up to which the camera's motion may replace it
CUT = 0.25  # mean trust below which a frame shows another scene


@dataclass(frozen=True)
class View:
    """A frame at the size at which motion is judged.

    Attributes:
        pixels: uint8 of shape (h, w, 3).
        gray: uint8 of shape (h, w).
        half: The same at half the size, for the flow.
        scale: Width and height of the frame divided by those of the view.
    """

    pixels: np.ndarray
    gray: np.ndarray
    half: np.ndarray
    scale: tuple[float, float]

    @classmethod
    def of(cls, pixels: np.ndarray) -> View:
        height, width = pixels.shape[:2]
        ratio = min(1.0, SIDE / max(height, width))
        size = round(width * ratio), round(height * ratio)
        small = pixels if ratio == 1 else cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        gray = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
        half = cv2.resize(gray, (max(16, size[0] // 2), max(16, size[1] // 2)), interpolation=cv2.INTER_AREA)
        return cls(small, gray, half, (width / size[0], height / size[1]))


def backward_flow(before: View, now: View) -> tuple[np.ndarray, np.ndarray]:
    """Flow from a view to the one before, and how far each pixel of it can be trusted.

    Returns:
        Flow of shape (h, w, 2), and trust in [0, 1] of shape (h, w): 0 outside of the former view, where
        forward and backward flow disagree, and where the color is another.
    Source: Kroeger et al. (2016), DIS; Sundaram et al. (2010), section 4, for the consistency. Differs: what
        they reject falls from 1 to 0 between the bound and three times of it.
    """
    method = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    back = _upscaled(method.calc(now.half, before.half, None), now.gray.shape)
    forth = _upscaled(method.calc(before.half, now.half, None), now.gray.shape)
    places = positions(*now.gray.shape) + back
    returned = cv2.remap(forth, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    allowed = 0.01 * (_squared(back) + _squared(returned)) + 0.5  # px^2
    trust = ((3 - _squared(back + returned) / allowed) / 2).clip(0, 1)
    return back, trust * color_trust(before, now, places)


def follow_camera(
    flow: np.ndarray, trust: np.ndarray, camera: np.ndarray, before: View, now: View
) -> tuple[np.ndarray, np.ndarray]:
    """Use the camera's motion where it explains a view as well as the flow does.

    On walls and skies the flow is a guess, and where it is right it is still less exact than the camera.

    Args:
        flow: Backward flow, shape (h, w, 2).
        trust: Of the flow, shape (h, w).
        camera: Backward flow of what moves with the camera, shape (h, w, 2).
        before: The view that the flows lead to.
        now: The view that they start from.
    Returns:
        Flow and trust as mixed.
    """
    grid = positions(*now.gray.shape)
    own, still = (_difference(before, now, grid + each) for each in (flow, camera))
    share = ((own + 2 * SLACK - still) / SLACK).clip(0, 1)
    difference = camera - flow
    far = np.sqrt(_squared(difference))
    share *= ((2 * FAR - far) / FAR).clip(0, 1)
    share = cv2.blur(share, (5, 5))
    of_camera = color_trust(before, now, grid + camera)
    return flow + share[..., None] * difference, trust + share * (of_camera - trust)


def color_trust(before: View, now: View, places: np.ndarray) -> np.ndarray:
    """1 where the former view has the same color at `places`, 0 where another, or outside of it."""
    height, width = now.gray.shape
    x, y = places[..., 0], places[..., 1]
    is_inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    former = cv2.remap(before.pixels, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    difference = cv2.blur(cv2.absdiff(former, now.pixels).max(-1).astype(np.float32), (5, 5))
    return ((3 * COLOR - difference) / (2 * COLOR)).clip(0, 1) * is_inside


def _difference(before: View, now: View, places: np.ndarray) -> np.ndarray:
    """Mean difference in brightness of a view from the former one at `places`, round each pixel."""
    former = cv2.remap(before.gray, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return cv2.blur(cv2.absdiff(former, now.gray).astype(np.float32), (WINDOW, WINDOW))


def positions(height: int, width: int) -> np.ndarray:
    """Coordinates of all pixels, x before y, float32 of shape (H, W, 2)."""
    grid = np.empty((height, width, 2), np.float32)
    grid[..., 0], grid[..., 1] = (
        np.arange(width, dtype=np.float32),
        np.arange(height, dtype=np.float32)[:, None],
    )
    return grid


def warp(picture: np.ndarray, back: np.ndarray) -> np.ndarray:
    """Move the picture before to where its parts are now, by Lanczos interpolation."""
    places = positions(*back.shape[:2]) + back
    return cv2.remap(picture, places, None, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REPLICATE)


def _upscaled(flow: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    height, width = shape
    factor = np.float32((width / flow.shape[1], height / flow.shape[0]))
    return cv2.resize(flow, (width, height)) * factor


def _squared(flow: np.ndarray) -> np.ndarray:
    return flow[..., 0] ** 2 + flow[..., 1] ** 2
