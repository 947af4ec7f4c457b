"""Pictures that a command reads and writes, the standard streams among them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from PIL import Image

from stylecore import load_image
from stylecore.commands.console import UsageError
from stylecore.errors import ImageError
from stylecore.images import SAVE_FORMATS, encode_image, find_pictures, save_format, write_image

STANDARD_STREAM = "-"
Location = str | Path  # "-" or a path


def find_sources(photos: Sequence[str]) -> tuple[list[Location], list[dict[str, str]]]:
    """Files of the command line, folders replaced by the pictures in them, and what gave none.

    Raises:
        UsageError: Standard input is given twice, or closed.
    """
    sources: list[Location] = []
    failed = []
    for photo in photos:
        path = Path(photo)
        if photo == STANDARD_STREAM:
            sources.append(photo)
        elif os.path.isdir(path):  # where `Path.is_dir` may not look, it raises
            try:
                sources.extend(find_pictures(path))
            except ImageError as error:
                failed.append({"photo": photo, "error": str(error)})
        else:
            sources.append(path)
    if sources.count(STANDARD_STREAM) > 1:
        raise UsageError("standard input (-) can be given only once")
    if STANDARD_STREAM in sources and sys.stdin is None:
        raise UsageError("standard input (-) is closed: name a file")
    return sources, failed


def output_path(source: Location, output: str | None, label: str, *, is_one: bool) -> Location:
    """Where a picture goes: the given file, or `NAME_LABEL.EXT` in the given or current folder.

    Args:
        source: The photo.
        output: As the command line has it.
        label: What the photo is painted in, for the file's name.
        is_one: Whether a single photo is painted, no folder.
    Raises:
        UsageError: One output for several photos, or standard output that is closed.
        ImageError: An ending that cannot be written.
    """
    if output == STANDARD_STREAM:
        if not is_one:
            raise UsageError("standard output takes one photo: for several, or a folder, give a folder")
        if sys.stdout is None:
            raise UsageError("standard output (-) is closed: name a file")
        return output
    target = Path(output) if output else Path()
    is_folder = os.path.isdir(target) or (output or "./").endswith(("/", "\\"))
    if not is_folder and (is_one or target.suffix.lower() in SAVE_FORMATS):
        if not is_one:
            raise UsageError(f"{output} is one file: for several photos, or a folder, give a folder")
        save_format(target)
        return target
    stem, suffix = ("stdin", ".png") if source == STANDARD_STREAM else (source.stem, source.suffix.lower())
    return target / f"{stem}_{label}{suffix if suffix in SAVE_FORMATS else '.png'}"


def output_hint(pictures: Sequence[str], output: str | None, *, least: int) -> str:
    """What to add to the error when the last picture is not there: it may be meant as the output.

    Args:
        pictures: As the command line has them.
        output: The same, None when it names none.
        least: Pictures that the command needs.
    """
    last = Path(pictures[-1])
    is_output = len(pictures) > least and output is None and not os.path.exists(last)
    return f"; to write to it: -o {last}" if is_output and last.suffix.lower() in SAVE_FORMATS else ""


def read_source(source: Location, *, max_side: int | None) -> Image.Image:
    if source == STANDARD_STREAM:
        return load_image(sys.stdin.buffer.read(), max_side=max_side)
    return load_image(source, max_side=max_side)


def check_output(output: Location, sources: Iterable[Location]) -> None:
    """Refuse to write over a picture that is read, or where nothing can be written.

    Raises:
        ImageError: The output is one of the sources, or it or its folder cannot be used.
    """
    if output == STANDARD_STREAM:
        return
    check_folder(output.parent)
    if os.path.isdir(output):
        raise ImageError(f"{output} is a folder: the name of a file is needed")
    if not os.path.exists(output):
        return
    if not os.access(output, os.W_OK):
        raise ImageError(f"{output} cannot be written to: choose another output")
    for source in sources:
        if source != STANDARD_STREAM and os.path.exists(source) and os.path.samefile(output, source):
            raise ImageError(f"{output} is one of the pictures that are read: choose another output")


def check_folder(folder: Path) -> None:
    """Refuse a folder that cannot be made or written to, before the work that would be lost.

    Raises:
        ImageError: The message names the part of its path that stands in the way.
    """
    # `Path.exists` would raise where it may not look.
    existing = next(path for path in (folder, *folder.parents) if os.path.exists(path))
    if not os.path.isdir(existing):
        raise ImageError(f"{existing} is no folder: {folder} cannot be written to")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise ImageError(f"{existing} cannot be written to: choose another output")


def write_output(image: Image.Image, output: Location, *, description: str = "") -> None:
    """Write a picture to a file, see `write_image`, or as PNG to standard output."""
    if output == STANDARD_STREAM:
        sys.stdout.buffer.write(encode_image(image, "PNG", description=description))
        sys.stdout.buffer.flush()
    else:
        write_image(image, output, description=description)
