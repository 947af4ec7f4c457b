"""The mask of the frames of a clip: found now and then, and carried along by the flow between."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from stylecore.video.camera import camera_flow
from stylecore.video.flow import positions
from stylecore.video.following import Motion
from stylecore.video.mask_edges import snap_to_edges

EVERY = 10  # frames from one search to the next
FADE = 3  # frames in which a mask that was carried gives way to one that was found
UNCOVERED = 1 / 80  # of the long side: how far from a border what comes into view is expected


class MaskFollower:
    """Finds a mask in every tenth frame and where a scene starts, and carries it along in between.

    What is found replaces what was carried over some frames, so that no border jumps.

    Args:
        find: Returns the mask of a frame of shape (H, W, 3), as uint8 of shape (H, W).
        has_edges: Whether the mask ends at edges of the frame, to which it is then moved after each step.
    """

    def __init__(self, find: Callable[[np.ndarray], np.ndarray], *, has_edges: bool = True) -> None:
        self._find, self._has_edges, self._matrix = find, has_edges, np.eye(3)
        self._newest = np.zeros((0, 0), np.float32)
        self._former: np.ndarray | None = None  # what the newest one replaces, until it has
        self._age = 0  # of the newest mask, in frames

    def __call__(self, pixels: np.ndarray, motion: Motion, shape: tuple[int, int]) -> np.ndarray:
        """Go on to the next frame.

        Args:
            pixels: uint8 of shape (H, W, 3); all frames have the same size.
            motion: How the frame follows from the one before.
            shape: Height and width at which the motion was found.
        Returns:
            Mask in [0, 1], float32 of shape (H, W).
        """
        if motion.flow is None:
            self._former, self._newest = None, self._search(pixels)
        else:
            places, trust = self._places(motion, shape, pixels.shape[:2])
            self._age += 1
            self._newest = self._carried(self._newest, pixels, places, trust)
            if self._age == EVERY:
                self._former, self._newest = self._newest, self._search(pixels)
            elif self._former is not None:
                is_needed = self._age < FADE
                self._former = self._carried(self._former, pixels, places, trust) if is_needed else None
        self._matrix = motion.matrix
        if self._former is None:
            return self._newest
        share = np.float32((self._age + 1) / (FADE + 1))
        return self._former + share * (self._newest - self._former)

    def _search(self, pixels: np.ndarray) -> np.ndarray:
        self._age = 0
        return np.multiply(self._find(pixels), np.float32(1 / 255), dtype=np.float32)

    def _places(
        self, motion: Motion, shape: tuple[int, int], full: tuple[int, int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Where each pixel was in the former frame, x before y, float32 of shape (H, W, 2), and the trust."""
        before = motion.matrix if motion.is_new_canvas else self._matrix
        field = np.dstack((motion.flow, motion.trust))
        field = cv2.warpAffine(field, motion.to_frame[:2], shape[::-1], borderMode=cv2.BORDER_REPLICATE)
        field[..., :2] += camera_flow(before, motion.matrix, shape)
        if full != shape:
            field = cv2.resize(field, full[::-1]) * np.float32((full[1] / shape[1], full[0] / shape[0], 1))
        return positions(*full) + field[..., :2], field[..., 2]

    def _carried(
        self, mask: np.ndarray, pixels: np.ndarray, places: np.ndarray, trust: np.ndarray
    ) -> np.ndarray:
        """Mask of the former frame where its parts are now.

        What is not trusted next to a border is what has just come into view: it belongs to what lies behind.
        """
        moved = cv2.remap(mask, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        side = 2 * round(UNCOVERED * max(moved.shape)) + 1
        behind = cv2.erode(moved, np.ones((side, side), np.uint8))
        moved = behind + trust * (moved - behind)
        return snap_to_edges(moved, pixels) if self._has_edges else moved
