"""Painting of frames in one look: the size of the strokes, steadiness, strength and colors."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from stylecore.images.arrays import from_batch, to_batch
from stylecore.images.colors import flatten_content
from stylecore.images.sizes import MIN_SIDE
from stylecore.instant import blending
from stylecore.instant.stylizer import MAX_WORKING_MEGAPIXELS, WORKING_SIDE, FastStylizer
from stylecore.styles.catalog import Style
from stylecore.video.canvas import LaidPainting
from stylecore.video.following import Motion
from stylecore.video.frames import Frame
from stylecore.video.steadying import SteadyPainter

NOISE_SIDE = 1024  # px, after which the noise repeats


@dataclass(frozen=True)
class Look:
    """How a clip is painted.

    Attributes:
        parts: Styles with weights and rows, from `resolve_styles` and `with_rows`.
        strength: 0 gives the clip, 1 the style, up to 2 exaggerates it.
        preserve_color: Whether to keep the clip's colors.
        stroke_scale: Size of the brush marks, relative to those at which a frame is painted by default.
        fine: Whether to paint with the finer network.
        steadiness: 0 paints each frame for itself, 1 is the steadiest.
    """

    parts: Mapping[Style, float]
    strength: float = 1.0
    preserve_color: bool = False
    stroke_scale: float = 1.0
    fine: bool = True
    steadiness: float = 1.0


@dataclass(frozen=True)
class MovedFrame:
    """A frame that is to be painted, and its motion.

    Attributes:
        frame: The frame.
        pixels: Its pixels, flattened on their transparency.
        source: The same at the size at which they are painted.
        motion: Of `source`; None if each frame is painted for itself.
    """

    frame: Frame
    pixels: np.ndarray
    source: np.ndarray
    motion: Motion | None


class FramePainter:
    """Paints the frames of one clip in their order.

    Frames are scaled to the size at which they are painted, kept steady there, and scaled back: a clip needs
    no detail finer than its strokes, as a photo does, and it would flicker.

    Args:
        stylizer: The engine.
        look: How to paint.
        size: Width and height of the frames in pixels.
    """

    def __init__(self, stylizer: FastStylizer, look: Look, size: tuple[int, int]) -> None:
        self._stylizer, self._look = stylizer, look
        self._is_across = len({part.model for part in look.parts}) > 1
        max_megapixels = min(MAX_WORKING_MEGAPIXELS, stylizer.max_megapixels(look.parts))
        self._size = painting_size(size, look.stroke_scale, max_megapixels=max_megapixels)
        self._steady = SteadyPainter(self._paint, steadiness=look.steadiness)

    @property
    def cuts(self) -> int:
        """Number of cuts found so far."""
        return self._steady.cuts

    def __call__(self, frame: Frame) -> Frame:
        """Paint the next frame; alpha is kept."""
        return self.paint(self.follow(frame))()

    def follow(self, frame: Frame) -> MovedFrame:
        """Find how the next frame moved; may run ahead of the painting, in another thread."""
        pixels = frame.pixels
        if frame.alpha is not None:
            pixels = np.asarray(flatten_content(Image.fromarray(np.dstack((pixels, frame.alpha)))))
        source = _resized(pixels, self._size)
        return MovedFrame(frame, pixels, source, self._steady.follow(source))

    def paint(self, moved: MovedFrame) -> Callable[[], Frame]:
        """Paint the next frame, as `follow` returned it; alpha is kept.

        Returns:
            Completes the frame, in any thread.
        """
        painting = self._steady(moved.source, moved.motion)
        return lambda: self._completed(moved, painting)

    def _completed(self, moved: MovedFrame, painting: LaidPainting) -> Frame:
        frame, pixels = moved.frame, moved.pixels
        painted = _resized(painting.lifted(), (pixels.shape[1], pixels.shape[0]))
        if self._look.strength != 1 or self._look.preserve_color:
            painted = self._mixed(pixels, painted)
        return Frame(painted, frame.alpha, frame.start_s, frame.duration_s)

    def _mixed(self, pixels: np.ndarray, painted: np.ndarray) -> np.ndarray:
        content, stylized = (to_batch(Image.fromarray(each)) for each in (pixels, painted))
        if self._look.preserve_color:
            stylized = blending.preserve_color(content, stylized)
        return np.asarray(from_batch(blending.apply_strength(content, stylized, self._look.strength)))

    def _paint(self, planes: np.ndarray, origin: tuple[int, int]) -> np.ndarray:
        """Paint a part of the canvas, float32 of shape (3, H, W)."""
        return self._stylizer.paint_batch(
            planes[None],
            self._look.parts,
            fine=self._look.fine or self._is_across,
            noise_origin=(origin[0] % NOISE_SIDE, origin[1] % NOISE_SIDE),
        )[0]


def painting_size(
    size: tuple[int, int], stroke_scale: float, *, max_megapixels: float = MAX_WORKING_MEGAPIXELS
) -> tuple[int, int]:
    """Width and height at which a frame is painted.

    At a stroke scale of 1, frames of up to 1,024 px are painted at their own size, larger ones at that size.
    """
    width, height = size
    side = max(min(max(size), 2 * min(size)), max(size) / 2)  # as for photos, see `working_size`
    ratio = min(stroke_scale * max(1.0, side / WORKING_SIDE), min(size) / MIN_SIDE)
    ratio = max(ratio, math.sqrt(width * height / (max_megapixels * 1e6)))
    return max(MIN_SIDE, round(width / ratio)), max(MIN_SIDE, round(height / ratio))


def _resized(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    if pixels.shape[1::-1] == size:
        return pixels
    is_smaller = size[0] < pixels.shape[1]
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if is_smaller else cv2.INTER_LANCZOS4)
