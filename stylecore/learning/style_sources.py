"""Style pictures for a general network: found by source, without those that are held out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stylecore.errors import ImageError, StyleError
from stylecore.images.files import find_pictures

EVALUATED = "*"  # in front of a held-out name: one of those that are evaluated


@dataclass(frozen=True)
class StyleSources:
    """Style pictures of a training."""

    paths: tuple[Path, ...]  # to train on
    turns: tuple[int, ...]  # how often each of them is drawn in a round of all
    held_out: tuple[Path, ...]  # found, but never trained on

    @property
    def names(self) -> list[str]:
        """Folder and file name of each picture to train on."""
        return [f"{path.parent.name}/{path.name}" for path in self.paths]


def find_style_sources(folders: Sequence[Path], held_out: frozenset[str]) -> StyleSources:
    """Find the style pictures of folders, each folder and each one in it a source.

    A source of n pictures is drawn as often as the square root of n says, so that a large one, such as
    hundreds of covers of one publisher, does not rule.

    Args:
        folders: Folders of pictures, or of such folders.
        held_out: File names that are never trained on.
    Raises:
        ImageError: A folder that is none, or no picture in one of them.
        StyleError: Every picture is held out.
    """
    sources = [source for folder in folders for source in _pictures_by_folder(folder)]
    trained = [[path for path in source if path.name not in held_out] for source in sources]
    sizes = [len(source) for source in trained if source]
    if not sizes:
        raise StyleError("all style pictures are held out: others are needed to train on")
    return StyleSources(
        paths=tuple(path for source in trained for path in source),
        turns=tuple(round(math.sqrt(max(sizes) / size)) for size in sizes for _ in range(size)),
        held_out=tuple(path for source in sources for path in source if path.name in held_out),
    )


def _pictures_by_folder(folder: Path) -> list[list[Path]]:
    if not folder.is_dir():
        raise ImageError(f"{folder} is no folder: style pictures in folders are needed")
    found = []
    for place in [folder, *sorted(path for path in folder.rglob("*") if path.is_dir())]:
        try:
            found.append(find_pictures(place))
        except ImageError:  # no picture here
            continue
    if not found:
        raise ImageError(f"no picture in {folder} and its folders")
    return found


def read_held_out(files: Sequence[Path]) -> frozenset[str]:
    """Read lists of held-out pictures: a file name in a line, reasons after `#`, an optional `*` before.

    Raises:
        StyleError: A file cannot be read, or has no name or a path in it.
    """
    return frozenset(name for file in files for name in _names_in(file))


def _names_in(file: Path) -> list[str]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise StyleError(f"{file} cannot be read as a list of held-out pictures: {error}") from error
    lines = [line.partition("#")[0].strip().removeprefix(EVALUATED).strip() for line in lines]
    names = [line for line in lines if line]
    if not names or any(Path(name).name != name for name in names):
        raise StyleError(f"{file} is no list of held-out pictures: one file name a line is needed")
    return names
