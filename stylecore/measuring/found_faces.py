"""Faces that are found in a folder of photos, to be counted by eye, and what finding them costs.

python -m stylecore.measuring.found_faces photos/ [--sheet sheet.png]
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from stylecore.images.files import find_pictures
from stylecore.images.loading import load_image
from stylecore.images.sheets import contact_sheet
from stylecore.images.sizes import resize_long_side
from stylecore.measuring.peak_memory import peak_above
from stylecore.regions.faces import FaceFinder

SIZES = {"512 px": (512, 384), "12 megapixels": (4000, 3000)}  # that are timed
ROUNDS = 5
SHEET_COLUMNS = 5
CELL = 400  # px, side of the sheet's cells
MEBIBYTE = 2**20


def marked(photo: Image.Image, finder: FaceFinder) -> tuple[Image.Image, int]:
    """A photo in a square with boxes around its faces, and their number."""
    boxes = finder.find_boxes(photo)
    shown = resize_long_side(photo, CELL)
    draw = ImageDraw.Draw(shown)
    for box in boxes * (shown.width / photo.width):
        draw.rectangle(box.tolist(), outline="red", width=2)
    square = Image.new("RGB", (CELL, CELL), "white")
    square.paste(shown)
    return square, len(boxes)


def measure_cost(photo: Image.Image, finder: FaceFinder) -> dict[str, dict[str, float]]:
    """Least processor time of several, and memory above the loaded network's, for each of `SIZES`."""
    costs = {}
    for name, size in SIZES.items():
        picture = photo.resize(size)
        peak = peak_above(lambda picture=picture: finder.find(picture))
        seconds = []
        for _ in range(ROUNDS):
            started = time.process_time()
            finder.find(picture)
            seconds.append(time.process_time() - started)
        costs[name] = {"cpu_s": round(min(seconds), 3), "mebibytes": round(peak / MEBIBYTE)}
    return costs


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path, help="folder of photos with people")
    parser.add_argument("--sheet", type=Path, help="write the photos with boxes around their faces here")
    options = parser.parse_args(arguments)
    paths, finder, pictures, counts = find_pictures(options.photos), FaceFinder(), [], {}
    cost = measure_cost(load_image(paths[0]).convert("RGB"), finder)
    for path in paths:
        picture, counts[path.name] = marked(load_image(path).convert("RGB"), finder)
        pictures.append(picture)
    report = {"faces": counts, "cost": cost}
    sys.stdout.write(json.dumps(report, indent=1) + "\n")
    if options.sheet:
        rows = [pictures[i : i + SHEET_COLUMNS] for i in range(0, len(pictures), SHEET_COLUMNS)]
        contact_sheet(rows, titles=list(counts), cell=(CELL, CELL)).save(options.sheet)
    return 0


if __name__ == "__main__":
    sys.exit(main())
