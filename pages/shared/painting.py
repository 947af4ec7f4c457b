"""From an uploaded file to what the page shows and what the visitor takes home."""

from __future__ import annotations

import time
from dataclasses import dataclass

import streamlit as st

from pages.shared.pictures import stylizer
from stylecore import load_image
from stylecore.images import encode_image, limit_long_side
from stylecore.inference import TRAINED_STROKE_SIZE

WORKING_SIDE = 1024  # px, long side at which strokes are painted; larger photos get larger strokes


@dataclass(frozen=True)
class Look:
    """Everything that decides how a painted photo looks."""

    style: str
    strength: float = 1.0
    preserve_color: bool = False


@dataclass(frozen=True)
class Preview:
    """Encoded pictures of screen size, and facts about how they were made.

    Attributes:
        original: JPEG or PNG of the photo.
        painted: The same photo painted.
        size: Width and height of the full photo in pixels.
        milliseconds: Time that painting took.
        device: Where it was painted, for people.
    """

    original: bytes
    painted: bytes
    size: tuple[int, int]
    milliseconds: int
    device: str


@st.cache_data(max_entries=100, show_spinner="Painting ...")
def preview(photo: bytes, look: Look) -> Preview:
    """Paint a photo at screen size.

    Raises:
        ImageError: The photo cannot be used; the message says why.
    """
    image = load_image(photo)
    small = limit_long_side(image, WORKING_SIDE)
    engine = stylizer()
    started = time.perf_counter()
    painted = engine.stylize(small, look.style, strength=look.strength, preserve_color=look.preserve_color)
    milliseconds = round((time.perf_counter() - started) * 1000)
    device = "the GPU" if engine.device == "cuda" else f"the CPU ({engine.device_note})"
    screen_format = "PNG" if image.mode == "RGBA" else "JPEG"
    return Preview(
        original=encode_image(small, screen_format),
        painted=encode_image(painted, screen_format),
        size=image.size,
        milliseconds=milliseconds,
        device=device,
    )


def full_size(photo: bytes, look: Look) -> bytes:
    """PNG of the painted photo in its own size, with strokes as large in the picture as in the preview."""
    image = load_image(photo)
    stroke_size = round(TRAINED_STROKE_SIZE * max(1.0, max(image.size) / WORKING_SIDE))
    painted = stylizer().stylize(
        image,
        look.style,
        strength=look.strength,
        preserve_color=look.preserve_color,
        stroke_size=stroke_size,
    )
    return encode_image(painted, "PNG")
