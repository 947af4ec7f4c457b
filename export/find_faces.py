"""Find the faces in a folder of photos, for `stylecore train --faces`.

    python -m export.find_faces photos/ faces.json

A thousand photos of the size used in training take a minute.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from stylecore.errors import ImageError
from stylecore.images.files import find_pictures
from stylecore.images.loading import load_image
from stylecore.learning.crops import Box
from stylecore.regions.faces import FaceFinder


def find_faces(photos: Sequence[Path]) -> dict[str, list[Box]]:
    """Find faces; returns boxes by file name, see `crops.read_faces`."""
    finder, faces = FaceFinder(), {}
    for path in photos:
        try:
            photo = load_image(path).convert("RGB")
        except ImageError as error:
            print(f"skipped: {error}", file=sys.stderr)
            continue
        boxes = finder.find_boxes(photo) / np.array(photo.size * 2)
        if len(boxes):
            faces[path.name] = boxes.clip(0, 1).round(4).tolist()
    return faces


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("output", type=Path)
    options = parser.parse_args()
    try:
        photos = find_pictures(options.photos)
    except ImageError as error:
        parser.error(str(error))
    faces = find_faces(photos)
    options.output.write_text(json.dumps(faces, indent=1))
    print(f"{sum(map(len, faces.values()))} faces in {len(faces)} of {len(photos)} photos")


if __name__ == "__main__":
    main()
