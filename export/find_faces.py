"""Find the faces in a folder of photos, for `stylecore train --faces`.

    pip install 'opencv-python-headless<5'
    python -m export.find_faces photos/ faces.json

OpenCV's cascade finds frontal faces without a download. A thousand photos of the size used in training
take half a minute.
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
from stylecore.images.sizes import limit_long_side
from stylecore.learning.crops import Box

try:
    import cv2
except ModuleNotFoundError as error:
    raise SystemExit("this needs OpenCV: pip install 'opencv-python-headless<5'") from error

MAX_SIDE = 640  # px, long side at which photos are searched
SMALLEST_FACE = 24  # px, at that size; smaller finds are mostly wrong


def find_faces(photos: Sequence[Path]) -> dict[str, list[Box]]:
    """Find frontal faces; returns boxes by file name, see `crops.read_faces`.

    Source: Viola and Jones (2001), OpenCV's cascade `haarcascade_frontalface_alt2`.
    """
    cascade = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_alt2.xml")
    faces = {}
    for path in photos:
        try:
            image = limit_long_side(load_image(path).convert("L"), MAX_SIDE)
        except ImageError as error:
            print(f"skipped: {error}", file=sys.stderr)
            continue
        boxes = cascade.detectMultiScale(
            cv2.equalizeHist(np.asarray(image)),
            scaleFactor=1.15,
            minNeighbors=4,
            minSize=(SMALLEST_FACE, SMALLEST_FACE),
        )
        if len(boxes):
            size = np.array(image.size * 2)
            corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1) / size
            faces[path.name] = corners.round(4).tolist()
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
