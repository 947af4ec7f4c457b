"""Painting an uploaded photo: the preview, and what all paintings of a visitor have in common."""

from __future__ import annotations

import hashlib
import io
import math
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from typing import BinaryIO

import streamlit as st
from PIL import Image

from pages.shared.limits import load_photo
from pages.shared.painting_server import away_note, painting_server, served_picture
from pages.shared.turns import large_line, shown_place, small_line
from pages.shared.where import Where
from stylecore import FastStylizer, Region, Style, find_faces, find_subject, keep_faces
from stylecore.host.byte_cache import ByteCache
from stylecore.host.memory import share_freed_memory
from stylecore.host.sizes import held_bytes
from stylecore.host.waiting_line import WaitingLine, reading_line
from stylecore.images.colors import is_transparent
from stylecore.images.encoding import encode_image, encode_screen
from stylecore.images.metadata import Description, describe_painting
from stylecore.images.sizes import limit_long_side
from stylecore.instant.progress import OnProgress, ShouldStop
from stylecore.instant.stylizer import NOTICE, WORKING_SIDE, working_size
from stylecore.regions.masks import invert
from stylecore.serving.client import TOKEN_VARIABLE
from stylecore.serving.painting_request import Painted
from stylecore.serving.tensor_networks import TENSOR_SERVER_VARIABLE, TensorNetworks

# Bytes: pictures that take more memory are painted one after another; a preview of 1024 x 1024 px takes less.
LARGE_BYTES = 215e6
DOWNLOAD_FORMATS = {  # file ending and MIME type by name; the default first
    "JPEG": ("jpg", "image/jpeg"),
    "PNG": ("png", "image/png"),
    "WEBP": ("webp", "image/webp"),
}
GPU_AT_ONCE = 8  # small pictures that are painted at once on a GPU, where those of one size share a run
PREVIEW_BYTES = 64_000_000  # of all kept previews, some hundred

_opening = threading.Lock()


@dataclass(frozen=True)
class Look:
    """The settings of a painted photo.

    Attributes:
        styles: Styles with weights, in the visitor's order.
        strength: 0 is the photo, 1 the style.
        preserve_color: Keep the photo's colors.
        stroke_scale: Size of the strokes relative to the picture, see `FastStylizer.stylize`.
        where: The part of the photo that is painted.
    """

    styles: tuple[tuple[Style, float], ...]
    strength: float = 1.0
    preserve_color: bool = False
    stroke_scale: float = 1.0
    where: Where = field(default_factory=Where)

    @property
    def name(self) -> str:
        """Part of file names: `the_wave`, or `the_wave_mosaic` for a blend."""
        return "_".join(style.name for style, weight in self.styles if weight > 0)

    @property
    def key(self) -> tuple:
        """What tells the look from others, for caches: styles as their SHA-256."""
        styles = tuple((style.sha256, weight) for style, weight in self.styles)
        return styles, self.strength, self.preserve_color, self.stroke_scale, self.where.key

    @property
    def description(self) -> Description:
        """The settings, for the file's metadata."""
        description = describe_painting(
            {style.name: weight for style, weight in self.styles},
            strength=self.strength,
            preserve_color=self.preserve_color,
            strokes=f"{self.stroke_scale:g}",
        )
        return replace(description, text=description.text + self.where.words)


@dataclass(frozen=True)
class Preview:
    """A photo and its painting at screen size, and how the painting was made.

    Attributes:
        original: JPEG or PNG of the photo.
        painted: The same photo painted.
        size: Width and height of the full photo in pixels.
        is_transparent: Whether any part of the painting is transparent.
        seconds: Painting time, without waiting.
        device: `cuda` or `cpu`.
        device_note: Why no GPU was used; empty if one was.
        notice: What the visitor should know about the painting; mostly empty.
        is_served: Whether the painting server painted it.
    """

    original: bytes
    painted: bytes
    size: tuple[int, int]
    is_transparent: bool
    seconds: float
    device: str
    device_note: str
    notice: str = ""
    is_served: bool = False


@dataclass(frozen=True)
class ScreenPicture:
    """A picture encoded at screen size, and its full width and height in pixels."""

    encoded: bytes
    size: tuple[int, int]


def stylizer() -> FastStylizer:
    """The engine that all visitors share."""
    with _opening:
        return _stylizer()


@cache  # not `st.cache_resource`, which any visitor can empty by a message of Streamlit's protocol
def _stylizer() -> FastStylizer:
    share_freed_memory()
    if not (url := os.environ.get(TENSOR_SERVER_VARIABLE, "")):
        engine = FastStylizer()
        if engine.device == "cuda":
            small_line.at_once = GPU_AT_ONCE
        return engine
    try:
        networks = TensorNetworks(url, os.environ.get(TOKEN_VARIABLE, ""))
    except ValueError as error:
        raise ValueError(f"{TENSOR_SERVER_VARIABLE}: {error}") from error
    return FastStylizer(networks=networks)


def is_on_gpu() -> bool:
    """Whether this process paints, and on a GPU."""
    return painting_server() is None and stylizer().device == "cuda"


def screen_photo(
    photo: bytes, on_wait: Callable[[int], None] = lambda place: None
) -> tuple[Image.Image, tuple[int, int]]:
    """Scale a photo down to screen size; also returns its full width and height in pixels.

    Args:
        photo: The encoded photo.
        on_wait: See `WaitingLine.turn`.
    Raises:
        ImageError: The photo cannot be used; the message says why.
        QueueFullError: Too many wait already.
    """
    with reading_line.turn(on_wait):
        image = load_photo(photo)
        return limit_long_side(image, WORKING_SIDE), image.size


@st.cache_data(max_entries=50, show_spinner=False)
def screen_picture(data: bytes) -> ScreenPicture:
    """Scale an encoded picture down to screen size.

    Raises:
        ImageError: The picture cannot be used.
    """
    image, size = screen_photo(data)
    return ScreenPicture(encode_screen(image), size)


@st.cache_data(max_entries=50, show_spinner=False)
def screen_subject(photo: bytes) -> bytes:
    """Find the subject of a photo at screen size; returns its mask as PNG.

    Raises:
        ImageError: The photo cannot be used.
        WeightsError: The network that finds subjects is missing or damaged.
    """
    return encode_image(find_subject(screen_photo(photo)[0]), "PNG")


@st.cache_data(max_entries=100, show_spinner=False)
def has_face(photo: bytes) -> bool:
    """Whether a face is found in a photo at screen size; raises as `screen_subject`."""
    return find_faces(screen_photo(photo)[0]).getbbox() is not None


def screen_mask(photo: bytes, where: Where) -> Image.Image | None:
    """The mask of the part of a photo that is painted, at screen size, see `Where.mask`."""
    with Image.open(io.BytesIO(screen_picture(photo).encoded)) as picture:
        return where.mask(picture, lambda: Image.open(io.BytesIO(screen_subject(photo))))


previews: ByteCache[Preview] = ByteCache(PREVIEW_BYTES, held_bytes)


def preview(photo: bytes, look: Look) -> Preview:
    """Paint a photo at screen size, or take the painting from the cache; shows the place in line.

    Raises:
        ImageError: The photo cannot be used; the message says why.
        QueueFullError: Too many wait already.
    """
    key = hashlib.sha256(photo).digest(), look.key
    if (kept := previews.get(key)) is not None:
        return kept
    with st.spinner("Painting ..."), shown_place() as on_wait:
        small, size = screen_photo(photo, on_wait)
        if (served := served_picture(small, look)) is not None:
            return previews.keep(key, _preview(small, *served, size, is_served=True))
        engine = stylizer()
        with _line(small, look).turn(on_wait):
            if (kept := previews.get(key)) is not None:  # another visitor had the same choice
                return kept
            started = time.perf_counter()
            painted = paint_at_once(small, look, screen_mask(photo, look.where))
            seconds = time.perf_counter() - started
        notice = painted.info.get(NOTICE) or away_note(look)
        made = Painted(b"", seconds, engine.device, engine.device_note, notice)
    return previews.keep(key, _preview(small, painted, made, size, is_served=False))


def _preview(
    small: Image.Image, painted: Image.Image, made: Painted, size: tuple[int, int], *, is_served: bool
) -> Preview:
    return Preview(
        original=encode_screen(small),
        painted=encode_screen(painted),
        size=size,
        is_transparent=is_transparent(painted),
        seconds=made.seconds,
        device=made.device,
        device_note=made.device_note,
        notice=made.notice,
        is_served=is_served,
    )


def read_photo(photo: bytes | BinaryIO, *, max_side: int | None = None) -> Image.Image:
    """Read a visitor's picture, one at a time, scaled down to `max_side` pixels on its long side.

    Raises:
        ImageError: It cannot be used; the message says why.
    """
    with reading_line.turn(is_patient=True):
        return load_photo(photo, max_side=max_side)


def paint(
    image: Image.Image,
    look: Look,
    mask: Image.Image | None = None,
    *,
    fine: bool = True,
    on_progress: OnProgress = None,
    should_stop: ShouldStop = None,
    closes_photo: bool = False,
) -> Image.Image:
    """Paint a picture where its mask is, or all of it; waits while others of its size are painted here."""
    if mask is None and (served := served_picture(image, look, fine=fine)) is not None:
        return served[0]
    with _line(image, look).turn(is_patient=True):
        watching = {"on_progress": on_progress, "should_stop": should_stop}
        return paint_at_once(image, look, mask, fine=fine, **watching, closes_photo=closes_photo)


def find_mask(image: Image.Image, look: Look) -> Image.Image | None:
    """The mask of the part of a picture that a look paints, see `Where.mask`; waits as `paint` does."""
    with _line(image, look).turn(is_patient=True):
        return look.where.mask(image, lambda: find_subject(image))


def _line(image: Image.Image, look: Look) -> WaitingLine:
    pixels, working_pixels = math.prod(image.size), math.prod(working_size(image.size, look.stroke_scale))
    is_large = 24 * pixels + 180 * working_pixels > LARGE_BYTES
    styles = (*look.styles, *look.where.elsewhere)
    is_large |= any(style.foreign_network for style, _ in styles)  # take up to 2 GB
    return large_line if is_large else small_line


def paint_at_once(
    image: Image.Image,
    look: Look,
    mask: Image.Image | None = None,
    *,
    fine: bool = True,
    on_progress: OnProgress = None,
    should_stop: ShouldStop = None,
    closes_photo: bool = False,
) -> Image.Image:
    """Paint a picture in this process, without waiting for others; the caller holds a turn."""
    return stylizer().stylize(
        image,
        dict(look.styles),
        strength=look.strength,
        preserve_color=look.preserve_color,
        stroke_scale=look.stroke_scale,
        fine=fine,
        regions=_regions(image, look, mask),
        on_progress=on_progress,
        should_stop=should_stop,
        closes_photo=closes_photo,
    )


def _regions(image: Image.Image, look: Look, mask: Image.Image | None) -> list[Region]:
    """Parts of a picture that are not painted in the look's styles, or weaker."""
    where, rest = look.where, []
    settings = look.strength, look.preserve_color, look.stroke_scale
    if mask is not None:
        elsewhere = dict(where.elsewhere) or None
        rest = [Region(invert(mask), elsewhere, *settings, is_transparent=where.is_cut_out)]
    if not where.keeps_faces:
        return rest
    faces = find_faces(image)
    return keep_faces(faces, Region(faces, dict(look.styles), *settings), rest)
