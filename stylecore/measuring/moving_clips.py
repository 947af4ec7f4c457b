"""Clips whose motion is known: made from photos with exact flow, or read from files with estimated flow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from stylecore.errors import ClipError
from stylecore.images.sizes import size_at
from stylecore.video.flow import positions
from stylecore.video.limits import ClipLimits
from stylecore.video.reading import open_clip

WIDTH, HEIGHT = 480, 320  # px of the clips that are made
LONG_SIDE = 640  # px, to which clips from files are scaled down
NOISE = 3.0  # of 255, deviation of the sensor noise
PAN = np.float32((1.24, -0.47))  # px of the photo a frame
ZOOM = 0.996  # a frame
BEHIND, BEFORE = np.float32((1.9, 0.3)), np.float32((-2.5, 0.6))  # px a frame, of background and cut-out


@dataclass(frozen=True)
class MovingClip:
    """Frames, and where each pixel was in the frame before.

    Attributes:
        name: For the report.
        frames: uint8 of shape (H, W, 3).
        flows: Backward flow of each frame but the first, float32 of shape (H, W, 2), x before y.
        visible: Where that flow holds, bool of shape (H, W).
    """

    name: str
    frames: Sequence[np.ndarray]
    flows: Sequence[np.ndarray]
    visible: Sequence[np.ndarray]


def pan_and_zoom(photo: Image.Image, count: int) -> MovingClip:
    """A camera that pans slowly over a photo and zooms in, with exact flow."""
    pixels = np.asarray(photo.resize(size_at(1.7 * WIDTH, photo.size), Image.Resampling.LANCZOS))
    grid, middle = positions(HEIGHT, WIDTH), np.float32((WIDTH / 2, HEIGHT / 2))
    start = np.float32((pixels.shape[1] * 0.42, pixels.shape[0] * 0.5))
    frames, flows, visible = [], [], []
    for index in range(count):
        scale = 1.12 * ZOOM**index
        places = start + PAN * index + (grid - middle) * np.float32(scale)
        frames.append(_rounded(_sample(pixels, places)))
        if index:
            before = (places - start - PAN * (index - 1)) / np.float32(scale / ZOOM) + middle
            flows.append(before - grid)
            visible.append(inside(flows[-1]))
    return MovingClip("pan and zoom", frames, flows, visible)


def moving_cutout(background: Image.Image, front: Image.Image, count: int) -> MovingClip:
    """A cut-out of one photo moves to the left over another that moves to the right; noise, exact flow."""
    far = np.asarray(background.resize(size_at(1.6 * WIDTH, background.size), Image.Resampling.LANCZOS))
    near = np.asarray(front.resize(size_at(0.8 * WIDTH, front.size), Image.Resampling.LANCZOS))
    grid, center = positions(HEIGHT, WIDTH), np.float32((0.67 * WIDTH, 0.47 * HEIGHT))
    middle = np.float32((near.shape[1] / 2, near.shape[0] / 2))
    random = np.random.default_rng(1)

    def cover(index: int, places: np.ndarray) -> np.ndarray:
        """How far the cut-out, an ellipse, covers places of a frame, 0 to 1."""
        offset = (places - center - BEFORE * index) / np.float32((0.16 * WIDTH, 0.35 * HEIGHT))
        return ((1 - (offset**2).sum(-1)) * 25 + 0.5).clip(0, 1)

    frames, flows, visible = [], [], []
    for index in range(count):
        alpha = cover(index, grid)
        behind = _sample(far, grid - BEHIND * index + np.float32((0.3 * WIDTH, 0.2 * HEIGHT)))
        before = _sample(near, grid - center - BEFORE * index + middle)
        frame = behind + alpha[..., None] * (before - behind)
        frames.append(_rounded(frame + random.normal(0, NOISE, frame.shape)))
        if index:
            flows.append(np.where(alpha[..., None] > 0.5, -BEFORE, -BEHIND).astype(np.float32))
            former = cover(index - 1, grid + flows[-1])
            is_clear = ((alpha > 0.99) & (former > 0.99)) | ((alpha < 0.01) & (former < 0.01))
            visible.append(inside(flows[-1]) & is_clear)
    return MovingClip("cut-out", frames, flows, visible)


def read_moving_clip(path: Path, count: int) -> MovingClip:
    """The first frames of a file, with flow that is estimated at full size, finer than for painting.

    Raises:
        ClipError: It cannot be read, or has a single frame.
    """
    reader = open_clip(path, ClipLimits.from_environment())
    frames = []
    for frame in islice(reader.frames(), count):
        height, width = frame.pixels.shape[:2]
        size = size_at(min(LONG_SIDE, max(height, width)), (width, height))
        frames.append(cv2.resize(frame.pixels, size, interpolation=cv2.INTER_AREA))
    if len(frames) < 2:
        raise ClipError(f"{path.name} has {len(frames)} frame: at least 2 are needed")
    estimate = _flow_estimator()
    flows, visible = [], []
    for before, now in pairwise(frames):
        back, forth = estimate(now, before), estimate(before, now)
        places = positions(*back.shape[:2]) + back
        error = back + cv2.remap(forth, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        allowed = 0.01 * ((back**2).sum(-1) + ((error - back) ** 2).sum(-1)) + 0.5  # Sundaram et al. (2010)
        flows.append(back)
        visible.append(inside(back) & ((error**2).sum(-1) < allowed))
    return MovingClip(path.stem, frames, flows, visible)


def inside(flow: np.ndarray) -> np.ndarray:
    """Where a flow points into the picture."""
    height, width = flow.shape[:2]
    x, y = np.moveaxis(positions(height, width) + flow, -1, 0)
    return (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)


def _flow_estimator() -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    method = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def estimate(source: np.ndarray, target: np.ndarray) -> np.ndarray:
        grays = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in (source, target)]
        return method.calc(*grays, None)

    return estimate


def _sample(pixels: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Values of a photo between its pixels, float32 of 0 to 255."""
    places = places.astype(np.float32)
    return cv2.remap(
        pixels.astype(np.float32), places, None, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REFLECT
    )


def _rounded(frame: np.ndarray) -> np.ndarray:
    return np.rint(frame.clip(0, 255)).astype(np.uint8)
