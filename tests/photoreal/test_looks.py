import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from stylecore import ImageError, MissingExtraError, PhotoLook, PhotoLookConfig
from stylecore.host import extras
from stylecore.photoreal.cube import POINTS
from stylecore.photoreal.grid import constant_grid
from tests.photoreal.conftest import TINY, colored_photo

INSTANT = PhotoLookConfig(method="instant")


def mean_color(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGB"), np.float32).mean((0, 1))


@pytest.fixture(scope="module")
def look(photo, reference):
    return PhotoLook.fit(photo, reference, INSTANT)


def test_an_instant_look_takes_over_the_mean_color(look, photo, reference):
    assert np.abs(mean_color(look.apply(photo)) - mean_color(reference)).max() < 4


def test_looks_are_applied_without_torch():
    code = "import sys, stylecore; stylecore.PhotoLook; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_strength_0_gives_the_photo(look, photo):
    assert np.array_equal(np.asarray(look.apply(photo, 0.0)), np.asarray(photo))


def test_alpha_is_kept_and_does_not_count(look, photo, reference):
    cut = photo.copy()
    cut.putalpha(Image.linear_gradient("L").resize(photo.size))
    result = look.apply(cut)
    assert result.mode == "RGBA"
    assert np.array_equal(np.asarray(result.getchannel("A")), np.asarray(cut.getchannel("A")))


def test_a_photo_is_known_at_other_sizes_and_another_is_not(look, photo, reference):
    assert look.is_fitted_to(photo.resize((200, 170)))
    assert look.is_fitted_to(photo.resize((50, 40)))
    assert not look.is_fitted_to(reference)
    assert not look.is_fitted_to(colored_photo(96, 80, -0.3, 5))


def test_another_photo_gets_no_places(photo, reference):
    look = PhotoLook.fit(photo, reference, INSTANT)
    striped = constant_grid(np.eye(3, 4), (1, 1, 2))
    striped[:, :, 0, :, 3] = 0.5
    look = replace(look, grid=striped)
    other = look.apply(Image.new("RGB", (64, 64), (90, 90, 90)))
    assert len(other.getcolors()) == 1
    assert (
        mean_color(look.apply(photo).crop((0, 0, 20, 80)))[0]
        > mean_color(look.apply(photo).crop((76, 0, 96, 80)))[0]
    )


def test_regions_take_the_look_of_their_own(photo):
    reference = Image.new("RGB", (64, 64), (40, 60, 200))
    reference.paste((220, 60, 40), (32, 0, 64, 64))
    masks = [Image.new("L", each.size) for each in (photo, reference) for _ in range(2)]
    for mask in (masks[0], masks[2]):
        mask.paste(255, (0, 0, mask.width // 2, mask.height))
    for mask in (masks[1], masks[3]):
        mask.paste(255, (mask.width // 2, 0, mask.width, mask.height))
    swapped = [(masks[0], masks[3]), (masks[1], [masks[2]])]
    # The rest takes the look of the rest.
    for regions, is_left_red in (([(masks[0], masks[2])], False), (swapped, True), (swapped[:1], True)):
        result = PhotoLook.fit(photo, reference, INSTANT, regions=regions).apply(photo)
        left, right = (mean_color(result.crop(box)) for box in ((0, 0, 30, 80), (66, 0, 96, 80)))
        assert (left[0] > left[2]) == is_left_red
        assert (right[0] > right[2]) != is_left_red


def test_bad_masks_are_refused(photo, reference):
    white = Image.new("L", reference.size, 255)
    with pytest.raises(ImageError, match="a mask of the photo has 80 x 96 px: 96 x 80 px are needed"):
        PhotoLook.fit(photo, reference, INSTANT, regions=[(white, white)])
    empty = Image.new("L", reference.size)
    with pytest.raises(ImageError, match="a mask of the reference is empty"):
        PhotoLook.fit(photo, reference, INSTANT, regions=[(Image.new("L", photo.size, 255), empty)])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"method": "vivid"}, "method is 'vivid': use one of natural, strong, instant"),
        ({"steps": 0}, "steps is 0: use 1 to 1000"),
        ({"keep_light": float("nan")}, "keep_light is nan: use 0 to 1"),
        ({"side": 8}, "side is 8: use 32 to 1024 px"),
    ],
)
def test_bad_settings_are_refused(photo, reference, settings, message):
    with pytest.raises(ValueError, match=message):
        PhotoLook.fit(photo, reference, PhotoLookConfig(**settings))


def test_bad_strength_is_refused(look, photo):
    with pytest.raises(ValueError, match=r"strength is 1\.5: use 0 to 1"):
        look.apply(photo, 1.5)


def test_missing_torch_is_one_sentence(photo, reference, monkeypatch):
    monkeypatch.setattr(extras, "has_extra", lambda module: False)
    with pytest.raises(MissingExtraError, match="pip install 'impasto\\[custom\\]'"):
        PhotoLook.fit(photo, reference, TINY)


def test_a_cube_file_does_what_the_global_part_does(look, tmp_path):
    path = tmp_path / "evening.cube"
    look.save_cube(path)
    title, size, *lines = path.read_text().splitlines()
    assert (title, size) == ('TITLE "evening"', f"LUT_3D_SIZE {POINTS}")
    table = np.array([[float(number) for number in line.split()] for line in lines])
    assert len(table) == POINTS**3
    red, green, blue = 16, 8, 24  # of 32, red changes fastest
    color = tuple(round(255 * step / 32) for step in (red, green, blue))
    applied = mean_color(look.apply(Image.new("RGB", (32, 32), color)))
    assert np.abs(255 * table[red + POINTS * (green + POINTS * blue)] - applied).max() < 2
