"""Picture files in folders: finding them, and unused names for new ones."""

from __future__ import annotations

import os
from collections.abc import Collection
from os import PathLike
from pathlib import Path

from stylecore.errors import ImageError

PHOTO_EXTENSIONS = (
    ".jpg",
    ".jpeg",
    ".png",
    ".webp",
    ".heic",
    ".heif",
    ".gif",
    ".bmp",
    ".tif",
    ".tiff",
    ".avif",
    ".jfif",
    ".hif",  # HEIC of cameras
    ".mpo",  # JPEG of stereo cameras
)


def find_pictures(folder: str | PathLike, *, regular_only: bool = True) -> list[Path]:
    """List the picture files in a folder by name; hidden ones (macOS leaves `._` files) are skipped.

    Args:
        folder: Where to look.
        regular_only: Skip what is no regular file, see `is_irregular`.
    Raises:
        ImageError: There are none, or the folder cannot be read.
    """
    pictures = find_files(folder, PHOTO_EXTENSIONS)
    if regular_only:
        pictures = [path for path in pictures if not is_irregular(path)]
    if not pictures:
        raise ImageError(f"{folder} has no pictures ({', '.join(PHOTO_EXTENSIONS)})")
    return pictures


def find_files(folder: str | PathLike, extensions: Collection[str]) -> list[Path]:
    """List the files in a folder with one of these endings by name; hidden ones are skipped.

    Raises:
        ImageError: The folder cannot be read.
    """
    if not os.path.isdir(folder):
        raise ImageError(f"{folder} is no folder")
    try:
        files = [path for path in Path(folder).iterdir() if not path.name.startswith(".")]
    except OSError as error:
        raise ImageError(f"{folder} cannot be read: {error.strerror}") from error
    return sorted(path for path in files if path.suffix.lower() in extensions and not os.path.isdir(path))


def is_irregular(path: Path) -> bool:
    """Whether a path exists but is no regular file; reading a named pipe would wait for its writer."""
    return os.path.exists(path) and not os.path.isfile(path)


def free_path(path: Path, taken: set[Path]) -> Path:
    """Return the path, with `_2` and so on if it is taken: two cameras may both write IMG_0001.

    Args:
        path: Where a picture should go.
        taken: Paths returned so far; the new one is added.
    """
    free, number = path, 2
    while free in taken:
        free, number = path.with_stem(f"{path.stem}_{number}"), number + 1
    taken.add(free)
    return free
