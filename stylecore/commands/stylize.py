"""`stylize`: photos painted in ready-made styles, in those of style files, or in the style of any picture."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from stylecore.commands.batch import Batch
from stylecore.commands.clips import add_clip_options, check_clip_options, is_painted_as_clip
from stylecore.commands.console import UsageError, print_json
from stylecore.commands.files import STANDARD_STREAM, Location, find_sources, is_single, output_path
from stylecore.commands.parsing import add_device, add_json
from stylecore.commands.ray_batch import add_ray, check_ray, paint_on_ray
from stylecore.commands.style_choice import choose_styles
from stylecore.commands.where import Where, add_where
from stylecore.images.files import free_path
from stylecore.images.sizes import check_max_side

EXAMPLES = """\
examples:
  impasto stylize photo.jpg --style mosaic
  impasto stylize holiday/ --style mosaic:0.6,the_wave:0.4 -o painted/
  impasto stylize photo.jpg --style drawing.png
  impasto stylize photo.jpg --style the_wave --where background
  impasto stylize photo.jpg --style ink --where subject --elsewhere transparent
  impasto stylize family/ --style mosaic --keep-faces
  impasto stylize clip.mp4 --style the_scream --start 2 --end 5
  impasto stylize clip.mp4 --style ink --where subject --elsewhere transparent -o subject.webm
  impasto stylize photo.jpg --style candy.impasto:0.6,mosaic:0.4
  impasto stylize archive/ more.zip --style mosaic -o painted/ --ray

A picture becomes a style at once. `impasto learn`, which needs torch and takes minutes, makes a style
file that follows the picture better, and `impasto optimize` paints one photo that follows it best.
"""


def add_stylize(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "stylize",
        description="Paint photos and clips in a ready-made style, in that of a style file or picture, or in "
        "a blend.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "photos", nargs="+", metavar="PHOTO", help="photo, clip, folder of both, ZIP of photos, or -"
    )
    parser.add_argument(
        "--style",
        required=True,
        metavar="STYLE",
        help="name of a style (see `impasto styles`), style file or picture; NAME:0.6,NAME:0.4 for a blend",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUTPUT",
        help="file, folder, or - for standard output (default: PHOTO_STYLE in the current folder)",
    )
    add_look(parser)
    add_where(parser)
    add_clip_options(parser)
    add_ray(parser)
    add_device(parser, default="auto", use="to paint on")
    add_json(parser)
    parser.set_defaults(run=run_stylize)


def add_look(parser: argparse.ArgumentParser) -> None:
    """Options for how a painting looks."""
    look = parser.add_argument_group("look")
    look.add_argument(
        "--strength", type=float, default=1.0, metavar="S", help="from 0, the photo, to 2 (default: 1)"
    )
    look.add_argument("--preserve-color", action="store_true", help="keep the colors of the photo")
    strokes = look.add_mutually_exclusive_group()
    strokes.add_argument(
        "--stroke-scale",
        type=float,
        default=1.0,
        metavar="K",
        help="size of the strokes relative to the picture, 0.1 to 10 (default: 1, as in the app)",
    )
    strokes.add_argument(
        "--stroke-size",
        type=int,
        metavar="PX",
        help="size of the strokes in pixels, 128 to 65536; the styles were learned at 512",
    )
    look.add_argument("--max-side", type=int, metavar="PX", help="scale larger photos down to this long side")
    look.add_argument(
        "--fast",
        action="store_true",
        help="use the fast network: up to three times as fast, faces and strokes less clear",
    )


def run_stylize(options: argparse.Namespace) -> int:
    from stylecore.instant.blends import resolve_styles
    from stylecore.instant.stylizer import check_settings

    # Everything is checked before the network is loaded, so that bad input costs nothing.
    check_settings(options.strength, options.stroke_scale, options.stroke_size)
    check_max_side(options.max_side)
    if options.json and options.output == STANDARD_STREAM:
        raise UsageError("--json and -o - both want standard output: give one of them up")
    styles = choose_styles(options.style)
    resolve_styles(styles.weights)
    where = Where.from_options(options)
    if where.elsewhere:
        resolve_styles(where.elsewhere.weights)
    check_ray(options)
    sources = find_sources(options.photos)
    clips = {source for source in sources.photos if is_painted_as_clip(source, options.output)}
    if clips:
        check_clip_options(options)
    outputs = name_outputs(sources.photos, options, styles.by_name(), clips, where)
    batch = Batch(options, styles, sources, where)
    if options.ray:
        paint_on_ray(batch, outputs, clips)
    else:
        batch.paint_all(outputs, clips)
    if options.json:
        print_json(batch.report())
    return batch.status


def name_outputs(
    sources: Sequence[Location],
    options: argparse.Namespace,
    weights: Mapping[str, float],
    clips: Collection[Location] = (),
    where: Where = Where(),
) -> list[Location]:
    """Where each photo's painting goes, see `output_path`; different files for all of them."""
    label = "_".join(name for name, weight in weights.items() if weight)
    is_one = is_single(options.photos)
    outputs = [
        where.output_for(
            output_path(source, options.output, label, is_one=is_one, is_clip=source in clips), options
        )
        for source in sources
    ]
    taken: set[Path] = set()
    return [output if output == STANDARD_STREAM else free_path(output, taken) for output in outputs]
