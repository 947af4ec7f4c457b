"""`look`: photos in the light and colors of a reference picture; looks and color tables to keep."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from stylecore import load_image
from stylecore.commands.clips import add_part_options, check_part_options, is_painted_as_clip
from stylecore.commands.console import (
    BAD_INPUT,
    FAILED,
    OK,
    UsageError,
    fail,
    interruptible,
    print_json,
    progress,
)
from stylecore.commands.files import (
    STANDARD_STREAM,
    Location,
    check_output,
    find_sources,
    output_path,
    read_source,
    write_output,
)
from stylecore.commands.look_clips import write_look_of_clip
from stylecore.commands.matching import Matching, add_regions, has_regions, region_files
from stylecore.commands.parsing import add_json, add_settings, given_settings
from stylecore.commands.where import Where, add_parts, has_part
from stylecore.errors import ClipError, ImageError, describe
from stylecore.images.files import free_path
from stylecore.images.metadata import Description
from stylecore.images.sizes import check_max_side
from stylecore.photoreal.config import PhotoLookConfig, check_look_config, check_share
from stylecore.photoreal.cube import CUBE_ENDING
from stylecore.photoreal.look_files import LOOK_FILE_ENDING
from stylecore.photoreal.looks import PhotoLook

if TYPE_CHECKING:
    from stylecore.photoreal.fitting import LookProgress

HELPS = {
    "method": "natural, strong, or instant, which needs no torch",
    "steps": "steps of the optimizer (default: 20, or 35 with strong)",
    "keep_light": "share of the photo's own brightness that stays, 0 to 1; 0.6 suits dark references",
    "keep_skin": "how far the skin of people keeps its colors, 0 to 1",
    "side": "long side in pixels at which the look is found",
    "device": "device to find it on: auto, cpu or cuda",
    "precision": "auto, float32 or mixed",
}
EXAMPLES = """\
examples:
  impasto look noon.jpg evening.jpg -o noon_evening.jpg
  impasto look noon.jpg evening.jpg -o evening.look
  impasto look holiday/ evening.look -o holiday_evening/
  impasto look noon.jpg evening.jpg -o evening.cube
  impasto look noon.jpg evening.jpg -o noon_evening.jpg --regions subject
  impasto look clip.mp4 evening.jpg -o evening.mp4

A look file fits the photo it was made for, at any size. On other photos its global part is used, or with
--refit the look is found anew for each. Ctrl-C ends the search and writes the best look so far. For a
clip the look is found for a frame of every four seconds, and blended between them.
"""


def add_look_command(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "look",
        description="Give photos and clips the light and colors of a photo or painting; they stay photos. "
        "Takes seconds; needs torch, apart from --method instant.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("photos", nargs="+", metavar="PHOTO", help="photo, clip, or folder of both")
    parser.add_argument(
        "reference", metavar="REFERENCE", help=f"picture whose look is taken, or a {LOOK_FILE_ENDING} file"
    )
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        metavar="OUTPUT",
        help=f"file: a picture, clip, look ({LOOK_FILE_ENDING}) or color table ({CUBE_ENDING}); or a folder",
    )
    parser.add_argument("--strength", type=float, metavar="S", help="from 0, the photo, to 1 (default: 1)")
    parser.add_argument("--refit", action="store_true", help="find the look of a look file anew")
    parser.add_argument(
        "--max-side", type=int, metavar="PX", help="scale larger photos down to this long side"
    )
    add_regions(parser, style_name="reference")
    add_parts(
        parser.add_argument_group("where"),
        where_help="change this part of each photo (default: all of it)",
        mask_help="change the photo where this picture, of its size, is white",
    )
    add_part_options(parser.add_argument_group("clips"))
    add_json(parser)
    add_settings(parser, PhotoLookConfig, HELPS)
    parser.set_defaults(run=run_look)


def run_look(options: argparse.Namespace) -> int:
    check_max_side(options.max_side)
    check_usage(options)
    sources = find_sources(options.photos)
    clips = {source for source in sources.photos if is_painted_as_clip(source, options.output)}
    if clips:
        check_for_clips(options)
    outputs = name_outputs(sources.photos, options, clips)
    finder = LookFinder(options)
    done, failed = [], list(sources.failed)
    masks = [options.where_mask] if options.where_mask else []
    read = [Path(file) for file in (options.reference, *region_files(options), *masks)]
    status = OK
    for failure in failed:
        status = fail(failure["error"], BAD_INPUT)
    with interruptible() as is_interrupted:
        for source, output in zip(sources.photos, outputs, strict=True):
            make = make_look_of_clip if source in clips else make_look
            try:
                check_output(output, [*sources.photos, *read])
                done.append(make(source, output, finder, options, is_interrupted))
            except (ImageError, ClipError) as error:
                failed.append({"photo": str(source), "error": describe(error)})
                status = fail(error, FAILED if is_interrupted() else BAD_INPUT)
            if is_interrupted():
                status = fail("interrupted; what is written is the best so far", FAILED)
                break
    if options.json:
        print_json({"pictures": done, "skipped": sources.skipped, "errors": failed})
    return status


def check_usage(options: argparse.Namespace) -> None:
    """Refuses options that do not belong together.

    Raises:
        UsageError: The message says what is needed.
        ValueError: The strength, or a setting, is out of range.
    """
    check_share("strength", 1.0 if options.strength is None else options.strength)
    settings = given_settings(options, PhotoLookConfig)
    check_look_config(PhotoLookConfig(**settings))
    is_look = Path(options.reference).suffix.lower() == LOOK_FILE_ENDING
    if options.refit and not is_look:
        raise UsageError(f"--refit is for a {LOOK_FILE_ENDING} file as the reference")
    if is_look and not options.refit and (settings.keys() - {"keep_light"} or has_regions(options)):
        raise UsageError(f"the settings of {options.reference} are fixed: give --refit to find it anew")
    ending = Path(options.output).suffix.lower()
    if ending == LOOK_FILE_ENDING and options.strength is not None:
        raise UsageError("--strength would do nothing in a look file: give it when the look is used")
    if ending in (LOOK_FILE_ENDING, CUBE_ENDING) and has_part(options):
        raise UsageError("--where and --where-mask would do nothing in a look file or a color table")
    is_one = len(options.photos) == 1 and not os.path.isdir(options.photos[0])
    if not is_one and (ending in (LOOK_FILE_ENDING, CUBE_ENDING) or region_files(options)):
        raise UsageError("a look file, a color table, --region and --doodle need exactly one photo")


def check_for_clips(options: argparse.Namespace) -> None:
    """Refuses what clips cannot use.

    Raises:
        UsageError: A look file or a color table of a clip, regions, a part, or times out of order.
        MissingExtraError: The packages for clips are not installed.
    """
    is_file = Path(options.output).suffix.lower() in (LOOK_FILE_ENDING, CUBE_ENDING)
    if is_file or has_regions(options) or has_part(options):
        raise UsageError("a look file, a color table, regions and a part need a photo, not a clip")
    check_part_options(options)


def name_outputs(
    sources: list[Location], options: argparse.Namespace, clips: Collection[Location]
) -> list[Location]:
    """Where each result goes; a look and a color table under the given name."""
    target = Path(options.output)
    if target.suffix.lower() in (LOOK_FILE_ENDING, CUBE_ENDING):
        return [target for _ in sources]
    is_one = len(options.photos) == 1 and not os.path.isdir(options.photos[0])
    label = Path(options.reference).stem
    outputs = [
        output_path(source, options.output, label, is_one=is_one, is_clip=source in clips)
        for source in sources
    ]
    taken: set[Path] = set()
    return [output if output == STANDARD_STREAM else free_path(output, taken) for output in outputs]


class LookFinder:
    """Finds the look for each photo: as it is in a look file, or fitted.

    Args:
        options: The parsed command line.
    Raises:
        ImageError: The reference cannot be read.
        StyleError: The look file cannot be read.
        UsageError: Another number of files for regions than of pictures.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self.matching = Matching.from_options(options, None, styles=1, style_name="reference")
        given = given_settings(options, PhotoLookConfig)
        self.kept: PhotoLook | None = None
        if Path(options.reference).suffix.lower() == LOOK_FILE_ENDING:
            look = PhotoLook.load(options.reference)
            self.reference, self.config = look.reference, replace(look.config, **given)
            self.kept = None if options.refit else replace(look, config=self.config)
        else:
            self.reference, self.config = load_image(options.reference), PhotoLookConfig(**given)

    def find(self, photo: Image.Image, should_stop: Callable[[], bool]) -> PhotoLook:
        if self.kept is not None:
            return self.kept
        return PhotoLook.fit(
            photo,
            self.reference,
            self.config,
            regions=self.matching.find(photo, [self.reference]),
            on_progress=report_step,
            should_stop=should_stop,
        )


def report_step(state: LookProgress) -> None:
    """Prints every fifth step."""
    if state.step % 5 == 0 or state.step == state.steps:
        progress(
            f"step {state.step}/{state.steps}  style {state.style_loss:.3f}  total {state.total_loss:.3f}  "
            f"{state.remaining_s:.0f} s left"
        )


def make_look(
    source: Location,
    output: Location,
    finder: LookFinder,
    options: argparse.Namespace,
    should_stop: Callable[[], bool],
) -> dict:
    """Finds the look for one photo and writes the result; returns the record for `--json`."""
    photo = read_source(source, max_side=options.max_side)
    started = time.perf_counter()
    look = finder.find(photo, should_stop)
    strength = 1.0 if options.strength is None else options.strength
    ending = "" if output == STANDARD_STREAM else Path(output).suffix.lower()
    is_fitted = look.is_fitted_to(photo)
    if ending == LOOK_FILE_ENDING:
        look.save(output)
    elif ending == CUBE_ENDING:
        look.save_cube(output, strength)
    else:
        where = Where(options.where or options.where_mask)
        text = f"look of {Path(options.reference).stem}, {look.config.method}, strength {strength:g}"
        # Each color is the photo's own, transformed: nothing in it was made by a network.
        description = Description(text + where.words(), is_generated=False)
        changed = look.apply(photo, strength)
        if (mask := where.find(photo, source, verb="changed")) is not None:
            changed = Image.composite(changed, photo.convert(changed.mode), mask)
        write_output(changed, output, description=description)
    milliseconds = round((time.perf_counter() - started) * 1000)
    part = "" if is_fitted else ", global part of the look"
    progress(f"{source} -> {output}: {photo.width} x {photo.height} px{part}, {milliseconds} ms")
    return {
        "photo": str(source),
        "output": str(output),
        "width": photo.width,
        "height": photo.height,
        "method": look.config.method,
        "is_fitted": is_fitted,
        "milliseconds": milliseconds,
    }


def make_look_of_clip(
    source: Location,
    output: Location,
    finder: LookFinder,
    options: argparse.Namespace,
    should_stop: Callable[[], bool],
) -> dict:
    """As `make_look`, for a clip."""
    look = finder.reference if finder.kept is None else finder.kept
    return write_look_of_clip(Path(source), Path(output), look, finder.config, options, should_stop)
