"""Picture files in folders: finding them, and unused names for new ones."""

from __future__ import annotations

import os
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
    if not os.path.isdir(folder):
        raise ImageError(f"{folder} is no folder")
    try:
        files = [path for path in Path(folder).iterdir() if not path.name.startswith(".")]
    except OSError as error:
        raise ImageError(f"{folder} cannot be read: {error.strerror}") from error
    named = [path for path in files if path.suffix.lower() in PHOTO_EXTENSIONS and not os.path.isdir(path)]
    pictures = sorted(path for path in named if not (regular_only and is_irregular(path)))
    if not pictures:
        raise ImageError(f"{folder} has no pictures ({', '.join(PHOTO_EXTENSIONS)})")
    return pictures


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
