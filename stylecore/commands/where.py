"""The options --where, --where-mask, --elsewhere and --keep-faces: what is painted, and what of the rest."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from stylecore.commands.console import UsageError, progress
from stylecore.commands.files import STANDARD_STREAM, Location
from stylecore.commands.style_choice import ChosenStyles, choose_styles
from stylecore.images.encoding import SAVE_FORMATS
from stylecore.regions.parts import PARTS
from stylecore.video.recognizing import TRANSPARENT_EXTENSIONS, WRITTEN_EXTENSIONS

if TYPE_CHECKING:
    from stylecore.instant.compositing import Region

TRANSPARENT = "transparent"


def add_where(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("where")
    add_parts(
        group,
        where_help="paint this part of each photo or clip (default: all of it)",
        mask_help="paint where this picture, of the photo's size, is white; for a clip it may be a clip, too",
    )
    group.add_argument(
        "--elsewhere",
        metavar="STYLE",
        help=f"style of the rest, as for --style, or {TRANSPARENT!r} (default: the photo itself)",
    )
    group.add_argument("--keep-faces", action="store_true", help="paint faces weakly, with a soft border")


def add_parts(group: argparse._ArgumentGroup, *, where_help: str, mask_help: str) -> None:
    """Adds --where and --where-mask."""
    parts = group.add_mutually_exclusive_group()
    parts.add_argument("--where", choices=PARTS, help=where_help)
    parts.add_argument("--where-mask", type=Path, metavar="FILE", help=mask_help)


def has_part(options: argparse.Namespace) -> bool:
    """Whether a part is chosen."""
    return options.where is not None or options.where_mask is not None


@dataclass(frozen=True)
class Where:
    """The part of each photo or clip that is painted.

    Attributes:
        part: One of `PARTS` or a mask file; None paints everything.
        elsewhere: Styles of the rest; None leaves it as it is.
        is_cut_out: The rest becomes transparent.
        keeps_faces: Faces are painted weakly.
    """

    part: str | Path | None = None
    elsewhere: ChosenStyles | None = None
    is_cut_out: bool = False
    keeps_faces: bool = False

    @classmethod
    def from_options(cls, options: argparse.Namespace) -> Where:
        """Reads the options.

        Raises:
            UsageError: --elsewhere without a part, or faces that are to be painted and kept.
            StyleError: See `choose_styles`.
        """
        part = options.where or options.where_mask
        if part is None and options.elsewhere is not None:
            raise UsageError("--elsewhere would do nothing without --where or --where-mask")
        if part == "faces" and options.keep_faces:
            raise UsageError("--where faces paints what --keep-faces keeps: give one of them up")
        is_cut_out = options.elsewhere == TRANSPARENT
        is_styled = options.elsewhere is not None and not is_cut_out
        elsewhere = choose_styles(options.elsewhere) if is_styled else None
        return cls(part, elsewhere, is_cut_out, options.keep_faces)

    @property
    def files(self) -> tuple[Path, ...]:
        """Files that are read, which no painting may overwrite."""
        masks = (self.part,) if isinstance(self.part, Path) else ()
        return (*masks, *(self.elsewhere.files if self.elsewhere else ()))

    def regions(self, image: Image.Image, source: Location, base: Region) -> list[Region]:
        """Parts of a photo with looks other than `base`.

        Raises:
            ImageError: The mask file is no picture, empty, or of another size than the photo.
            WeightsError: The network that finds subjects or faces is missing or damaged.
        """
        from stylecore.regions.faces import find_faces
        from stylecore.regions.keeping import keep_faces
        from stylecore.regions.masks import invert

        mask, regions = self.find(image, source), []
        if mask is not None:
            style = self.elsewhere.weights if self.elsewhere else None
            rest = replace(base, mask=invert(mask), style=style, is_transparent=self.is_cut_out)
            regions.append(rest)
        return keep_faces(find_faces(image), base, regions) if self.keeps_faces else regions

    def find(self, image: Image.Image, source: Location, *, verb: str = "painted") -> Image.Image | None:
        """Returns the mask of the part to paint; None where it is everything, which is reported.

        Raises:
            ImageError: See `regions`.
            WeightsError: See `regions`.
        """
        from stylecore.regions.masks import load_mask
        from stylecore.regions.parts import find_part

        if self.part is None:
            return None
        if isinstance(self.part, Path):
            return load_mask(self.part, image.size)
        mask = find_part(image, self.part)
        if mask is None:
            progress(f"{source}: no {self.sought} was found, so all of it is {verb}")
        return mask

    @property
    def sought(self) -> str:
        """What is looked for to find the part."""
        if isinstance(self.part, Path):
            return f"white in {self.part.name}"
        return "face" if self.part == "faces" else "subject"

    def output_for(self, output: Location, options: argparse.Namespace) -> Location:
        """Returns an output that can hold transparency, where it is needed.

        Raises:
            UsageError: The command line names a format without it.
        """
        if not self.is_cut_out or output == STANDARD_STREAM:
            return output
        suffix = output.suffix.lower()
        is_named = options.output and Path(options.output).suffix.lower() == suffix
        if SAVE_FORMATS.get(suffix) == "JPEG":
            if is_named:
                raise UsageError(f"{output} is a JPEG, which has no transparency: give a .png or .webp")
            return output.with_suffix(".png")
        if suffix in WRITTEN_EXTENSIONS and suffix not in TRANSPARENT_EXTENSIONS:
            if is_named:
                endings = ", ".join(TRANSPARENT_EXTENSIONS)
                raise UsageError(f"{output} would have no transparency: give a file ending in {endings}")
            return output.with_suffix(TRANSPARENT_EXTENSIONS[0])
        return output

    def words(self) -> str:
        """The choice in words, for metadata."""
        kept = ", faces kept" if self.keeps_faces else ""
        if self.part is None:
            return kept
        part = "a mask" if isinstance(self.part, Path) else f"the {self.part}"
        names = "_".join(self.elsewhere.by_name()) if self.elsewhere else ""
        rest = TRANSPARENT if self.is_cut_out else names or "the photo"
        return f", on {part}, elsewhere {rest}{kept}"
