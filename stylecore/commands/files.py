"""Pictures that commands read and write, in files or standard streams."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from stylecore import load_image
from stylecore.commands.archives import ZIP_EXTENSION, ZipPhoto, find_zip_photos
from stylecore.commands.console import UsageError
from stylecore.errors import ImageError
from stylecore.host.extras import has_extra
from stylecore.images.encoding import SAVE_FORMATS, encode_image, save_format, write_image
from stylecore.images.files import PHOTO_EXTENSIONS, find_files, is_irregular
from stylecore.images.metadata import Description
from stylecore.video.marking import is_marked
from stylecore.video.recognizing import VIDEO_EXTENSIONS, WRITTEN_EXTENSIONS, painted_extension

STANDARD_STREAM = "-"
MAX_NAME_BYTES = 255  # of a file name, on usual file systems
USUAL_NAME_BYTES = 240  # of names made here, so that the number of `free_path` fits as well
Location = str | Path | ZipPhoto  # "-", a path, or a photo in a ZIP file


@dataclass(frozen=True)
class Sources:
    """The photos of a command line.

    Attributes:
        photos: Files and standard input; folders and ZIP files are replaced by the photos in them.
        failed: Folders and ZIP files without photos, each with its `error`.
        skipped: Files in folders that are not painted, each with its `reason`.
    """

    photos: list[Location]
    failed: list[dict[str, str]]
    skipped: list[dict[str, str]]


def find_sources(photos: Sequence[str]) -> Sources:
    """Finds the photos that a command line names.

    Raises:
        UsageError: Standard input is given twice, or closed.
    """
    sources: list[Location] = []
    failed, skipped = [], []
    for photo in photos:
        path = Path(photo)
        if photo == STANDARD_STREAM:
            sources.append(photo)
        elif os.path.isdir(path):  # `Path.is_dir` would raise where it has no permission
            try:
                pictures = find_files(path, (*PHOTO_EXTENSIONS, *VIDEO_EXTENSIONS))
            except ImageError as error:
                failed.append({"photo": photo, "error": str(error)})
                continue
            if not pictures:
                endings = ", ".join((*PHOTO_EXTENSIONS, *VIDEO_EXTENSIONS))
                failed.append({"photo": photo, "error": f"{photo} has no pictures and no clips ({endings})"})
            reasons = {picture: reason_to_skip(picture) for picture in pictures}
            sources += [picture for picture, reason in reasons.items() if not reason]
            skipped += [{"photo": str(each), "reason": reason} for each, reason in reasons.items() if reason]
        elif path.suffix.lower() == ZIP_EXTENSION:
            try:
                sources += find_zip_photos(path)
            except ImageError as error:
                failed.append({"photo": photo, "error": str(error)})
        else:
            sources.append(path)
    if sources.count(STANDARD_STREAM) > 1:
        raise UsageError("standard input (-) can be given only once")
    if STANDARD_STREAM in sources and sys.stdin is None:
        raise UsageError("standard input (-) is closed: name a file")
    return Sources(sources, failed, skipped)


def reason_to_skip(picture: Path) -> str:
    """Why a file in a folder is not painted; empty if it is."""
    if is_irregular(picture):
        return "it is no regular file"
    is_done = _is_painted_clip if picture.suffix.lower() in VIDEO_EXTENSIONS else is_marked
    return "it is a painting of Impasto already" if is_done(picture) else ""


def _is_painted_clip(clip: Path) -> bool:
    if not has_extra("av"):  # then clips are not painted at all
        return False
    from stylecore.video.reading import is_painted

    return is_painted(clip)


def is_single(photos: Sequence[str]) -> bool:
    """Whether a command line names a single photo: no folder, and no ZIP file."""
    return len(photos) == 1 and not os.path.isdir(photos[0]) and Path(photos[0]).suffix != ZIP_EXTENSION


def output_path(
    source: Location, output: str | None, label: str, *, is_one: bool, is_clip: bool = False
) -> Location:
    """Path of an output: the given file, or `NAME_LABEL.EXT` in the given or current folder.

    A path that ends with a slash, or has no ending and does not exist, is a folder.

    Args:
        source: The photo.
        output: The option --output, None if it is not given.
        label: Name of the style, for the file name.
        is_one: Whether the command line names a single photo, not a folder.
        is_clip: Whether the source is painted as a clip.
    Raises:
        UsageError: There are several photos for one output, or standard output is closed.
        ImageError: The format of this ending cannot be written.
    """
    if output == STANDARD_STREAM:
        if not is_one:
            raise UsageError("standard output takes one photo: for several, or a folder, give a folder")
        if sys.stdout is None:
            raise UsageError("standard output (-) is closed: name a file")
        return output
    target = Path(output) if output else Path()
    is_new_folder = not target.suffix and not os.path.exists(target)
    is_folder = os.path.isdir(target) or is_new_folder or (output or "./").endswith(("/", "\\"))
    if not is_folder and (is_one or target.suffix.lower() in (*SAVE_FORMATS, *WRITTEN_EXTENSIONS)):
        if not is_one:
            raise UsageError(f"{output} is one file: for several photos, or a folder, give a folder")
        if is_clip and target.suffix.lower() not in WRITTEN_EXTENSIONS:
            raise UsageError(f"{source} is a clip: give a file ending in {', '.join(WRITTEN_EXTENSIONS)}")
        if not is_clip:
            save_format(target)
        return target
    if is_clip:
        return target / file_name(Path(source).stem, f"_{label}{painted_extension(Path(source))}")
    stem, suffix = ("stdin", ".png") if source == STANDARD_STREAM else (source.stem, source.suffix.lower())
    return target / file_name(stem, f"_{label}{suffix if suffix in SAVE_FORMATS else '.png'}")


def file_name(stem: str, ending: str) -> str:
    """Stem and ending as one file name; the stem is shortened where the name would be too long."""
    while stem and len(os.fsencode(stem + ending)) > USUAL_NAME_BYTES:
        stem = stem[:-1]
    return stem + ending


def output_hint(pictures: Sequence[str], output: str | None, *, least: int) -> str:
    """Hint for the error when the last picture does not exist: it may be meant as the output.

    Args:
        pictures: The pictures of the command line.
        output: The option --output, None if it is not given.
        least: Number of pictures that the command needs.
    """
    last = Path(pictures[-1])
    is_output = len(pictures) > least and output is None and not os.path.exists(last)
    return f"; to write to it: -o {last}" if is_output and last.suffix.lower() in SAVE_FORMATS else ""


def read_source(source: Location, *, max_side: int | None) -> Image.Image:
    if source == STANDARD_STREAM:
        return load_image(sys.stdin.buffer.read(), max_side=max_side)
    if isinstance(source, ZipPhoto):
        return load_image(source.read(), max_side=max_side)
    return load_image(source, max_side=max_side)


def check_output(output: Location, sources: Iterable[Location]) -> None:
    """Refuses an output that is a picture to be read, or that cannot be written.

    Raises:
        ImageError: The output is one of the sources, or it or its folder cannot be written to.
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
    """Refuses a folder that cannot be made or written to, before any work is done.

    Raises:
        ImageError: The message names the part of the path that cannot be used.
    """
    # `Path.exists` would raise where it has no permission.
    existing = next(path for path in (folder, *folder.parents) if os.path.exists(path))
    if not os.path.isdir(existing):
        raise ImageError(f"{existing} is no folder: {folder} cannot be written to")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise ImageError(f"{existing} cannot be written to: choose another output")


def write_output(image: Image.Image, output: Location, *, description: Description | None = None) -> None:
    """Writes a picture to a file, see `write_image`, or as PNG to standard output."""
    if output == STANDARD_STREAM:
        sys.stdout.buffer.write(encode_image(image, "PNG", description=description))
        sys.stdout.buffer.flush()
    else:
        write_image(image, output, description=description)
