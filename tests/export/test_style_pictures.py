import json

import numpy as np
import pytest
from PIL import Image, ImageStat

from export import style_pictures
from export.paintings import DETAILS, Detail, cut_out
from export.records import CATALOG_FILE
from tests.conftest import make_photo


def test_details_are_cut_from_scans(tmp_path):
    scan = make_photo(200, 100)
    scan.save(tmp_path / "scan.png")
    whole = cut_out(Detail("scan.png", (0.25, 0.0, 0.75, 0.5)), tmp_path)
    assert np.array_equal(np.asarray(whole), np.asarray(scan.crop((50, 0, 150, 50))))
    turned = cut_out(Detail("scan.png", (0.25, 0.0, 0.75, 0.5), hue=120.0), tmp_path)
    red_to_green = np.asarray(turned, np.float32).mean((0, 1)) - np.asarray(whole, np.float32).mean((0, 1))
    assert red_to_green[1] > 0 > red_to_green[0]
    vivid = cut_out(Detail("scan.png", saturation=2, contrast=1.5), tmp_path)
    plain = cut_out(Detail("scan.png"), tmp_path)
    for measure in (lambda image: ImageStat.Stat(image.convert("HSV")).mean[1], deviation_of_brightness):
        assert measure(vivid) > 1.1 * measure(plain)


def deviation_of_brightness(image: Image.Image) -> float:
    return ImageStat.Stat(image.convert("L")).stddev[0]


def test_every_style_picture_has_its_catalog_entry():
    catalog = json.loads(CATALOG_FILE.read_text(encoding="utf-8"))
    ours = set(style_pictures.PICTURES) | set(DETAILS)
    assert set(catalog) >= ours  # others are of one's own
    for name, record in catalog.items():
        needed = {"title", "artist", "year", "credit", "license", "kind"}
        assert set(record) >= (needed | {"picture"} if name in ours else needed), name
        assert all(record.values())


@pytest.mark.parametrize("name", list(style_pictures.PICTURES))
def test_generated_pictures_are_deterministic_and_colorful(name):
    settings = {"rounds": 60} if name == "flame" else {}
    pixels = np.asarray(style_pictures.PICTURES[name](**settings))
    assert np.array_equal(pixels, style_pictures.PICTURES[name](**settings))
    assert pixels.std(axis=(0, 1)).min() > 20
