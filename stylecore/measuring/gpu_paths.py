"""Figures of the ways in which pictures reach a GPU: start, clips, many styles, folders, large photos."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from PIL import Image

from stylecore.host.ahead import work_ahead
from stylecore.host.extras import has_extra
from stylecore.images.arrays import to_batch
from stylecore.images.encoding import encode_image
from stylecore.images.loading import load_image
from stylecore.instant.blends import parts_of
from stylecore.instant.half import FIXED_AFTER
from stylecore.instant.stylizer import FastStylizer
from stylecore.styles.catalog import list_styles

STYLE = "starry_night"
PREVIEW, FRAME, PHOTO = (1024, 768), (1280, 720), (1920, 1080)  # px, width and height
THREADS = 4  # that read, paint and write photos
STYLE_THREADS = 8  # that paint one photo in many styles
LARGE_MEGAPIXELS = 12, 48
STROKES: dict[str, dict] = {"default": {}, "512 px": {"stroke_size": 512}}


def start(device: str, side_scale: float) -> dict:
    """Seconds until the engine is open and warm, and of the first two previews after it."""
    clock = _Clock()
    stylizer = FastStylizer(device)
    times = {"open_s": clock.lap()}
    stylizer.warm_up()
    times["warm_up_s"] = clock.lap()
    photo = picture(PREVIEW, side_scale)
    for name in ("first_preview_s", "second_preview_s"):
        stylizer.stylize(photo, STYLE)
        times[name] = clock.lap()
    return times


def clips(stylizer: FastStylizer, side_scale: float, frames: int) -> dict:
    """Frames a second of the finer network alone, without and with a CUDA graph, and of steady clips."""
    photo, parts = picture(FRAME, side_scale), parts_of(STYLE)
    batch = to_batch(photo)
    figures: dict = {"frame": f"{FRAME[0]} x {FRAME[1]}"}
    for name, captures_graphs in (("network_per_s", False), ("network_with_graph_per_s", True)):
        stylizer.captures_graphs = captures_graphs
        figures[name] = rate(lambda _: stylizer.paint_batch(batch, parts, fine=True), frames)
    if has_extra("cv2"):
        from fractions import Fraction

        from stylecore.video.frames import Frame
        from stylecore.video.painting import FramePainter, Look

        painter, pixels = FramePainter(stylizer, Look(parts), photo.size), np.asarray(photo)
        frame = Frame(pixels, None, Fraction(0), Fraction(1, 25))
        figures["steady_per_s"] = rate(lambda _: painter(frame), frames)
    stylizer.captures_graphs = False  # what follows has several threads
    return figures


def many_styles(stylizer: FastStylizer, side_scale: float, rounds: int) -> dict:
    """Previews a second of a photo in all styles, one after another and by threads that share runs."""
    photo = picture(PREVIEW, side_scale)
    styles = [style.name for style in list_styles()]

    def paint(style: str) -> None:
        stylizer.stylize(photo, style)

    with ThreadPoolExecutor(STYLE_THREADS) as pool:
        return {
            "styles": len(styles),
            "one_thread_per_s": len(styles) * rate(lambda _: [*map(paint, styles)], rounds),
            "threads_per_s": len(styles) * rate(lambda _: [*pool.map(paint, styles)], rounds),
        }


def folders(stylizer: FastStylizer, side_scale: float, photos: int) -> dict:
    """Photos a second from JPEG to JPEG, one after another and by several threads."""
    encoded = [encode_image(picture(PHOTO, side_scale), "JPEG")] * photos

    def paint(data: bytes) -> bytes:
        return encode_image(stylizer.stylize(load_image(io.BytesIO(data)), STYLE), "JPEG")

    figures: dict = {"photo": f"{PHOTO[0]} x {PHOTO[1]}", "threads": THREADS}
    for name, threads in (("one_thread_per_s", 1), ("threads_per_s", THREADS)):
        paint(encoded[0])
        clock = _Clock()
        for _ in work_ahead(paint, encoded, threads=threads):
            pass
        figures[name] = photos / clock.lap()
    return figures


def large_photos(stylizer: FastStylizer, side_scale: float) -> list[dict]:
    """Seconds from picture to picture; what does not fit on the device goes layer by layer."""
    figures = []
    for megapixels in LARGE_MEGAPIXELS:
        height = int((megapixels * 1e6 * 3 / 4) ** 0.5)
        photo = picture((height * 4 // 3, height), side_scale)
        for strokes, settings in STROKES.items():
            clock, parts = _Clock(), [0]

            def count(_: object, parts: list[int] = parts) -> None:
                parts[0] += 1

            stylizer.stylize(photo, STYLE, on_progress=count, **settings)
            case = {"megapixels": megapixels, "strokes": strokes}
            figures.append(case | {"seconds": clock.lap(), "parts": parts[0]})
    return figures


def picture(size: tuple[int, int], side_scale: float) -> Image.Image:
    """A picture of a width and height times `side_scale`, with some texture."""
    width, height = (max(32, int(side * side_scale)) for side in size)
    small = Image.effect_noise((max(8, width // 16), max(8, height // 16)), 80)
    return small.resize((width, height), Image.Resampling.BICUBIC).convert("RGB")


def rate(call: Callable[[int], object], count: int) -> float:
    """Calls a second, after those for which a session may still change."""
    for i in range(FIXED_AFTER + 2 if count > 1 else 1):
        call(i)
    clock = _Clock()
    for i in range(count):
        call(i)
    return count / clock.lap()


class _Clock:
    def __init__(self) -> None:
        self._last = time.perf_counter()

    def lap(self) -> float:
        """Seconds since the last lap."""
        last, self._last = self._last, time.perf_counter()
        return self._last - last
