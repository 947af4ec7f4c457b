"""Color steps at the border of a kept subject, next to those inside the painted background.

    python -m stylecore.measuring.region_borders photos/ [--sheet sheet.png]

Each photo is painted around its subject, in the next of the ready-made styles. The mean color 2 px outside
the mask is compared with that 6 px outside, tile by tile, and so are rings further outside.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from stylecore.images.files import find_pictures
from stylecore.images.loading import load_image
from stylecore.images.sheets import contact_sheet
from stylecore.images.sizes import resize_long_side
from stylecore.instant.compositing import Region
from stylecore.instant.stylizer import FastStylizer
from stylecore.regions.masks import grow
from stylecore.regions.subject import find_subject
from stylecore.styles.catalog import ready_made_styles

SIDE = 800  # px, long side of the photos
NEAR, FAR = 2, 6  # px outside the mask
INSIDE = (20, 26, 32)  # px outside the mask, where rings of the same distance are compared
TILE = 50  # px, within which colors are averaged


def color_step(painting: Image.Image, mask: Image.Image, near: int, far: int) -> float:
    """Distance of the mean colors of two rings around a mask, of 255, averaged over tiles that have both."""
    pixels = np.asarray(painting, np.float64)
    covered = mask.point(lambda value: 255 if value else 0)
    rings = [
        np.asarray(grow(covered, distance)) > np.asarray(grow(covered, distance - 1))
        for distance in (near, far)
    ]
    steps = []
    for top in range(0, mask.height, TILE):
        for left in range(0, mask.width, TILE):
            tile = slice(top, top + TILE), slice(left, left + TILE)
            if all(ring[tile].sum() >= TILE // 2 for ring in rings):
                first, second = (pixels[tile][ring[tile]].mean(axis=0) for ring in rings)
                steps.append(np.abs(first - second).mean())
    return float(np.mean(steps)) if steps else float("nan")


def measure_borders(photos: Sequence[Path]) -> tuple[list[dict], list[Image.Image]]:
    """Steps of each photo, with regions and with a painting that is only laid behind the subject."""
    stylizer, styles = FastStylizer("cpu"), ready_made_styles()
    rows, pictures = [], []
    for path, style in zip(photos, styles * len(photos), strict=False):
        photo = resize_long_side(load_image(path).convert("RGB"), SIDE)
        mask = find_subject(photo)
        if mask.getbbox() is None:
            continue
        painted = stylizer.stylize(photo, style, regions=[Region(mask)])
        laid_behind = Image.composite(photo, stylizer.stylize(photo, style), mask)
        rows.append({"photo": path.stem, "style": style.name})
        for name, picture in (("regions", painted), ("laid_behind", laid_behind)):
            inside = [color_step(picture, mask, place, place + FAR - NEAR) for place in INSIDE]
            rows[-1][f"{name}_border"] = round(color_step(picture, mask, NEAR, FAR), 2)
            rows[-1][f"{name}_inside"] = round(float(np.nanmean(inside)), 2)
        pictures += [photo, laid_behind, painted]
    return rows, pictures


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path, help="folder of photos with a subject")
    parser.add_argument("--sheet", type=Path, help="write photo, plain and region painting of each here")
    options = parser.parse_args(arguments)
    rows, pictures = measure_borders(find_pictures(options.photos))
    names = [name for name in rows[0] if name.endswith(("_border", "_inside"))]
    means = {f"mean_{name}": round(float(np.nanmean([row[name] for row in rows])), 2) for name in names}
    sys.stdout.write(json.dumps({"photos": rows} | means, indent=1) + "\n")
    if options.sheet:
        sheet = contact_sheet([pictures[i : i + 3] for i in range(0, len(pictures), 3)], cell=(SIDE, 600))
        sheet.save(options.sheet)
    return 0


if __name__ == "__main__":
    sys.exit(main())
