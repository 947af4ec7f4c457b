"""`learn`: a style file from style pictures, in minutes."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stylecore import load_image
from stylecore.commands.console import (
    FAILED,
    OK,
    UsageError,
    fail,
    interruptible,
    module,
    print_json,
    progress,
)
from stylecore.commands.files import check_output
from stylecore.commands.parsing import add_json, add_settings, add_style_output, given_settings
from stylecore.errors import ImageError
from stylecore.images.files import find_pictures
from stylecore.learning.learning_config import LearningConfig, fitting_config
from stylecore.styles.files import save_style_file

if TYPE_CHECKING:
    from PIL import Image

    from stylecore.learning.learning_progress import LearningProgress

HELPS = {
    "minutes": "minutes to learn",
    "steps": "steps of the optimizer, instead of --minutes",
    "stroke_size": "long side in pixels at which the style pictures are read",
    "title": "name of the style, for people (default: that of the first picture's file)",
    "photo_side": "long side in pixels of the photos that are learned on",
    "photo_count": "different photos of the project's own",
    "content_weight": "weight of the content loss",
    "style_weight": "weight of the style loss",
    "row_rate": "largest learning rate of the style's rows",
    "trunk_rate": "largest learning rate of the network",
    "precision": "auto, float32 or mixed",
    "device": "device to learn on: auto, cpu or cuda",
    "seed": "seed of the random numbers",
}
MAX_PHOTOS = 40  # of the user's own
PHOTO_SIDE = 640  # px, long side at which they are kept
EXAMPLES = """\
examples:
  impasto learn drawing.jpg -o drawing.impasto
  impasto learn wave.jpg waterfall.jpg -o hokusai.impasto --minutes 10 --photos holiday/
  impasto learn drawing.jpg -o drawing.impasto --photos me.jpg --fit

Ctrl-C ends the learning and writes the best style so far.
"""


def add_learn(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "learn",
        description="Learn a style from one or several pictures, to paint any photo in it at once. Takes "
        "minutes; needs torch.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "pictures", nargs="+", type=Path, metavar="PICTURE", help="style picture, or several of one style"
    )
    add_style_output(parser)
    parser.add_argument(
        "--photos",
        type=Path,
        metavar="PATH",
        help=f"a photo of your own, or a folder of them, to learn on as well, up to {MAX_PHOTOS} of them",
    )
    parser.add_argument(
        "--fit",
        dest="is_for_photos",
        action="store_true",
        default=None,
        help="learn on --photos alone: takes seconds for one photo, and suits it best",
    )
    parser.add_argument(
        "--rows-only",
        dest="is_thorough",
        action="store_false",
        default=None,
        help="leave the network as it is: a smaller file, farther from the picture",
    )
    add_json(parser)
    add_settings(parser, LearningConfig, HELPS)
    parser.set_defaults(run=run_learn)


def run_learn(options: argparse.Namespace) -> int:
    check_output(options.output, options.pictures)
    settings = _settings(options)
    photos = read_photos(options.photos) if options.photos else []
    is_fit = options.is_for_photos
    config = fitting_config(len(photos), **settings) if is_fit else LearningConfig(**settings)
    lines = ProgressLines()
    with interruptible() as is_interrupted:
        style = module("stylecore.learning.learn").learn_style(
            options.pictures, config, photos=photos, on_progress=lines.report, should_stop=is_interrupted
        )
    save_style_file(style, options.output)
    pictures = " + ".join(map(str, options.pictures))
    progress(f"{pictures} -> {options.output}: {style.title}, {style.origin}")
    if options.json:
        report = {"output": str(options.output), "name": style.name, "title": style.title}
        report |= {"origin": style.origin, "sha256": style.sha256, "interrupted": is_interrupted()}
        print_json(report | lines.last())
    if is_interrupted():
        return fail(f"interrupted; {options.output} has the best style so far", FAILED)
    return OK


class ProgressLines:
    """Prints the progress of a learning, at most every two seconds."""

    def __init__(self) -> None:
        self.printed_at = 0.0  # seconds of `time.monotonic`
        self.state: LearningProgress | None = None

    def report(self, state: LearningProgress) -> None:
        self.state = state
        now = time.monotonic()
        if now - self.printed_at < 2 and state.step < state.steps:
            return
        self.printed_at = now
        progress(
            f"step {state.step}/{state.steps}  content {state.content_loss:.3f}  "
            f"style {state.style_loss:.3f}  total {state.total_loss:.3f}  {state.remaining_s:.0f} s left"
        )

    def last(self) -> dict[str, Any]:
        """The last progress, for `--json`."""
        names = ("content_loss", "style_loss", "total_loss")
        losses = {name: round(getattr(self.state, name), 4) for name in names}
        return {"steps": self.state.step, **losses, "seconds": round(self.state.elapsed_s, 2)}


def read_photos(path: Path) -> list[Image.Image]:
    """Reads a photo, or those of a folder, evenly spread if it has many; unreadable ones are reported.

    Raises:
        ImageError: The photo, or none of the folder, can be read.
    """
    if not path.is_dir():
        return [load_image(path, max_side=PHOTO_SIDE)]
    paths = find_pictures(path)
    number = min(MAX_PHOTOS, len(paths))
    photos = []
    for found in (paths[place * len(paths) // number] for place in range(number)):
        try:
            photos.append(load_image(found, max_side=PHOTO_SIDE))
        except ImageError as error:
            progress(f"skipped: {error}")
    if not photos:
        raise ImageError(f"no photo in {path} can be read")
    return photos


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    """The given settings, and a title.

    Raises:
        UsageError: Both minutes and steps are given, or no photos to fit a style to.
    """
    settings = given_settings(options, LearningConfig)
    if {"minutes", "steps"} <= settings.keys():
        raise UsageError("--minutes and --steps: give only one of them")
    if options.is_for_photos and options.photos is None:
        raise UsageError("--fit: give --photos, a photo or a folder of them, to fit the style to")
    if "steps" in settings:
        settings["minutes"] = 0.0
    return {"title": options.pictures[0].stem} | settings
