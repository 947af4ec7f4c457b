"""The options --regions, --region and --doodle: which part of a photo takes its style from which part."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stylecore.commands.console import UsageError, progress
from stylecore.errors import ImageError
from stylecore.images.loading import load_image

if TYPE_CHECKING:
    from PIL import Image

    from stylecore.regions.pairs import MaskPair

PARTS = ("subject", "colors")
BRUSHED = "brush"  # in recipes: by strokes in the app, which no recipe holds


def add_regions(parser: argparse.ArgumentParser, *, style_name: str = "style picture") -> None:
    """Adds the options.

    Args:
        parser: Of the command.
        style_name: What the help calls a style picture.
    """
    mask, doodle = (f"{style_name.split()[0].upper()}_{kind}" for kind in ("MASK", "DOODLE"))
    group = parser.add_argument_group("regions").add_mutually_exclusive_group()
    group.add_argument(
        "--regions",
        choices=PARTS,
        help=f"subject: the subject takes the style of the {style_name}'s subject, faces that of its faces, "
        "the background that of its background; colors: each flat color of a drawing takes the style of what "
        "is nearest to it in color",
    )
    group.add_argument(
        "--region",
        dest="masks",
        nargs="+",
        action="append",
        default=[],
        metavar=("PHOTO_MASK", mask),
        help="white in the first mask takes the style of white in the second, with several style pictures "
        "in one for each; may be given several times; the rest takes the style of the rest",
    )
    group.add_argument(
        "--doodle",
        nargs="+",
        default=[],
        metavar=("PHOTO_DOODLE", doodle),
        help="pictures of a few flat colors, one of the photo (the photo itself, if it is a drawing), one of "
        f"each {style_name}: parts of one color belong together",
    )


def region_files(options: argparse.Namespace) -> list[str]:
    """Files that are read, which no painting may overwrite."""
    return [*(file for files in options.masks for file in files), *options.doodle]


def has_regions(options: argparse.Namespace) -> bool:
    """Whether any of the options is given."""
    return bool(options.regions or region_files(options))


@dataclass(frozen=True)
class Matching:
    """How parts of photo and style pictures are paired.

    Attributes:
        part: One of `PARTS` or `BRUSHED`, or None.
        masks: Files of each pair, that of the photo first.
        doodle: Files of the doodles, that of the photo first.
        style_name: What messages call a style picture.
    """

    part: str | None = None
    masks: Sequence[Sequence[str]] = ()
    doodle: Sequence[str] = ()
    style_name: str = "style picture"

    @classmethod
    def from_options(
        cls,
        options: argparse.Namespace,
        part: str | None,
        *,
        styles: int,
        style_name: str = "style picture",
    ) -> Matching:
        """Reads the options; without any, `part` of a recipe counts.

        Args:
            options: The parsed command line.
            part: See above.
            styles: Number of style pictures.
            style_name: What messages call a style picture.
        Raises:
            UsageError: Another number of files than of pictures.
        """
        pictures = 1 + styles
        given = [("--region", files) for files in options.masks]
        given += [("--doodle", options.doodle)] if options.doodle else []
        for option, files in given:
            if len(files) != pictures:
                raise UsageError(
                    f"{option} has {len(files)} files: {pictures} are needed, one of the photo "
                    f"and one of each {style_name}"
                )
        if options.masks or options.doodle:
            return cls(None, options.masks, options.doodle, style_name)
        return cls(options.regions or part, style_name=style_name)

    def find(self, photo: Image.Image, styles: Sequence[Image.Image]) -> list[MaskPair]:
        """Pairs of masks; none where no subject is found, which is reported.

        Raises:
            ImageError: A file is no picture, empty, or of another size than its picture; or the colors of
                doodles do not fit together.
            WeightsError: The network that finds subjects is missing or damaged.
        """
        from stylecore.regions.doodles import pair_colors, pair_nearest_colors
        from stylecore.regions.masks import load_mask

        if self.masks:
            return [
                (
                    load_mask(own, photo.size),
                    [
                        load_mask(file, style.size, of=self.style_name)
                        for file, style in zip(others, styles, strict=True)
                    ],
                )
                for own, *others in self.masks
            ]
        if self.doodle:
            own, *others = (
                read_doodle(file, picture)
                for file, picture in zip(self.doodle, [photo, *styles], strict=True)
            )
            return pair_colors(own, others)
        if self.part == "colors":
            return pair_nearest_colors(photo, styles)
        if self.part == BRUSHED:
            progress(
                "the recipe does not hold what was brushed, so the pictures are taken as a whole: "
                "give masks by --region"
            )
        if self.part != "subject":
            return []
        from stylecore.regions.matching import pair_subjects

        pairs = pair_subjects(photo, styles)
        if not pairs:
            progress(f"no subject was found in photo and {self.style_name}, so they are taken as a whole")
        return pairs


def read_doodle(file: str, picture: Image.Image) -> Image.Image:
    """Reads a doodle.

    Raises:
        ImageError: No picture, or of another size than the picture that it marks.
    """
    doodle = load_image(file)
    if doodle.size != picture.size:
        raise ImageError(
            f"the doodle {file} has {doodle.width} x {doodle.height} px: "
            f"{picture.width} x {picture.height} px are needed, as the picture has that it marks"
        )
    return doodle
