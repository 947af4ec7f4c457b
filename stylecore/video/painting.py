"""Painting of frames in one look: the size of the strokes, steadiness, strength and colors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from stylecore.images.arrays import from_batch, to_batch
from stylecore.images.colors import flatten_content
from stylecore.images.sizes import MIN_SIDE
from stylecore.instant import blending
from stylecore.instant.enlarging import LEAST_FACTOR, enlarge
from stylecore.instant.stylizer import MAX_WORKING_MEGAPIXELS, WORKING_SIDE, FastStylizer
from stylecore.styles.catalog import Style
from stylecore.video.following import Motion
from stylecore.video.frames import Frame
from stylecore.video.steadying import SteadyPainter

CELL = 4  # px, the network's grid
NOISE_SIDE = 1024  # px, after which the noise repeats
RATIO_STEPS = 4  # by which frames are scaled down are multiples of a quarter, so that cells keep their places


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
    """A frame that is to be painted, flattened on its transparency, and its motion."""

    frame: Frame
    pixels: np.ndarray
    motion: Motion | None


class FramePainter:
    """Paints the frames of one clip in their order.

    Args:
        stylizer: The engine.
        look: How to paint.
        size: Width and height of the frames in pixels.
    Attributes:
        steady: The part of it that keeps paintings steady.
    """

    def __init__(self, stylizer: FastStylizer, look: Look, size: tuple[int, int]) -> None:
        self._stylizer, self._look = stylizer, look
        self._is_across = len({part.model for part in look.parts}) > 1
        max_megapixels = min(MAX_WORKING_MEGAPIXELS, stylizer.max_megapixels(look.parts))
        self._ratio = painting_ratio(size, look.stroke_scale, max_megapixels=max_megapixels)
        quarters = round(self._ratio * RATIO_STEPS)
        # Multiples of it are whole cells in the frame, and in the smaller picture that is painted.
        step = CELL * quarters // math.gcd(quarters, RATIO_STEPS)
        self.steady = SteadyPainter(self._paint, step=step, steadiness=look.steadiness)

    def __call__(self, frame: Frame) -> Frame:
        """Paint the next frame; alpha is kept."""
        return self.paint(self.follow(frame))

    def follow(self, frame: Frame) -> MovedFrame:
        """Find how the next frame moved; may run ahead of the painting, in another thread."""
        pixels = frame.pixels
        if frame.alpha is not None:
            pixels = np.asarray(flatten_content(Image.fromarray(np.dstack((pixels, frame.alpha)))))
        return MovedFrame(frame, pixels, self.steady.follow(pixels))

    def paint(self, moved: MovedFrame) -> Frame:
        """Paint the next frame, as `follow` returned it; alpha is kept."""
        frame, pixels = moved.frame, moved.pixels
        painting = self.steady(pixels, moved.motion)
        if self._look.strength != 1 or self._look.preserve_color:
            painting = self._mixed(pixels, painting)
        painted = cv2.convertScaleAbs(painting, alpha=255)  # rounds
        return Frame(painted, frame.alpha, frame.start_s, frame.duration_s)

    def _mixed(self, pixels: np.ndarray, painting: np.ndarray) -> np.ndarray:
        content = np.multiply(_planes(pixels), np.float32(1 / 255), dtype=np.float32)
        stylized = _planes(painting)
        if self._look.preserve_color:
            stylized = blending.preserve_color(content, stylized)
        mixed = blending.apply_strength(content, stylized, self._look.strength)
        return cv2.merge(list(mixed[0]))

    def _paint(self, picture: np.ndarray, origin: tuple[int, int]) -> np.ndarray:
        """Paint a part of the canvas, float32 of shape (H, W, 3)."""
        height, width = picture.shape[:2]
        if self._ratio != 1:
            size = round(width / self._ratio), round(height / self._ratio)
            way = cv2.INTER_AREA if self._ratio > 1 else cv2.INTER_CUBIC
            picture = cv2.resize(picture, size, interpolation=way).clip(0, 1)
        row, column = (round(place / self._ratio) % NOISE_SIDE for place in origin)
        painted = self._stylizer.paint_batch(
            _planes(picture),
            self._look.parts,
            fine=self._look.fine or self._is_across,
            noise_origin=(row, column),
        )
        if self._ratio >= LEAST_FACTOR:
            image = enlarge(from_batch(painted), (width, height), self._repaint)
            return np.multiply(np.asarray(image), np.float32(1 / 255), dtype=np.float32)
        painting = cv2.merge(list(painted[0]))
        if self._ratio == 1:
            return painting
        way = cv2.INTER_AREA if self._ratio < 1 else cv2.INTER_CUBIC
        return cv2.resize(painting, (width, height), interpolation=way)

    def _repaint(self, image: Image.Image) -> Image.Image:
        """Paint an enlarged part of the painting, for its detail; a fast network adds as much."""
        return from_batch(self._stylizer.paint_batch(to_batch(image), self._look.parts, fine=self._is_across))


def painting_ratio(
    size: tuple[int, int], stroke_scale: float, *, max_megapixels: float = MAX_WORKING_MEGAPIXELS
) -> float:
    """Sides of a frame divided by those at which it is painted, in quarters.

    At a stroke scale of 1, frames of up to 1,024 px are painted at their own size, larger ones at that size.
    """
    width, height = size
    side = max(min(max(size), 2 * min(size)), max(size) / 2)  # as for photos, see `working_size`
    least = math.sqrt(width * height / (max_megapixels * 1e6))
    ratio = max(1 / RATIO_STEPS, math.ceil(least * RATIO_STEPS) / RATIO_STEPS)
    wanted = math.ceil(stroke_scale * max(1.0, side / WORKING_SIDE) * RATIO_STEPS) / RATIO_STEPS
    most = math.floor(min(size) / MIN_SIDE * RATIO_STEPS) / RATIO_STEPS
    return max(ratio, min(wanted, most))


def _planes(picture: np.ndarray) -> np.ndarray:
    """A picture of shape (H, W, 3) as (1, 3, H, W)."""
    return np.ascontiguousarray(picture.transpose(2, 0, 1))[None]
