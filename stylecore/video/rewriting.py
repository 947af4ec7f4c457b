"""Writing of clips with new frames and their own sound, file to file."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar, Union

import cv2
import numpy as np
from PIL import Image

from stylecore.errors import ClipError
from stylecore.host.memory import kept_memory
from stylecore.images.sizes import check_max_side, size_at
from stylecore.video.frames import ClipInfo, Frame
from stylecore.video.limits import ClipLimits
from stylecore.video.reading import open_clip
from stylecore.video.writing import ClipWriter, clip_format

if TYPE_CHECKING:
    from stylecore.video.animations import AnimationReader
    from stylecore.video.reading import ClipReader

T = TypeVar("T")
Reader = Union["ClipReader", "AnimationReader"]


class Painter(Protocol[T]):
    """Makes the new frames of a clip, in their order."""

    @property
    def cuts(self) -> int:
        """Number of cuts between scenes found so far."""

    @property
    def is_found(self) -> bool:
        """Whether what it changes was in any frame so far."""

    def follow(self, frame: Frame) -> T:
        """Prepare the next frame; runs ahead in another thread."""

    def paint(self, followed: T, /) -> Callable[[], Frame]:
        """Paint the next frame, as `follow` returned it, as far as the one after it needs.

        Returns:
            Completes the frame; runs behind in another thread, in the order of the frames.
        """


@dataclass(frozen=True)
class ClipProgress:
    """Where the painting of a clip stands, after each frame.

    Attributes:
        frames: Number of frames painted so far.
        total_frames: Number that is expected, or None where the file does not tell.
        elapsed_s: Seconds since the start.
        remaining_s: Seconds that are expected still, or None.
        content_image: The newest frame before painting.
        image: The newest frame painted; RGBA where it is transparent.
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


def rewrite_clip(
    source: str | PathLike,
    target: str | PathLike,
    make_painter: Callable[[Reader, tuple[int, int]], Painter[T]],
    *,
    max_side: int | None,
    start_s: float,
    end_s: float | None,
    limits: ClipLimits | None,
    on_progress: Callable[[ClipProgress], None] | None,
    should_stop: Callable[[], bool] | None,
) -> ClipResult:
    """Write a clip with other frames, and its own sound.

    Args:
        source: MP4, MOV, WebM, MKV or AVI, or an animated GIF, WebP or PNG.
        target: File to write; its ending is the format.
        make_painter: Makes what changes the frames, of the opened clip and the size of the new frames.
        max_side: Scale larger frames down to this long side in pixels.
        start_s: Start of the part that is written, in seconds.
        end_s: Its end.
        limits: Of the clip; by default those of the environment.
        on_progress: Called after each frame.
        should_stop: Asked after each frame.
    Raises:
        ClipError: The clip cannot be read or the file not written, or the clip is beyond a limit.
        ImageError: `max_side` is below 32 px.
        ValueError: Times out of order.
    """
    check_max_side(max_side)
    source, target, limits = Path(source), Path(target), limits or ClipLimits.from_environment()
    clip_format(target)
    if target.exists() and source.exists() and target.samefile(source):
        raise ClipError(f"{target} is the clip that is read: choose another file")
    reader = open_clip(source, limits)
    limits.check_part(source.name, reader.info, start_s, end_s)
    size = _size(reader.info, max_side)
    painter = make_painter(reader, size)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ClipError(f"{target.parent} cannot be made: {error.strerror or error}") from error
    part = target.with_name(f".{target.stem[:60]}.part{target.suffix}")
    try:
        job = _Job(reader, part, size, limits, start_s, end_s)
        with kept_memory():
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
        reader: Reader,
        target: Path,
        size: tuple[int, int],
        limits: ClipLimits,
        start_s: float,
        end_s: float | None,
    ) -> None:
        self._reader, self._target, self._limits = reader, target, limits
        self._painted_size, self._start_s, self._end_s = size, start_s, end_s
        self.size, self.frames, self.end_s, self.has_sound = size, 0, Fraction(0), False
        self._writer: ClipWriter | None = None

    def run(
        self,
        painter: Painter[T],
        on_progress: Callable[[ClipProgress], None] | None,
        should_stop: Callable[[], bool],
    ) -> bool:
        """Paint and write all frames; return whether all were.

        While one frame is painted, the one before is completed and encoded, and the next is decoded and its
        motion found.
        """
        started, written, is_stopped = time.monotonic(), None, False

        def is_last(written: Future[tuple[Frame, Frame]]) -> bool:
            """Report a frame once it is written; returns whether it ends the clip."""
            frame, painted = written.result()
            self.frames, self.end_s = self.frames + 1, painted.start_s + painted.duration_s
            if on_progress:
                on_progress(self._progress(time.monotonic() - started, frame, painted))
            return should_stop()

        frames = _one_ahead((frame, painter.follow(frame)) for frame in self._frames())
        try:
            with ThreadPoolExecutor(1) as encoding, closing(frames):
                for frame, followed in frames:
                    complete = painter.paint(followed)
                    if written and (is_stopped := is_last(written)):
                        break
                    written = encoding.submit(self._write, frame, complete)
                if written:
                    is_stopped = is_stopped or is_last(written)
                if self._writer is None:
                    raise ClipError(f"{self._reader.path.name} has no frame from {self._start_s:g} s on")
            is_whole = not is_stopped and self._end_s is None
            self._writer.close(sound_until_s=math.inf if is_whole else float(self.end_s))
        finally:
            if self._writer:
                self._writer.abandon()
        return not is_stopped

    def _write(self, frame: Frame, complete: Callable[[], Frame]) -> tuple[Frame, Frame]:
        """Complete and write a frame; returns it as it was, and painted."""
        painted = complete()
        self._writer = self._writer or self._open_writer(has_alpha=painted.alpha is not None)
        self._writer.write(painted)
        return frame, painted

    def _frames(self) -> Iterator[Frame]:
        """The frames at the size at which they are painted."""
        width, height = self._painted_size
        for frame in self._reader.frames(self._start_s, self._end_s):
            self._limits.check_length(self._reader.path.name, float(frame.start_s))
            if frame.pixels.shape[:2] != (height, width):
                frame = _resized(frame, width, height)
            yield frame

    def _open_writer(self, *, has_alpha: bool) -> ClipWriter:
        info = self._reader.info
        sound = (self._reader.path, self._reader.origin_s) if info.has_sound else None
        writer = ClipWriter(self._target, self._painted_size, info.frame_rate, sound, has_alpha=has_alpha)
        self.size, self.has_sound = writer.size, writer.sound is not None
        return writer

    def _progress(self, elapsed_s: float, frame: Frame, painted: Frame) -> ClipProgress:
        total = remaining = None
        if self._end_s is not None or self._reader.info.duration_s is not None:
            end = min(self._end_s or math.inf, self._reader.info.duration_s or math.inf)
            share = float(self.end_s) / max(end - self._start_s, 1e-6)
            total = max(self.frames, round(self.frames / max(min(share, 1.0), 1e-6)))
            remaining = elapsed_s * max(0.0, 1 / max(share, 1e-6) - 1)
        shown = painted.pixels if painted.alpha is None else np.dstack((painted.pixels, painted.alpha))
        pictures = Image.fromarray(frame.pixels), Image.fromarray(shown)
        return ClipProgress(self.frames, total, elapsed_s, remaining, *pictures)
