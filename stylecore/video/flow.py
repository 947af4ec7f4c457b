"""Motion between two frames: optical flow in both directions, and how far it can be trusted.

Flows are float32 of shape (h, w, 2) in pixels, x before y, at half the size at which the camera is followed.
The backward flow of a frame says where each of its pixels was in the frame before.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

SIDE = 960  # px, long side at which the camera is followed, twice that of the flow
COLOR = 0.08 * 255  # difference in color after warping up to which a pixel is trusted fully
# In pixels of the flow:
ALLOWED = 0.25  # px^2, disagreement of forward and backward flow, next to 1 % of their squares
WINDOW = 7  # px, within which the camera's motion and the flow are compared
FAR = 1.0  # px, distance from the flow up to which the camera's motion may replace it
APART = 0.1  # share of an area that the camera does not explain, from which it moves by itself
AREA = (9, 9)  # px
FADING = 3.0  # of 255, change of the mean color of an area from which it fades
FADED = 0.2  # share of a view that does, from which it is a fade, and one wholly from twice of it
SOFT = (3, 3)  # px, means of what is compared pixel by pixel
SLACK = 1.0  # of 255, by which the camera's motion may fit less


@dataclass(frozen=True)
class View:
    """A frame at the sizes at which motion is judged.

    Attributes:
        gray: uint8 of shape (H, W), for the camera.
        pixels: uint8 of shape (h, w, 3), half the size, for the flow.
        half: uint8 of shape (h, w), likewise.
        scale: Width and height of the frame divided by those of `gray`.
        half_scale: The same of `half`.
    """

    gray: np.ndarray
    pixels: np.ndarray
    half: np.ndarray
    scale: tuple[float, float]
    half_scale: tuple[float, float]

    @classmethod
    def of(cls, pixels: np.ndarray) -> View:
        height, width = pixels.shape[:2]
        ratio = min(1.0, SIDE / max(height, width))
        size = round(width * ratio), round(height * ratio)
        half = max(16, size[0] // 2), max(16, size[1] // 2)
        area = cv2.INTER_AREA
        gray = cv2.cvtColor(
            pixels if ratio == 1 else cv2.resize(pixels, size, interpolation=area), cv2.COLOR_RGB2GRAY
        )
        small = cv2.resize(pixels, half, interpolation=area)
        scale, half_scale = ((width / each[0], height / each[1]) for each in (size, half))
        return cls(gray, small, cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), scale, half_scale)


class BackwardFlow:
    """Finds the flow from a view to the one before, and how far each pixel of it can be trusted.

    Source: Kroeger et al. (2016), DIS; Sundaram et al. (2010), section 4, for the consistency. Differs: what
        they reject falls from 1 to 0 between the bound and three times of it.
    """

    def __init__(self) -> None:
        self._back = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        # For the comparison alone: larger steps between patches, less refinement, the same resolution.
        self._forth = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        self._forth.setFinestScale(self._back.getFinestScale())
        self._forth.setVariationalRefinementIterations(3)

    def __call__(self, before: View, now: View) -> tuple[np.ndarray, np.ndarray]:
        """Find the flow.

        Returns:
            Flow of shape (h, w, 2), and trust in [0, 1] of shape (h, w): 0 outside of the former view, where
            forward and backward flow disagree, and where the color is another.
        """
        back = self._back.calc(now.half, before.half, None)
        forth = self._forth.calc(before.half, now.half, None)
        places = positions(*now.half.shape) + back
        returned = cv2.remap(forth, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        allowed = 0.01 * (_squared(back) + _squared(returned)) + ALLOWED
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
        Flow apart from the camera's, 0 for what moves with it, and trust as mixed.
    """
    grid = positions(*now.half.shape)
    own, still = (_difference(before, now, grid + each) for each in (flow, camera))
    share = ((own + 2 * SLACK - still) / SLACK).clip(0, 1)
    apart = flow - camera
    near = ((2 * FAR - np.sqrt(_squared(apart))) / FAR).clip(0, 1)
    share *= np.maximum(near, _is_mistaken(near, share))
    share = cv2.blur(share, SOFT)
    of_camera = color_trust(before, now, grid + camera)
    return (1 - share)[..., None] * apart, trust + share * (of_camera - trust)


def _is_mistaken(near: np.ndarray, explained: np.ndarray) -> np.ndarray:
    """Where the flow is far from the camera's motion, in areas that do not move apart from the camera.

    The flow mistakes what looks alike along an edge. The camera explains such an area as a whole, but of what
    moves by itself, however even, not the edges.

    Args:
        near: How near the flow is to the camera's, shape (h, w) in [0, 1].
        explained: How far the camera's motion explains the view, shape (h, w) in [0, 1].
    Returns:
        bool of shape (h, w).
    """
    is_far = cv2.dilate((near < 1).astype(np.uint8), np.ones((5, 5), np.uint8))
    _, areas = cv2.connectedComponents(is_far)
    areas = areas.ravel()
    against = np.bincount(areas, (1 - explained).ravel())
    return (against < APART * np.bincount(areas))[areas].reshape(near.shape)


def color_trust(before: View, now: View, places: np.ndarray) -> np.ndarray:
    """1 where the former view has the same color at `places`, 0 where another, or outside of it.

    Where much of a view changes, the mean color of an area may do so far less than that of a pixel: else a
    painting would be behind while a scene fades into another.
    """
    height, width = now.half.shape
    x, y = places[..., 0], places[..., 1]
    is_inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    former = cv2.remap(before.pixels, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    difference = cv2.blur(_largest(cv2.absdiff(former, now.pixels)).astype(np.float32), SOFT)
    of_pixels = ((3 * COLOR - difference) / (2 * COLOR)).clip(0, 1)
    change = cv2.blur(cv2.subtract(former, now.pixels, dtype=cv2.CV_16S), AREA)
    change = _largest(cv2.absdiff(change, 0)).astype(np.float32)
    has_faded = ((change - FADING) / (2 * FADING)).clip(0, 1)
    is_fade = min(max(float(has_faded.mean()) / FADED - 1, 0), 1)
    return of_pixels * (1 - is_fade * has_faded) * is_inside


def _largest(picture: np.ndarray) -> np.ndarray:
    """The largest of the three channels of each pixel; numpy takes fifty times as long."""
    red, green, blue = cv2.split(picture)
    return cv2.max(cv2.max(red, green), blue)


def _difference(before: View, now: View, places: np.ndarray) -> np.ndarray:
    """Mean difference in brightness of a view from the former one at `places`, around each pixel."""
    former = cv2.remap(before.half, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return cv2.blur(cv2.absdiff(former, now.half).astype(np.float32), (WINDOW, WINDOW))


def positions(height: int, width: int) -> np.ndarray:
    """Coordinates of all pixels, x before y, float32 of shape (H, W, 2)."""
    grid = np.empty((height, width, 2), np.float32)
    grid[..., 0], grid[..., 1] = (
        np.arange(width, dtype=np.float32),
        np.arange(height, dtype=np.float32)[:, None],
    )
    return grid


def _squared(flow: np.ndarray) -> np.ndarray:
    return flow[..., 0] ** 2 + flow[..., 1] ** 2
