import numpy as np
import pytest
from PIL import Image

from stylecore.measuring.flaws import border_excess, grid_excess, stairs_energy
from tests.conftest import make_photo


@pytest.fixture
def pixels() -> np.ndarray:
    return np.asarray(make_photo(203, 161), np.float32)


def image_of(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def test_a_picture_without_a_grid_has_about_none(pixels):
    assert grid_excess(image_of(pixels)) < 4


@pytest.mark.parametrize("period", [2, 4])
@pytest.mark.parametrize("axis", [0, 1])
def test_a_faint_grid_stands_out(pixels, period, axis):
    place = np.arange(pixels.shape[axis]) % period == 0
    grid = place[:, None, None] if axis == 0 else place[None, :, None]
    assert grid_excess(image_of(pixels + 6.0 * grid)) > 10


def test_a_grid_that_nobody_sees_is_none_in_a_smooth_picture():
    y, x = np.mgrid[0:256, 0:256]
    smooth = np.stack([x, y, x], -1).astype(np.float32) / 2 + 40
    grid = (y % 4 == 0)[:, :, None]
    assert grid_excess(image_of(smooth + 0.5 * grid)) < 2
    assert grid_excess(image_of(smooth + 6.0 * grid)) > 10


def test_texture_of_the_same_fineness_is_not_a_grid(pixels):
    noise = np.random.default_rng(0).normal(0, 20, pixels.shape)
    assert grid_excess(image_of(pixels + noise)) < 4


@pytest.mark.parametrize("axis", [0, 1])
def test_stairs_stand_out_whatever_their_sign(pixels, axis):
    place = np.arange(pixels.shape[axis])
    stairs = np.where(place // 40 % 2, 1, -1) * (-1.0) ** place  # turned over every 40 px
    stairs = stairs[:, None, None] if axis == 0 else stairs[None, :, None]
    noise = np.random.default_rng(0).normal(0, 2, pixels.shape)
    assert stairs_energy(image_of(pixels + noise)) < 2
    assert stairs_energy(image_of(pixels + noise + 3 * stairs)) > 10


def test_a_frame_stands_out_and_a_smooth_picture_does_not():
    y, x = np.mgrid[0:128, 0:160]
    smooth = np.stack([x, y, x + y], -1).astype(np.float32)
    framed = smooth.copy()
    for edge in (framed[:4], framed[-4:], framed[:, :4], framed[:, -4:]):
        edge += 40
    assert border_excess(image_of(smooth)) == pytest.approx(1, abs=0.3)
    assert border_excess(image_of(framed)) > 2


def test_tiny_pictures_are_refused():
    for measure in (grid_excess, stairs_energy, border_excess):
        with pytest.raises(ValueError, match="at least 64 a side"):
            measure(make_photo(63, 100))
