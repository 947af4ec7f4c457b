"""The options --where, --where-mask and --elsewhere: the part of a photo that is painted, and the rest."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from stylecore.commands.console import UsageError, progress
from stylecore.commands.files import STANDARD_STREAM, Location
from stylecore.commands.style_choice import ChosenStyles, choose_styles
from stylecore.images.encoding import SAVE_FORMATS

if TYPE_CHECKING:
    from stylecore.instant.compositing import Region

PARTS = ("subject", "background")
TRANSPARENT = "transparent"


def add_where(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("where")
    parts = group.add_mutually_exclusive_group()
    parts.add_argument("--where", choices=PARTS, help="paint this part of each photo (default: all of it)")
    parts.add_argument(
        "--where-mask",
        type=Path,
        metavar="FILE",
        help="paint where this picture is white; it has the size of the photo",
    )
    group.add_argument(
        "--elsewhere",
        metavar="STYLE",
        help=f"style of the rest, as for --style, or {TRANSPARENT!r} (default: the photo itself)",
    )


@dataclass(frozen=True)
class Where:
    """The part of each photo that is painted.

    Attributes:
        part: `subject`, `background` or a mask file; None paints everything.
        elsewhere: Styles of the rest; None leaves it as it is.
        is_cut_out: The rest becomes transparent.
    """

    part: str | Path | None = None
    elsewhere: ChosenStyles | None = None
    is_cut_out: bool = False

    @classmethod
    def from_options(cls, options: argparse.Namespace) -> Where:
        """Reads the options.

        Raises:
            UsageError: --elsewhere without a part.
            StyleError: See `choose_styles`.
        """
        part = options.where or options.where_mask
        if part is None and options.elsewhere is not None:
            raise UsageError("--elsewhere would do nothing without --where or --where-mask")
        is_cut_out = options.elsewhere == TRANSPARENT
        if options.elsewhere is None or is_cut_out:
            return cls(part, is_cut_out=is_cut_out)
        return cls(part, choose_styles(options.elsewhere))

    @property
    def files(self) -> tuple[Path, ...]:
        """Files that are read, which no painting may overwrite."""
        masks = (self.part,) if isinstance(self.part, Path) else ()
        return (*masks, *(self.elsewhere.files if self.elsewhere else ()))

    def find(self, image: Image.Image, source: Location) -> Image.Image | None:
        """Returns the mask of the part to paint; None where it is everything, which is reported.

        Raises:
            ImageError: The mask file is no picture, empty, or of another size than the photo.
            WeightsError: The network that finds subjects is missing or damaged.
        """
        from stylecore.regions.masks import invert, load_mask
        from stylecore.regions.subject import find_subject

        if self.part is None:
            return None
        if isinstance(self.part, Path):
            return load_mask(self.part, image.size)
        subject = find_subject(image)
        if subject.getbbox() is None:
            progress(f"{source}: no subject was found, so all of it is painted")
            return None
        return subject if self.part == "subject" else invert(subject)

    def regions(self, mask: Image.Image | None, options: argparse.Namespace) -> list[Region]:
        """The rest of a photo, with its look."""
        from stylecore.instant.compositing import Region
        from stylecore.regions.masks import invert

        if mask is None:
            return []
        rest = Region(
            invert(mask),
            self.elsewhere.weights if self.elsewhere else None,
            options.strength,
            options.preserve_color,
            options.stroke_scale,
            options.stroke_size,
            is_transparent=self.is_cut_out,
        )
        return [rest]

    def output_for(self, output: Location, options: argparse.Namespace) -> Location:
        """Returns an output that can hold transparency, where it is needed.

        Raises:
            UsageError: The command line names a JPEG.
        """
        if not self.is_cut_out or output == STANDARD_STREAM or SAVE_FORMATS[output.suffix.lower()] != "JPEG":
            return output
        if options.output and Path(options.output).suffix.lower() == output.suffix.lower():
            raise UsageError(f"{output} is a JPEG, which has no transparency: give a .png or .webp")
        return output.with_suffix(".png")

    def words(self) -> str:
        """The choice in words, for metadata."""
        if self.part is None:
            return ""
        part = "a mask" if isinstance(self.part, Path) else f"the {self.part}"
        names = "_".join(self.elsewhere.by_name()) if self.elsewhere else ""
        rest = TRANSPARENT if self.is_cut_out else names or "the photo"
        return f", on {part}, elsewhere {rest}"
