"""The photos in `weights/learning_photos/`, on which styles are learned."""

from __future__ import annotations

import json
from pathlib import Path

from stylecore.errors import WeightsError
from stylecore.host.folders import WEIGHTS_FOLDER
from stylecore.host.weights import check_weights_file

PHOTOS_FOLDER = WEIGHTS_FOLDER / "learning_photos"
SOURCES = "SOURCES.json"  # author, license, origin and SHA-256 by file name
FACES = "faces.json"  # boxes of faces by file name, see `crops.read_faces`


def learning_photos(folder: Path = PHOTOS_FOLDER) -> list[Path]:
    """Return the photos that ship with the project, in the order of their names.

    Args:
        folder: Photos and their `SOURCES.json`.
    Raises:
        WeightsError: `SOURCES.json` is missing or not of the expected form, or a photo is missing or
            differs from its checksum.
    """
    path = folder / SOURCES
    try:
        checksums = {
            str(name): str(record["sha256"])
            for name, record in json.loads(path.read_text(encoding="utf-8")).items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(f"{path} with the sha256 of each photo is needed: {error!r}") from error
    photos = [folder / name for name in sorted(checksums)]
    for photo in photos:
        check_weights_file(photo, sha256=checksums[photo.name])
    return photos
