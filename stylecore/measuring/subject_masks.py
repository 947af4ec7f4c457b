"""Subject masks against known cut-outs: intersection over union, time and memory.

    python -m stylecore.measuring.subject_masks cut_outs/ [--sheet sheet.png]

`cut_outs/` is a folder of pictures with transparency. Each is laid on a photo of `weights/learning_photos/`;
every second one on the photo whose colors are nearest to its own.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from stylecore.host.folders import WEIGHTS_FOLDER
from stylecore.images.files import find_pictures
from stylecore.images.loading import load_image
from stylecore.images.sheets import contact_sheet
from stylecore.measuring.peak_memory import peak_above
from stylecore.regions.subject import SubjectFinder

# Photos without a subject of their own.
BACKGROUNDS = (
    *("aitzgorri", "beach_malibu", "brick_wall_and_stairs", "brook", "canyon", "driveway", "flower_bed"),
    *("gravel_desert", "hay_field", "lake", "picosdeeuropa", "pool", "train_tracks1", "village"),
    *("water_and_rocks", "wave"),
)
SIZE = 960, 720  # px of the composed photos
SHARE = 0.62  # of the photo's height or width that a subject takes
SIZES = {"512 px": (512, 384), "12 megapixels": (4000, 3000)}  # that are timed
ROUNDS = 5
MEBIBYTE = 2**20


def compose(cut_out: Image.Image, background: Image.Image) -> tuple[Image.Image, np.ndarray]:
    """Lay a cut-out on a photo.

    Returns:
        The photo, RGB, and its true mask, uint8.
    """
    width, height = SIZE
    subject = cut_out.crop(cut_out.getchannel("A").getbbox())
    scale = SHARE * min(width / subject.width, height / subject.height)
    # Colors times alpha, so that transparent pixels do not color the edges.
    subject = subject.convert("RGBa").resize((round(subject.width * scale), round(subject.height * scale)))
    subject = subject.convert("RGBA")
    photo = background.resize(SIZE)
    place = (width - subject.width) // 2, (height - subject.height) * 2 // 3
    photo.paste(subject, place, subject)
    mask = Image.new("L", SIZE)
    mask.paste(subject.getchannel("A"), place)
    return photo, np.asarray(mask)


def compose_all(cut_outs: Sequence[Path]) -> list[tuple[str, bool, Image.Image, np.ndarray]]:
    """The composed photos: name, whether the background is of similar colors, photo, true mask."""
    folder = WEIGHTS_FOLDER / "learning_photos"
    backgrounds = [load_image(folder / f"{name}.webp").convert("RGB") for name in BACKGROUNDS]
    composed = []
    for i, path in enumerate(cut_outs):
        cut_out = load_image(path).convert("RGBA")
        is_similar = i % 2 == 0
        if is_similar:
            distances = [_color_distance(cut_out, each) for each in backgrounds]
            background = backgrounds[int(np.argmin(distances))]
        else:
            background = backgrounds[i % len(backgrounds)]
        composed.append((path.stem, is_similar, *compose(cut_out, background)))
    return composed


def _color_distance(cut_out: Image.Image, background: Image.Image) -> float:
    """Distance of the mean colors, in the middle of the background."""
    pixels = np.asarray(cut_out, np.float64)
    color = np.average(pixels[..., :3].reshape(-1, 3), axis=0, weights=pixels[..., 3].ravel())
    width, height = background.size
    middle = background.crop((width // 5, height // 4, width * 4 // 5, height))
    return float(np.linalg.norm(np.asarray(middle, np.float64).mean(axis=(0, 1)) - color))


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    """Intersection over union of two masks, uint8, at their half."""
    ours, theirs = first >= 128, second >= 128
    return float((ours & theirs).sum() / max((ours | theirs).sum(), 1))


def measure_masks(cut_outs: Sequence[Path]) -> tuple[list[dict], list[Image.Image]]:
    """IoU with and without refinement for each cut-out, and pictures of photo, mask and truth."""
    finder = SubjectFinder()
    rows, pictures = [], []
    for name, is_similar, photo, truth in compose_all(cut_outs):
        coarse = Image.fromarray((finder.find_coarse(photo) * 255).astype(np.uint8))
        coarse = coarse.resize(photo.size, Image.Resampling.BILINEAR)
        mask = finder.find(photo)
        rows.append(
            {
                "name": name,
                "is_similar": is_similar,
                "unrefined": round(overlap(np.asarray(coarse), truth), 4),
                "refined": round(overlap(np.asarray(mask), truth), 4),
            }
        )
        pictures += [photo, coarse.convert("RGB"), mask.convert("RGB")]
    return rows, pictures


def measure_cost(photo: Image.Image) -> dict[str, dict[str, float]]:
    """Best seconds of several, and memory above the loaded network's, for each of `SIZES`."""
    finder = SubjectFinder()
    costs = {}
    for name, size in SIZES.items():
        picture = photo.resize(size)
        seconds = []
        for _ in range(ROUNDS):
            started = time.perf_counter()
            finder.find(picture)
            seconds.append(time.perf_counter() - started)
        costs[name] = {
            "seconds": round(min(seconds), 3),
            "mebibytes": round(peak_above(lambda picture=picture: finder.find(picture)) / MEBIBYTE),
        }
    return costs


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cut_outs", type=Path, help="folder of pictures with transparency")
    parser.add_argument("--sheet", type=Path, help="write photo, coarse and refined mask of each here")
    options = parser.parse_args(arguments)
    rows, pictures = measure_masks(find_pictures(options.cut_outs))
    report = {"pictures": rows}
    for kind in ("unrefined", "refined"):
        report[f"mean_{kind}"] = round(float(np.mean([row[kind] for row in rows])), 4)
    report["cost"] = measure_cost(pictures[0])
    sys.stdout.write(json.dumps(report, indent=1) + "\n")
    if options.sheet:
        contact_sheet([pictures[i : i + 6] for i in range(0, len(pictures), 6)]).save(options.sheet)
    return 0


if __name__ == "__main__":
    sys.exit(main())
