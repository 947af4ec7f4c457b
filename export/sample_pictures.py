"""Make the sample photos, the style tiles and the README's picture.

    python -m export.sample_pictures
    pip install --no-deps scikit-image==0.26.0 scikit-learn==1.9.1
    python -m export.sample_pictures --photos

Without `--photos` only the painted pictures are made. The photos come from those two packages, scaled
and saved as JPEG; their sources and licenses are in `pages/shared/samples/LICENSES.md`.
"""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path

from export.style_pictures import PICTURES
from stylecore import FastStylizer, list_styles, load_image
from stylecore.images.encoding import encode_image
from stylecore.images.sheets import contact_sheet, fit
from stylecore.images.sizes import limit_long_side
from stylecore.learning.learning_photos import PHOTOS_FOLDER

SHARED = Path(__file__).resolve().parent.parent / "pages" / "shared"
README_PICTURE = SHARED.parent.parent / "export" / "readme.jpg"
PHOTOS = {
    "temple": ("sklearn", "datasets/images/china.jpg"),
    "portrait": ("skimage", "data/astronaut.png"),
    "cat": ("skimage", "data/chelsea.png"),
    "coffee": ("skimage", "data/coffee.png"),
}
# Pictures whose light and colors a photo takes, by the photos of `weights/learning_photos/`.
REFERENCES = {
    "evening": "gatewayof_india",
    "night": "cincinnati_bridge",
    "low_sun": "dandelions",
    "desert": "navajo",
    "winter": "polar_bear",
}
# JPEG, which Streamlit sends unchanged; it would decode and encode WebP in every run of a page.
TILE_PHOTO, TILE_SIZE = "temple", (280, 210)  # px
THUMBNAIL_SIZE = (160, 120)  # px
README_CELL, README_COLUMNS = (230, 172), 6  # px


def write_samples() -> None:
    pictures = {name: paint() for name, paint in PICTURES.items()}
    for name, (package, path) in PHOTOS.items():
        root = Path(importlib.util.find_spec(package).origin).parent
        pictures[name] = limit_long_side(load_image(root / path), 1024)
    for name, photo in REFERENCES.items():
        pictures[name] = load_image(PHOTOS_FOLDER / f"{photo}.webp")
    for name, image in pictures.items():
        (SHARED / "samples" / f"{name}.jpg").write_bytes(encode_image(image, "JPEG"))
        fit(image, THUMBNAIL_SIZE).save(SHARED / "samples" / f"{name}_small.jpg", quality=85)


def write_tiles(stylizer: FastStylizer) -> None:
    photo = load_image(SHARED / "samples" / f"{TILE_PHOTO}.jpg")
    for style in list_styles():
        tile = fit(stylizer.stylize(photo, style.name, stroke_size=512), TILE_SIZE)
        tile.save(SHARED / "tiles" / f"{style.name}.jpg", quality=85)


def write_readme_picture(stylizer: FastStylizer) -> None:
    """Two sample photos, each followed by itself in every style, in rows under their names."""
    pictures, titles = [], []
    for name in ("temple", "portrait"):
        photo = load_image(SHARED / "samples" / f"{name}.jpg")
        pictures += [
            photo,
            *(stylizer.stylize(photo, style.name, stroke_size=512) for style in list_styles()),
        ]
        titles += ["the photo", *(style.name.replace("_", " ") for style in list_styles())]
    rows = [pictures[i : i + README_COLUMNS] for i in range(0, len(pictures), README_COLUMNS)]
    sheet = contact_sheet(rows, titles=titles, cell=README_CELL)
    sheet.save(README_PICTURE, quality=85)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", action="store_true", help="make the sample photos too")
    if parser.parse_args().photos:
        write_samples()
    stylizer = FastStylizer()
    write_tiles(stylizer)
    write_readme_picture(stylizer)


if __name__ == "__main__":
    main()
