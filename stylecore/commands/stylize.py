"""`stylize` and `styles`: photos painted in the ready-made styles, and which there are."""

from __future__ import annotations

import argparse
import errno
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from stylecore import list_styles
from stylecore.commands.console import BAD_INPUT, FAILED, OK, UsageError, fail, print_json, progress
from stylecore.commands.files import (
    STANDARD_STREAM,
    Location,
    Sources,
    check_output,
    find_sources,
    output_hint,
    output_path,
    read_source,
    write_output,
)
from stylecore.commands.parsing import parse_weights
from stylecore.errors import ImageError, StyleTransferError, describe
from stylecore.host.device_choices import DEVICES
from stylecore.images.files import free_path
from stylecore.images.metadata import Description, describe_painting
from stylecore.images.sizes import check_max_side

if TYPE_CHECKING:
    from stylecore.instant.stylizer import FastStylizer

# Errors of a disk that takes no further picture either; Windows lacks one.
FULL_DISK = (errno.ENOSPC, errno.EROFS, getattr(errno, "EDQUOT", errno.ENOSPC))


class FullDiskError(OSError):
    """Nothing more can be written; the message names the photo."""


def add_stylize(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("stylize", help="paint photos in ready-made styles")
    parser.add_argument("photos", nargs="+", metavar="PHOTO", help="file, folder, or - for standard input")
    parser.add_argument("--style", required=True, help="NAME, or NAME:0.6,NAME:0.4 for a blend")
    parser.add_argument("-o", "--output", help="file, folder, or - for standard output")
    parser.add_argument("--strength", type=float, default=1.0, help="0 (photo) to 2; default 1")
    parser.add_argument("--preserve-color", action="store_true", help="keep the photo's colors")
    strokes = parser.add_mutually_exclusive_group()
    strokes.add_argument(
        "--stroke-scale",
        type=float,
        default=1.0,
        metavar="K",
        help="size of the strokes relative to the picture, 0.1 to 10; default 1, as in the app",
    )
    strokes.add_argument(
        "--stroke-size",
        type=int,
        metavar="PX",
        help="size of the strokes in pixels, 128 to 65536; at 512 as the ready-made styles were learned",
    )
    parser.add_argument("--max-side", type=int, metavar="PX", help="scale larger photos down")
    parser.add_argument(
        "--fast", action="store_true", help="less clear faces and brush work, up to three times as fast"
    )
    parser.add_argument("--device", default="auto", choices=DEVICES)
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.set_defaults(run=run_stylize)


def add_styles(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("styles", help="list the ready-made styles")
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(run=run_styles)


def run_stylize(options: argparse.Namespace) -> int:
    from stylecore.instant.stylizer import check_settings, resolve_styles

    # Everything is checked before the network is loaded, so that bad input costs nothing.
    weights = parse_weights(options.style)
    resolve_styles(weights)
    check_settings(options.strength, options.stroke_scale, options.stroke_size)
    check_max_side(options.max_side)
    if options.json and options.output == STANDARD_STREAM:
        raise UsageError("--json and -o - both want standard output: give one of them up")
    sources = find_sources(options.photos)
    outputs = name_outputs(sources.photos, options, weights)
    batch = Batch(options, weights, sources)
    for source, output in zip(sources.photos, outputs, strict=True):
        if not batch.paint(source, output):
            break
    if options.json:
        print_json(batch.report())
    return batch.status


def name_outputs(
    sources: Sequence[Location], options: argparse.Namespace, weights: Mapping[str, float]
) -> list[Location]:
    """Where each photo's painting goes, see `output_path`; different files for all of them."""
    label = "_".join(name for name, weight in weights.items() if weight)
    is_one = len(options.photos) == 1 and not os.path.isdir(options.photos[0])
    outputs = [output_path(source, options.output, label, is_one=is_one) for source in sources]
    taken: set[Path] = set()
    return [output if output == STANDARD_STREAM else free_path(output, taken) for output in outputs]


class Batch:
    """Paints photos one by one, and collects what was painted and what failed.

    Args:
        options: Of the command line.
        weights: By style name.
        sources: All photos, none of which is written over, and what was given and has none.
    Attributes:
        status: The exit status so far.
    """

    def __init__(self, options: argparse.Namespace, weights: Mapping[str, float], sources: Sources) -> None:
        self.options, self.weights, self.sources = options, weights, sources.photos
        self.stylizer: FastStylizer | None = None
        self.done: list[dict] = []
        self.failed, self.skipped = list(sources.failed), sources.skipped
        self.status = OK
        for skipped in self.skipped:
            progress(f"{skipped['photo']} is skipped: {skipped['reason']}")
        for failure in self.failed:
            self.status = fail(failure["error"], BAD_INPUT)

    def paint(self, source: Location, output: Location) -> bool:
        """Paint a photo; returns whether further ones can be painted."""
        from stylecore.instant.stylizer import FastStylizer

        try:
            check_output(output, self.sources)
            image = read_source(source, max_side=self.options.max_side)
            if self.stylizer is None:
                self.stylizer = FastStylizer(self.options.device)
            started = time.perf_counter()
            stylized = self.stylize(image)
            milliseconds = round((time.perf_counter() - started) * 1000)
            try:
                write_output(stylized, output, description=self.description())
            except OSError as error:
                if error.errno not in FULL_DISK:
                    raise
                raise FullDiskError(f"{source}: {output} cannot be written: {error.strerror}") from error
        except BrokenPipeError:
            raise  # whoever read has gone
        except (Exception, KeyboardInterrupt) as error:
            return self.note_failure(source, error)
        self.done.append(
            {
                "photo": str(source),
                "output": str(output),
                "width": stylized.width,
                "height": stylized.height,
                "milliseconds": milliseconds,
            }
        )
        size = f"{stylized.width} x {stylized.height} px"
        progress(f"{source} -> {output}: {size}, {milliseconds} ms on {self.stylizer.device}")
        return True

    def stylize(self, image: Image.Image) -> Image.Image:
        return self.stylizer.stylize(
            image,
            self.weights,
            strength=self.options.strength,
            preserve_color=self.options.preserve_color,
            stroke_scale=self.options.stroke_scale,
            stroke_size=self.options.stroke_size,
            max_side=self.options.max_side,
            fine=not self.options.fast,
        )

    def description(self) -> Description:
        """The settings, for the files' metadata."""
        size = self.options.stroke_size
        return describe_painting(
            self.weights,
            strength=self.options.strength,
            preserve_color=self.options.preserve_color,
            strokes=f"{self.options.stroke_scale:g}" if size is None else f"{size} px",
        )

    def note_failure(self, source: Location, error: Exception | KeyboardInterrupt) -> bool:
        """Report a photo that could not be painted; returns whether further ones can be.

        Raises:
            The error, where it ends the batch and there is nothing else to report.
        """
        is_input = isinstance(error, ImageError)
        # Of the installation or the disk, or wanted: no further photo can be painted.
        is_end = isinstance(error, (StyleTransferError, FullDiskError, KeyboardInterrupt)) and not is_input
        if is_end and not (self.done or self.failed):
            raise error
        message = "interrupted" if isinstance(error, KeyboardInterrupt) else describe(error)
        if is_input and source is self.sources[-1]:
            message += output_hint(self.options.photos, self.options.output, least=1)
        self.failed.append({"photo": str(source), "error": message})
        self.status = fail(message, BAD_INPUT if is_input and self.status != FAILED else FAILED)
        return not is_end

    def report(self) -> dict:
        device = self.stylizer.device if self.stylizer else None
        return {
            "device": device,
            "style": self.options.style,
            "pictures": self.done,
            "skipped": self.skipped,
            "errors": self.failed,
        }


def run_styles(options: argparse.Namespace) -> int:
    styles = list_styles()
    if options.json:
        print_json({"styles": [asdict(style) for style in styles]})
    else:
        for style in styles:
            print(f"{style.name:<16} {style.title}, {style.artist}, {style.year} ({style.license})")
    return OK
