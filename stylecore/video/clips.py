"""Paint whole clips, file to file."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import cv2
from PIL import Image

from stylecore.errors import ClipError
from stylecore.images.sizes import check_max_side, size_at
from stylecore.instant.blends import resolve_styles
from stylecore.instant.compositing import StyleChoice
from stylecore.instant.encoder import with_rows
from stylecore.instant.stylizer import FastStylizer, check_settings
from stylecore.regions.parts import check_part
from stylecore.styles.style import Style
from stylecore.video.frames import ClipInfo, Frame
from stylecore.video.limits import ClipLimits
from stylecore.video.painting import FramePainter, Look
from stylecore.video.reading import open_clip
from stylecore.video.region_painting import RegionPainter
from stylecore.video.writing import ClipWriter, clip_format

if TYPE_CHECKING:
    from stylecore.video.animations import AnimationReader
    from stylecore.video.reading import ClipReader

T = TypeVar("T")


@dataclass(frozen=True)
class ClipProgress:
    """Where the painting of a clip stands, after each frame.

    Attributes:
        frames: Number of frames painted so far.
        total_frames: Number that is expected, or None where the file does not tell.
        elapsed_s: Seconds since the start.
        remaining_s: Seconds that are expected still, or None.
        content_image: The newest frame before painting.
        image: The newest frame painted.
    """

    frames: int
    total_frames: int | None
    elapsed_s: float
    remaining_s: float | None
    content_image: Image.Image
    image: Image.Image


@dataclass(frozen=True)
class ClipResult:
    """A painted clip.

    Attributes:
        path: The file.
        width: Pixels; even in MP4, MOV and WebM.
        height: Pixels, likewise.
        frames: Number of frames.
        duration_s: Seconds of the painted frames.
        has_sound: Whether the file has the sound of the clip.
        cuts: Number of cuts found between scenes.
        is_complete: False if `should_stop` ended it early.
        is_found: False if `where` named a part that was in no frame.
    """

    path: Path
    width: int
    height: int
    frames: int
    duration_s: float
    has_sound: bool
    cuts: int
    is_complete: bool
    is_found: bool = True


def stylize_clip(
    source: str | PathLike,
    target: str | PathLike,
    style: StyleChoice,
    *,
    steadiness: float = 1.0,
    strength: float = 1.0,
    preserve_color: bool = False,
    stroke_scale: float = 1.0,
    fine: bool = True,
    where: str | None = None,
    elsewhere: StyleChoice | None = None,
    keep_faces: bool = False,
    max_side: int | None = None,
    start_s: float = 0.0,
    end_s: float | None = None,
    stylizer: FastStylizer | None = None,
    limits: ClipLimits | None = None,
    on_progress: Callable[[ClipProgress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> ClipResult:
    """Paint a clip without flicker, and keep its sound. Frames stream through: only a few are in memory.

    Args:
        source: MP4, MOV, WebM, MKV or AVI, or an animated GIF, WebP or PNG.
        target: File to write; its ending is the format: `.mp4`, `.m4v`, `.mov`, `.webm`, `.gif` or `.webp`.
        style: As `FastStylizer.stylize` takes it.
        steadiness: 0 paints each frame for itself, 1 is the steadiest.
        strength: 0 gives the clip, 1 the style, up to 2 exaggerates it.
        preserve_color: Keep the clip's colors, take brightness and strokes of the style.
        stroke_scale: Size of the brush marks, 0.1 to 10. At 1, frames of up to 1,024 px are painted at their
            own size, larger ones with strokes as large as in frames of 1,024 px.
        fine: Paint with the finer network, in up to three times the time.
        where: Part of the frames that is painted: `subject`, `background` or `faces`; by default all.
        elsewhere: What the rest is painted in, with the same settings; by default it stays as it is.
        keep_faces: Paint faces with three tenths of the strength.
        max_side: Scale larger frames down to this long side in pixels.
        start_s: Start of the part that is painted, in seconds.
        end_s: Its end; by default the end of the clip.
        stylizer: The engine; by default one on the best device.
        limits: Of the clip; by default those of the environment, see `ClipLimits`.
        on_progress: Called after each frame.
        should_stop: Asked after each frame; if it returns True, what is painted so far becomes the file.
    Returns:
        What was written.
    Raises:
        ClipError: The clip cannot be read or the file not written, or the clip is beyond a limit.
        StyleError: As `FastStylizer.stylize`.
        ImageError: `max_side` is below 32 px.
        ValueError: A setting out of range, another part, or `elsewhere` without `where`.
        WeightsError: The network that finds the part is missing or damaged.
    Source: docs/measurements.md has how steadiness was chosen; `SteadyPainter` has the papers.
    """
    check_settings(strength, stroke_scale)
    check_max_side(max_side)
    if where is not None:
        check_part(where)
    elif elsewhere is not None:
        raise ValueError("elsewhere would do nothing without where")
    look = Look(_parts(style), strength, preserve_color, stroke_scale, fine, steadiness)
    rest = None if elsewhere is None else replace(look, parts=_parts(elsewhere))
    source, target, limits = Path(source), Path(target), limits or ClipLimits.from_environment()
    clip_format(target)
    if target.exists() and source.exists() and target.samefile(source):
        raise ClipError(f"{target} is the clip that is read: choose another file")
    reader = open_clip(source, limits)
    limits.check_part(source.name, reader.info, start_s, end_s)
    size = _size(reader.info, max_side)
    stylizer = stylizer or FastStylizer()
    painter = RegionPainter(
        FramePainter(stylizer, look, size),
        where,
        rest=None if rest is None else FramePainter(stylizer, rest, size),
        keeps_faces=keep_faces,
    )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ClipError(f"{target.parent} cannot be made: {error.strerror or error}") from error
    part = target.with_name(f".{target.stem[:60]}.part{target.suffix}")
    try:
        job = _Job(reader, part, size, limits, start_s, end_s)
        is_complete = job.run(painter, on_progress, should_stop or (lambda: False))
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return ClipResult(
        target,
        *job.size,
        job.frames,
        float(job.end_s),
        job.has_sound,
        painter.cuts,
        is_complete,
        painter.is_found,
    )


def _parts(style: StyleChoice) -> dict[Style, float]:
    return {with_rows(part): weight for part, weight in resolve_styles(style).items()}


def _size(info: ClipInfo, max_side: int | None) -> tuple[int, int]:
    size = info.width, info.height
    return size_at(max_side, size) if max_side and max(size) > max_side else size


def _resized(frame: Frame, width: int, height: int) -> Frame:
    way = cv2.INTER_AREA
    alpha = None if frame.alpha is None else cv2.resize(frame.alpha, (width, height), interpolation=way)
    pixels = cv2.resize(frame.pixels, (width, height), interpolation=way)
    return replace(frame, pixels=pixels, alpha=alpha)


def _one_ahead(items: Generator[T]) -> Generator[T]:
    """Yield items, of which the next one is made in another thread meanwhile."""
    with ThreadPoolExecutor(1) as pool:
        try:
            coming = pool.submit(next, items, None)
            while (item := coming.result()) is not None:
                coming = pool.submit(next, items, None)
                yield item
        finally:
            pool.submit(items.close).result()  # in its own thread, once it is at rest


class _Job:
    """One clip on its way from file to file."""

    def __init__(
        self,
        reader: ClipReader | AnimationReader,
        target: Path,
        size: tuple[int, int],
        limits: ClipLimits,
        start_s: float,
        end_s: float | None,
    ) -> None:
        self._reader, self._target, self._limits = reader, target, limits
        self._painted_size, self._start_s, self._end_s = size, start_s, end_s
        self.size, self.frames, self.end_s, self.has_sound = size, 0, Fraction(0), False

    def run(
        self,
        painter: RegionPainter,
        on_progress: Callable[[ClipProgress], None] | None,
        should_stop: Callable[[], bool],
    ) -> bool:
        """Paint and write all frames; return whether all were.

        While one frame is painted, the one before is encoded, and the next is decoded and its motion found.
        """
        started, writer, written, is_complete = time.monotonic(), None, None, True
        frames = _one_ahead(painter.follow(frame) for frame in self._frames())
        try:
            with ThreadPoolExecutor(1) as encoding, closing(frames):
                for moved in frames:
                    painted = painter.paint(moved)
                    writer = writer or self._open_writer()
                    if written:
                        written.result()
                    written = encoding.submit(writer.write, painted)
                    self.frames, self.end_s = self.frames + 1, painted.start_s + painted.duration_s
                    if on_progress:
                        on_progress(self._progress(time.monotonic() - started, moved.frame, painted))
                    if should_stop():
                        is_complete = False
                        break
                if writer is None or written is None:
                    raise ClipError(f"{self._reader.path.name} has no frame from {self._start_s:g} s on")
                written.result()
            is_whole = is_complete and self._end_s is None
            writer.close(sound_until_s=math.inf if is_whole else float(self.end_s))
        finally:
            if writer:
                writer.abandon()
        return is_complete

    def _frames(self) -> Iterator[Frame]:
        """The frames at the size at which they are painted."""
        width, height = self._painted_size
        for frame in self._reader.frames(self._start_s, self._end_s):
            self._limits.check_length(self._reader.path.name, float(frame.start_s))
            if frame.pixels.shape[:2] != (height, width):
                frame = _resized(frame, width, height)
            yield frame

    def _open_writer(self) -> ClipWriter:
        info = self._reader.info
        sound = (self._reader.path, self._reader.origin_s) if info.has_sound else None
        writer = ClipWriter(self._target, self._painted_size, info.frame_rate, sound)
        self.size, self.has_sound = writer.size, writer.sound is not None
        return writer

    def _progress(self, elapsed_s: float, frame: Frame, painted: Frame) -> ClipProgress:
        total = remaining = None
        if self._end_s is not None or self._reader.info.duration_s is not None:
            end = min(self._end_s or math.inf, self._reader.info.duration_s or math.inf)
            share = float(self.end_s) / max(end - self._start_s, 1e-6)
            total = max(self.frames, round(self.frames / max(min(share, 1.0), 1e-6)))
            remaining = elapsed_s * max(0.0, 1 / max(share, 1e-6) - 1)
        pictures = Image.fromarray(frame.pixels), Image.fromarray(painted.pixels)
        return ClipProgress(self.frames, total, elapsed_s, remaining, *pictures)
