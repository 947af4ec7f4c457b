"""Clips of the `stylize` command: what they are named, and how they are painted and reported."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from stylecore.commands.console import UsageError, interruptible, progress
from stylecore.commands.files import STANDARD_STREAM, Location
from stylecore.commands.where import Where
from stylecore.host.extras import import_extra
from stylecore.images.encoding import SAVE_FORMATS
from stylecore.styles.style import Style
from stylecore.video.recognizing import WRITTEN_EXTENSIONS, is_clip

if TYPE_CHECKING:
    from stylecore.instant.stylizer import FastStylizer
    from stylecore.video.rewriting import ClipProgress, ClipResult

REPORT_S = 5.0  # seconds from one line of progress to the next


def add_clip_options(parser: argparse.ArgumentParser) -> None:
    clips = parser.add_argument_group("clips")
    clips.add_argument(
        "--steadiness",
        type=float,
        default=1.0,
        metavar="S",
        help="from 0, each frame for itself, to 1, without flicker (default: 1)",
    )
    add_part_options(clips)


def add_part_options(clips: argparse._ArgumentGroup) -> None:
    clips.add_argument(
        "--start", type=float, default=0.0, metavar="S", help="start of the part to write, in seconds"
    )
    clips.add_argument("--end", type=float, metavar="S", help="end of that part (default: of the clip)")


def is_painted_as_clip(source: Location, output: str | None) -> bool:
    """Whether a source is a clip; of an animated picture, an output such as .jpg asks for its first frame.

    Raises:
        UsageError: A clip for standard output, or for the format of a picture.
    """
    if source == STANDARD_STREAM or not is_clip(Path(source)):
        return False
    suffix = Path(output).suffix.lower() if output and output != STANDARD_STREAM else ""
    is_still = output == STANDARD_STREAM or (suffix in SAVE_FORMATS and suffix not in WRITTEN_EXTENSIONS)
    if is_still and Path(source).suffix.lower() in (".gif", ".webp", ".png", ".apng"):
        return False
    if is_still:
        raise UsageError(f"{source} is a clip: give a file ending in {', '.join(WRITTEN_EXTENSIONS)}")
    return True


def check_clip_options(options: argparse.Namespace) -> None:
    """Refuses what clips cannot use, before any work is done.

    Raises:
        UsageError: Values out of range, or strokes in pixels.
        MissingExtraError: The packages for clips are not installed.
    """
    if options.stroke_size is not None:
        raise UsageError("--stroke-size is for photos: clips take --stroke-scale")
    if not 0 <= options.steadiness <= 1:
        raise UsageError(f"--steadiness is {options.steadiness:g}: use 0 to 1")
    check_part_options(options)


def check_part_options(options: argparse.Namespace) -> None:
    """Refuses times out of order, and clips without the packages that they need.

    Raises:
        UsageError: Times out of order.
        MissingExtraError: The packages for clips are not installed.
    """
    if not options.start >= 0 or (options.end is not None and not options.end > options.start):
        raise UsageError("--start and --end: 0 or more, and a later end are needed")
    for package in ("av", "cv2"):
        import_extra(package)


def paint_clip(
    source: Path,
    output: Path,
    weights: Mapping[Style, float],
    options: argparse.Namespace,
    where: Where,
    stylizer: FastStylizer,
) -> ClipResult:
    """Paints one clip; progress goes to standard error every few seconds. Ctrl-C keeps what is done."""
    from stylecore.video.clips import stylize_clip

    is_file = isinstance(where.part, Path)
    with interruptible() as is_interrupted:
        result = stylize_clip(
            source,
            output,
            weights,
            steadiness=options.steadiness,
            strength=options.strength,
            preserve_color=options.preserve_color,
            stroke_scale=options.stroke_scale,
            fine=not options.fast,
            where=None if is_file else where.part,
            where_mask=where.part if is_file else None,
            cut_out=where.is_cut_out,
            elsewhere=where.elsewhere.weights if where.elsewhere else None,
            keep_faces=where.keeps_faces,
            max_side=options.max_side,
            start_s=options.start,
            end_s=options.end,
            stylizer=stylizer,
            on_progress=report_frames(source),
            should_stop=is_interrupted,
        )
    if not result.is_found:
        rest = "as elsewhere" if where.elsewhere else "transparent" if where.is_cut_out else "as it was"
        progress(
            f"{source}: no {where.sought} was found, so all of it is "
            + ("painted" if where.part == "background" else rest)
        )
    return result


def report_frames(source: Path) -> Callable[[ClipProgress], None]:
    """Makes a function that prints the progress of a clip, every few seconds."""
    reported = time.monotonic()

    def report(state: ClipProgress) -> None:
        nonlocal reported
        if time.monotonic() - reported < REPORT_S:
            return
        reported = time.monotonic()
        of_all = f" of {state.total_frames}" if state.total_frames else ""
        left = "" if state.remaining_s is None else f", {state.remaining_s:.0f} s left"
        progress(f"{source}: frame {state.frames}{of_all}{left}")

    return report
