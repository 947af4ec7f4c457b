import numpy as np
import pytest
from PIL import Image, ImageFilter

from stylecore.instant import enlarging
from stylecore.instant.enlarging import enlarge
from tests.conftest import make_photo


def sharpen(picture: Image.Image) -> Image.Image:
    """In place of a network: adds what is fine, and changes what is coarse, too."""
    return picture.filter(ImageFilter.UnsharpMask(2, 300, 0)).point(lambda value: value * 0.8)


def difference(first: Image.Image, second: Image.Image) -> float:
    return float(np.abs(np.asarray(first, np.float32) - np.asarray(second, np.float32)).mean())


def roughness(picture: Image.Image) -> float:
    return float(np.abs(np.diff(np.asarray(picture.convert("L"), np.float32), axis=1)).mean())


def test_detail_is_added_and_the_painting_stays_the_same():
    painting = make_photo(90, 60)
    plain = painting.resize((360, 240), Image.Resampling.LANCZOS)
    enlarged = enlarge(painting, (360, 240), sharpen)
    assert roughness(enlarged) > 1.1 * roughness(plain)
    seen_before = enlarged.resize(painting.size, Image.Resampling.LANCZOS)
    assert difference(seen_before, painting) < 2
    assert difference(sharpen(plain).resize(painting.size), painting) > 10


def test_one_band_gives_way_to_the_next(monkeypatch):
    monkeypatch.setattr(enlarging, "BAND_PIXELS", 1)
    sizes = []

    def repaint(picture: Image.Image) -> Image.Image:
        """Stripes one pixel wide, in every other band three times as strong."""
        sizes.append(picture.size)
        stripes = np.indices(picture.size[::-1])[1] % 2 * (20 + 40 * (len(sizes) % 2))
        return Image.merge("RGB", [Image.fromarray(stripes.astype(np.uint8))] * 3)

    columns = np.indices((401, 60))[1] // 10 % 2 * 100 + 80  # rough everywhere, and the same in each row
    painting = Image.merge("RGB", [Image.fromarray(columns.astype(np.uint8))] * 3)
    enlarged = enlarge(painting, (120, 801), repaint)
    assert sizes == [(120, 256)] * 3 + [(120, 257)]
    plain = np.asarray(painting.resize((120, 801), Image.Resampling.LANCZOS), np.float32)
    strength = np.abs(np.asarray(enlarged, np.float32) - plain).mean((1, 2))  # by row
    assert strength.max() > 2 * strength.min() > 0
    assert np.abs(np.diff(strength)).max() < 2  # 14 without giving way


def test_flat_areas_stay_flat():
    grey = Image.new("RGB", (64, 64), "grey")
    grey.paste("white", (0, 0, 20, 64))

    def repaint(picture: Image.Image) -> Image.Image:
        weave = np.indices(picture.size[::-1]).sum(0) % 2 * 8
        return Image.merge("RGB", [Image.fromarray(weave.astype(np.uint8))] * 3)

    enlarged = np.asarray(enlarge(grey, (128, 128), repaint).convert("L"), np.float32)
    roughness = np.abs(np.diff(enlarged, axis=0)).mean(0)  # by column
    assert roughness[80:].max() < 0.5
    assert roughness[40:44].min() > 3


def test_bands_paint_as_the_whole(monkeypatch):
    painting = make_photo(60, 400)
    whole = enlarge(painting, (120, 800), sharpen)
    monkeypatch.setattr(enlarging, "BAND_PIXELS", 1)
    assert difference(enlarge(painting, (120, 800), sharpen), whole) < 0.1


@pytest.mark.parametrize("size", [(90, 60), (45, 30), (110, 73)])
def test_what_is_hardly_larger_is_resized_alone(size):
    enlarged = enlarge(make_photo(90, 60), size, pytest.fail)
    assert difference(enlarged, make_photo(90, 60).resize(size, Image.Resampling.LANCZOS)) == 0


def test_large_pictures_begin_with_the_smallest_step(monkeypatch):
    monkeypatch.setattr(enlarging, "POSTER_PIXELS", 300 * 180)
    assert enlarging.steps((50, 30), (300, 180)) == [(100, 60), (200, 120), (300, 180)]
    assert enlarging.steps((50, 30), (310, 186)) == [(78, 47), (155, 93), (310, 186)]
    assert enlarging.steps((50, 30), (440, 264)) == [(110, 66), (220, 132), (440, 264)]
    assert enlarging.steps((50, 30), (60, 36)) == []


def test_large_pictures_have_detail_to_the_end_and_no_seams_between_parts(monkeypatch):
    painting = make_photo(100, 75)
    whole = enlarge(painting, (800, 600), sharpen)
    for name, value in {"POSTER_PIXELS": 0, "BAND_PIXELS": 1}.items():
        monkeypatch.setattr(enlarging, name, value)
    sizes = []

    def repaint(picture: Image.Image) -> Image.Image:
        sizes.append(picture.size)
        return sharpen(picture)

    parts = enlarge(painting, (800, 600), repaint)
    assert sizes == enlarging.band_sizes(painting.size, (800, 600))
    assert sizes[-12:] == [(256, 256)] * 12
    apart = np.asarray(parts, np.float32) - np.asarray(whole, np.float32)
    assert np.abs(apart).mean() < 1
    for axis in (0, 1):
        assert np.abs(np.diff(apart.mean((axis, 2)))).max() < 0.5  # a seam would be a step


@pytest.mark.parametrize("size", [(3000, 40), (40, 3000)])
def test_extreme_shapes_come_out(size):
    painting = make_photo(*(max(32, length // 5) for length in size))
    assert enlarge(painting, size, sharpen).size == size
