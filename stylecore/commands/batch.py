"""Paints the photos of one `stylize` command, and reports on them."""

from __future__ import annotations

import argparse
import errno
import time
from collections.abc import Callable
from dataclasses import replace
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
from stylecore.images.metadata import Description, describe_painting

if TYPE_CHECKING:
    from stylecore.instant.progress import PaintingProgress
    from stylecore.instant.stylizer import FastStylizer

# Errors after which no further picture can be written; Windows lacks EDQUOT.
FULL_DISK = (errno.ENOSPC, errno.EROFS, getattr(errno, "EDQUOT", errno.ENOSPC))


class OutputError(OSError):
    """A painting cannot be written; the message names photo and output."""

    def __init__(self, source: Location, output: Location, error: OSError) -> None:
        super().__init__(f"{source}: {output} cannot be written: {error.strerror or error}")
        self.is_disk_full = error.errno in FULL_DISK


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
        for skipped in self.skipped:
            progress(f"{skipped['photo']} is skipped: {skipped['reason']}")
        for failure in self.failed:
            self.status = fail(failure["error"], BAD_INPUT)

    def paint(self, source: Location, output: Location, *, is_clip: bool = False) -> bool:
        """Paints a photo or clip; returns whether further ones can be painted."""
        from stylecore.instant.stylizer import FastStylizer

        try:
            check_output(output, [*self.sources, *self.styles.files, *self.where.files])
            image = None if is_clip else self.read(source)
            if self.stylizer is None:
                self.stylizer = FastStylizer(self.options.device)
            started, is_complete = time.perf_counter(), True
            if is_clip:
                clip = paint_clip(
                    source, output, self.styles.weights, self.options, self.where, self.stylizer
                )
                width, height, frames = clip.width, clip.height, {"frames": clip.frames}
                is_complete = clip.is_complete
            else:
                stylized = self.stylize(image, source)
                width, height, frames = *stylized.size, {}
                del image  # not needed while a large painting is written
            milliseconds = round((time.perf_counter() - started) * 1000)
            if not is_clip:
                self.write(stylized, source, output)
        except BrokenPipeError:
            raise  # the program that read standard output has ended
        except (Exception, KeyboardInterrupt) as error:
            return self.note_failure(source, error)
        size = {"width": width, "height": height} | frames
        self.device = self.stylizer.device
        self.note_done({"photo": str(source), "output": str(output)} | size | {"milliseconds": milliseconds})
        if not is_clip and (notice := stylized.info.get("notice")):
            progress(f"{source}: {notice}")
        if not is_complete:
            error = f"interrupted after {frames['frames']} frames; {output} has the clip so far"
            self.failed.append({"photo": str(source), "error": error})
            self.status = fail(error, FAILED)
        return is_complete

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

    def stylize(self, image: Image.Image, source: Location) -> Image.Image:
        from stylecore.instant.compositing import Region

        look = {
            "style": self.styles.weights,
            "strength": self.options.strength,
            "preserve_color": self.options.preserve_color,
            "stroke_scale": self.options.stroke_scale,
            "stroke_size": self.options.stroke_size,
        }
        base = Region(Image.new("L", image.size, 255), **look)
        return self.stylizer.stylize(
            image,
            **look,
            max_side=self.options.max_side,
            fine=not self.options.fast,
            regions=self.where.regions(image, source, base),
            on_progress=_reporter(source),
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
