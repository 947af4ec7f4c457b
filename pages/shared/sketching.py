"""What the page shows at once: the chosen pictures, and the photo sketched in one pass of a network."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

import streamlit as st

from pages.shared.painting import encode_screen, read_photo, screen_format, screen_photo
from stylecore.images.encoding import encode_image
from stylecore.images.metadata import Description
from stylecore.optimization.preview import PreviewPainter, StyleStatistics

SKETCH_SIDE = 512  # px, long side

StyleBytes = tuple[tuple[bytes, float], ...]  # encoded style pictures with weights

# One sketch at a time: memory does not grow with the number of visitors.
_sketch_turn = threading.Lock()


@dataclass(frozen=True)
class ScreenPicture:
    """A picture encoded at screen size, and its full width and height in pixels."""

    encoded: bytes
    size: tuple[int, int]


@st.cache_data(max_entries=50, show_spinner=False)
def screen_picture(data: bytes) -> ScreenPicture:
    """Scale an encoded picture down to screen size.

    Raises:
        ImageError: The picture cannot be used.
    """
    image, size = screen_photo(data)
    return ScreenPicture(encode_screen(image), size)


@st.cache_resource(max_entries=1, show_spinner="Unpacking the brushes ...")
def preview_painter() -> PreviewPainter:
    return PreviewPainter()


@st.cache_data(max_entries=50, show_spinner="Looking at the style ...")
def read_style(style: bytes) -> StyleStatistics:
    """Compute what a sketch needs of a style picture.

    Raises:
        ImageError: The picture cannot be used.
    """
    with _sketch_turn:
        return preview_painter().read_style(read_photo(style), stroke_size=SKETCH_SIDE)


@st.cache_data(max_entries=50, show_spinner="Sketching ...")
def sketch(photo: bytes, styles: StyleBytes, preserve_color: bool) -> tuple[bytes, str, int]:
    """Sketch usable pictures; returns the encoded sketch, its format, and the milliseconds that it took."""
    style = StyleStatistics.mix([(read_style(data), weight) for data, weight in styles])
    with _sketch_turn:
        image = read_photo(photo, max_side=SKETCH_SIDE)
        started = time.perf_counter()
        painted = preview_painter().paint(image, style, preserve_color=preserve_color)
        milliseconds = round((time.perf_counter() - started) * 1000)
    painted.info |= image.info  # when the photo was taken
    colors = ", colors of the photo" if preserve_color else ""
    file_format = screen_format(painted)
    encoded = encode_image(painted, file_format, description=Description(f"sketch of any style{colors}"))
    return encoded, file_format, milliseconds
