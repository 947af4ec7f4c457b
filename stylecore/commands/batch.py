"""Paints the photos of one `stylize` command, and reports on them."""

from __future__ import annotations

import argparse
import errno
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from stylecore.commands.clips import REPORT_S, paint_clip
from stylecore.commands.console import BAD_INPUT, FAILED, OK, fail, progress
from stylecore.commands.files import (
    Location,
    Sources,
    check_output,
    output_hint,
    read_source,
    write_output,
)
from stylecore.commands.style_choice import ChosenStyles
from stylecore.commands.where import Where
from stylecore.errors import ClipError, ImageError, StyleTransferError, describe
from stylecore.host.ahead import work_ahead
from stylecore.images.metadata import Description, describe_painting

if TYPE_CHECKING:
    from stylecore.instant.progress import PaintingProgress
    from stylecore.instant.stylizer import FastStylizer

# Errors after which no further picture can be written; Windows lacks EDQUOT.
FULL_DISK = (errno.ENOSPC, errno.EROFS, getattr(errno, "EDQUOT", errno.ENOSPC))
GPU_PHOTOS = 4  # that are read, painted and written at the same time on a GPU
LARGE_PIXELS = 16e6  # of photos that are painted one at a time, for their memory


class OutputError(OSError):
    """A painting cannot be written; the message names photo and output."""

    def __init__(self, source: Location, output: Location, error: OSError) -> None:
        super().__init__(f"{source}: {output} cannot be written: {error.strerror or error}")
        self.is_disk_full = error.errno in FULL_DISK


@dataclass(frozen=True)
class Made:
    """What became of a photo or clip.

    Attributes:
        picture: The report on it.
        notice: What the user should know about it; mostly empty.
        is_complete: False for a clip that was interrupted.
    """

    picture: dict
    notice: str = ""
    is_complete: bool = True


class Batch:
    """Paints photos one by one, and collects what was painted and what failed.

    Args:
        options: The parsed command line.
        styles: What to paint in; its files are not overwritten either.
        sources: All photos, none of which is overwritten, and the files and folders that are not painted.
        where: The part of each photo that is painted.
    Attributes:
        status: Exit status so far.
        device: Where photos are painted; None before the first.
    """

    def __init__(
        self,
        options: argparse.Namespace,
        styles: ChosenStyles,
        sources: Sources,
        where: Where = Where(),
    ) -> None:
        self.options, self.styles, self.sources, self.where = options, styles, sources.photos, where
        self.stylizer: FastStylizer | None = None
        self.device: str | None = None
        self.done: list[dict] = []
        self.failed, self.skipped = list(sources.failed), sources.skipped
        self.status = OK
        self._large_turn = threading.Lock()
        for skipped in self.skipped:
            progress(f"{skipped['photo']} is skipped: {skipped['reason']}")
        for failure in self.failed:
            self.status = fail(failure["error"], BAD_INPUT)

    def paint_all(self, outputs: Sequence[Location], clips: Collection[Location] = ()) -> None:
        """Paints all photos and clips, until one ends the batch.

        Args:
            outputs: Where each painting goes.
            clips: Sources that are painted as clips.
        """
        left = deque(zip(self.sources, outputs, strict=True))
        goes_on = True
        while left and goes_on:
            photos = list(takewhile(lambda pair: pair[0] not in clips, left)) if self._is_on_gpu else []
            if len(photos) > 1:
                goes_on = self._paint_ahead(photos)
                left = deque([*left][len(photos) :])
            else:
                source, output = left.popleft()
                goes_on = self.paint(source, output, is_clip=source in clips)

    def paint(self, source: Location, output: Location, *, is_clip: bool = False) -> bool:
        """Paints a photo or clip; returns whether further ones can be painted."""
        try:
            made = self._make_clip(source, output) if is_clip else self._make(source, output)
        except BrokenPipeError:
            raise  # the program that read standard output has ended
        except (Exception, KeyboardInterrupt) as error:
            return self.note_failure(source, error)
        return self._note_made(source, made)

    @property
    def _is_on_gpu(self) -> bool:
        return self.stylizer is not None and self.stylizer.device == "cuda"

    def _paint_ahead(self, photos: Sequence[tuple[Location, Location]]) -> bool:
        """Paints photos, of which the next are read and painted while one is written; as `paint`."""

        def make(photo: tuple[Location, Location]) -> Made | Exception:
            try:
                return self._make(*photo)
            except Exception as error:
                return error

        with closing(work_ahead(make, photos, threads=GPU_PHOTOS)) as results:
            for source, _ in photos:
                try:
                    result = next(results)
                except KeyboardInterrupt as error:
                    return self.note_failure(source, error)
                if isinstance(result, Made):
                    self._note_made(source, result)
                elif isinstance(result, BrokenPipeError):
                    raise result
                elif not self.note_failure(source, result):
                    return False
        return True

    def _make(self, source: Location, output: Location) -> Made:
        """Reads a photo, paints it, and writes the painting."""
        check_output(output, [*self.sources, *self.styles.files, *self.where.files])
        image = self.read(source)
        stylizer = self._engine()
        with self._large_turn if image.width * image.height > LARGE_PIXELS else nullcontext():
            started = time.perf_counter()
            stylized = self.stylize(image, source, stylizer)
            milliseconds = round((time.perf_counter() - started) * 1000)
            width, height = stylized.size
            del image  # not needed while a large painting is written
            self.write(stylized, source, output)
        size = {"width": width, "height": height}
        picture = {"photo": str(source), "output": str(output)} | size | {"milliseconds": milliseconds}
        return Made(picture, notice=stylized.info.get("notice", ""))

    def _make_clip(self, source: Location, output: Location) -> Made:
        """Paints a clip from file to file."""
        check_output(output, [*self.sources, *self.styles.files, *self.where.files])
        stylizer, started = self._engine(), time.perf_counter()
        clip = paint_clip(source, output, self.styles.weights, self.options, self.where, stylizer)
        milliseconds = round((time.perf_counter() - started) * 1000)
        size = {"width": clip.width, "height": clip.height, "frames": clip.frames}
        picture = {"photo": str(source), "output": str(output)} | size | {"milliseconds": milliseconds}
        return Made(picture, is_complete=clip.is_complete)

    def _engine(self) -> FastStylizer:
        """The engine, opened once a first photo could be read, so that bad input costs nothing."""
        from stylecore.instant.stylizer import FastStylizer

        if self.stylizer is None:
            self.stylizer = FastStylizer(self.options.device)
            self.stylizer.captures_graphs = True  # clips are painted one at a time, and no photos meanwhile
        return self.stylizer

    def _note_made(self, source: Location, made: Made) -> bool:
        """Reports what was painted; returns whether all of it was."""
        self.device = self._engine().device
        self.note_done(made.picture)
        if made.notice:
            progress(f"{source}: {made.notice}")
        if not made.is_complete:
            frames, output = made.picture["frames"], made.picture["output"]
            error = f"interrupted after {frames} frames; {output} has the clip so far"
            self.failed.append({"photo": str(source), "error": error})
            self.status = fail(error, FAILED)
        return made.is_complete

    def note_done(self, picture: dict) -> None:
        """Reports a painting."""
        self.done.append(picture)
        size = f"{picture['width']} x {picture['height']} px"
        if "frames" in picture:
            size += f", {picture['frames']} frames"
        took = f"{picture['milliseconds']} ms on {self.device}"
        progress(f"{picture['photo']} -> {picture['output']}: {size}, {took}")

    def read(self, source: Location) -> Image.Image:
        """Reads a photo; in full where a mask file must have its size."""
        is_whole = isinstance(self.where.part, Path)
        return read_source(source, max_side=None if is_whole else self.options.max_side)

    def stylize(self, image: Image.Image, source: Location, stylizer: FastStylizer) -> Image.Image:
        from stylecore.instant.compositing import Region

        look = {
            "style": self.styles.weights,
            "strength": self.options.strength,
            "preserve_color": self.options.preserve_color,
            "stroke_scale": self.options.stroke_scale,
            "stroke_size": self.options.stroke_size,
        }
        regions: list[Region] = []
        if self.where.part is not None or self.where.keeps_faces:  # the mask of all takes memory
            base = Region(Image.new("L", image.size, 255), **look)
            regions = self.where.regions(image, source, base)
        return stylizer.stylize(
            image,
            **look,
            max_side=self.options.max_side,
            fine=not self.options.fast,
            regions=regions,
            on_progress=_reporter(source),
            closes_photo=True,
        )

    def write(self, stylized: Image.Image, source: Location, output: Location) -> None:
        try:
            write_output(stylized, output, description=self.description())
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputError(source, output, error) from error

    def description(self) -> Description:
        """The settings, for the metadata of the files."""
        size = self.options.stroke_size
        description = describe_painting(
            self.styles.by_name(),
            strength=self.options.strength,
            preserve_color=self.options.preserve_color,
            strokes=f"{self.options.stroke_scale:g}" if size is None else f"{size} px",
        )
        return replace(description, text=description.text + self.where.words())

    def note_failure(self, source: Location, error: Exception | KeyboardInterrupt) -> bool:
        """Reports a photo that could not be painted; returns whether further ones can be.

        Raises:
            The error itself, if it ends the batch and there is nothing else to report.
        """
        is_input = isinstance(error, (ClipError, ImageError))
        is_disk_full = isinstance(error, OutputError) and error.is_disk_full
        # The installation is broken, the disk is full, or the user interrupts: no further photo is painted.
        is_end = is_disk_full or (isinstance(error, (StyleTransferError, KeyboardInterrupt)) and not is_input)
        if is_end and not (self.done or self.failed):
            raise error
        message = "interrupted" if isinstance(error, KeyboardInterrupt) else describe(error)
        if is_input and self.sources and source is self.sources[-1]:
            message += output_hint(self.options.photos, self.options.output, least=1)
        self.note_error(source, message, BAD_INPUT if is_input else FAILED)
        return not is_end

    def note_error(self, source: Location, message: str, status: int) -> None:
        """Reports a photo that is not painted; a failure outweighs bad input in the exit status."""
        self.failed.append({"photo": str(source), "error": message})
        self.status = fail(message, FAILED if FAILED in (status, self.status) else status)

    def report(self) -> dict:
        return {
            "device": self.device,
            "style": self.options.style,
            "pictures": self.done,
            "skipped": self.skipped,
            "errors": self.failed,
        }


def _reporter(source: Location) -> Callable[[PaintingProgress], None]:
    """Reports on a photo that takes long, every few seconds."""
    reported = time.monotonic()

    def report(state: PaintingProgress) -> None:
        nonlocal reported
        if time.monotonic() - reported < REPORT_S:
            return
        reported = time.monotonic()
        progress(f"{source}: {state.share:.0%}, {state.remaining_s:.0f} s left")

    return report
