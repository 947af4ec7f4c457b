"""Pictures that a command reads and writes, the standard streams among them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from stylecore import load_image
from stylecore.commands.console import UsageError
from stylecore.errors import ImageError
from stylecore.images.encoding import SAVE_FORMATS, encode_image, save_format, write_image
from stylecore.images.files import find_pictures, is_irregular
from stylecore.images.metadata import Description, is_painting

STANDARD_STREAM = "-"
MAX_NAME_BYTES = 255  # of a file name, what usual file systems hold
USUAL_NAME_BYTES = 240  # of names given by us, so that the number of `free_path` fits, too
Location = str | Path  # "-" or a path


@dataclass(frozen=True)
class Sources:
    """The photos of a command line.

    Attributes:
        photos: Files and standard input; folders are replaced by the photos in them.
        failed: Folders that have none, with the `error`.
        skipped: Files of folders that are not to be painted, with the `reason`.
    """

    photos: list[Location]
    failed: list[dict[str, str]]
    skipped: list[dict[str, str]]


def find_sources(photos: Sequence[str]) -> Sources:
    """Find the photos that a command line names.

    Raises:
        UsageError: Standard input is given twice, or closed.
    """
    sources: list[Location] = []
    failed, skipped = [], []
    for photo in photos:
        path = Path(photo)
        if photo == STANDARD_STREAM:
            sources.append(photo)
        elif os.path.isdir(path):  # where `Path.is_dir` may not look, it raises
            try:
                pictures = find_pictures(path, regular_only=False)
            except ImageError as error:
                failed.append({"photo": photo, "error": str(error)})
                continue
            reasons = {picture: reason_to_skip(picture) for picture in pictures}
            sources += [picture for picture, reason in reasons.items() if not reason]
            skipped += [{"photo": str(each), "reason": reason} for each, reason in reasons.items() if reason]
        else:
            sources.append(path)
    if sources.count(STANDARD_STREAM) > 1:
        raise UsageError("standard input (-) can be given only once")
    if STANDARD_STREAM in sources and sys.stdin is None:
        raise UsageError("standard input (-) is closed: name a file")
    return Sources(sources, failed, skipped)


def reason_to_skip(picture: Path) -> str:
    """Why a file of a folder is not to be painted; empty when it is."""
    if is_irregular(picture):
        return "it is no regular file"
    return "it is a painting of Impasto already" if is_painting(picture) else ""


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
    return target / file_name(stem, f"_{label}{suffix if suffix in SAVE_FORMATS else '.png'}")


def file_name(stem: str, ending: str) -> str:
    """The file name of both, with a stem that is shortened where the name would be too long."""
    while stem and len(os.fsencode(stem + ending)) > USUAL_NAME_BYTES:
        stem = stem[:-1]
    return stem + ending


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
    if len(os.fsencode(output.name)) > MAX_NAME_BYTES:
        raise ImageError(f"{output.name} is too long a file name: at most {MAX_NAME_BYTES} bytes are needed")
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


def write_output(image: Image.Image, output: Location, *, description: Description | None = None) -> None:
    """Write a picture to a file, see `write_image`, or as PNG to standard output."""
    if output == STANDARD_STREAM:
        sys.stdout.buffer.write(encode_image(image, "PNG", description=description))
        sys.stdout.buffer.flush()
    else:
        write_image(image, output, description=description)
