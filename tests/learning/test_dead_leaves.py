import numpy as np
import pytest
from PIL import Image

from stylecore.learning.dead_leaves import LARGEST_RADIUS, SMALLEST_RADIUS, _draw_disks, dead_leaves
from tests.conftest import make_photo


def test_a_seed_gives_one_picture():
    photo = make_photo(120, 90, 1)
    first, same, other = (np.asarray(dead_leaves(photo, 64, seed=seed)) for seed in (5, 5, 6))
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("size", [8, 33, 256])
def test_any_size_is_covered_in_colors_of_the_photo(size):
    photo = Image.new("RGB", (50, 40), (200, 30, 90))
    painted = np.asarray(dead_leaves(photo, size, seed=2))
    assert painted.shape == (size, size, 3)
    assert (painted == (200, 30, 90)).all()


def test_disks_cover_as_much_at_each_scale():
    # With radii of density r^-3 the area of the disks between r and 2 r is the same for every r.
    largest = LARGEST_RADIUS * 512
    random = np.random.default_rng(0)
    radii = np.concatenate([_draw_disks(random, 512, largest)[:, 2] for _ in range(2000)])
    assert radii.min() >= SMALLEST_RADIUS
    assert radii.max() <= largest
    areas = [np.sum(radii[(radii >= low) & (radii < 2 * low)] ** 2) for low in (3, 6, 12, 24, 48)]
    assert max(areas) < 1.2 * min(areas)


def test_pixels_far_apart_differ_more_than_neighbors():
    noise = Image.fromarray(np.random.default_rng(3).integers(0, 256, (256, 256, 3), dtype=np.uint8))
    gray = np.asarray(dead_leaves(noise, 256, seed=0).convert("L"), dtype=float)
    close, far = (np.abs(gray[:, step:] - gray[:, :-step]).mean() for step in (1, 32))
    assert close < 0.9 * far  # in noise they differ as much
