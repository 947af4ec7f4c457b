"""Picture files in folders: which there are, and free names for new ones."""

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
)


def find_pictures(folder: str | PathLike) -> list[Path]:
    """Picture files directly in a folder, by name; hidden ones are none (Macs leave `._` files).

    Raises:
        ImageError: There are none, or no folder that can be read.
    """
    if not os.path.isdir(folder):
        raise ImageError(f"{folder} is no folder")
    try:
        files = [path for path in Path(folder).iterdir() if not path.name.startswith(".")]
    except OSError as error:
        raise ImageError(f"{folder} cannot be read: {error.strerror}") from error
    pictures = sorted(
        path for path in files if path.suffix.lower() in PHOTO_EXTENSIONS and not os.path.isdir(path)
    )
    if not pictures:
        raise ImageError(f"{folder} has no pictures ({', '.join(PHOTO_EXTENSIONS)})")
    return pictures


def free_path(path: Path, taken: set[Path]) -> Path:
    """The path, or with `_2` and so on where it is taken: two cameras both write IMG_0001.

    Args:
        path: Where a picture would go.
        taken: Paths given out so far; gets the new one.
    """
    free, number = path, 2
    while free in taken:
        free, number = path.with_stem(f"{path.stem}_{number}"), number + 1
    taken.add(free)
    return free
