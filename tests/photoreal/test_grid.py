import numpy as np
import pytest
from PIL import Image

from stylecore.images.arrays import LUMA
from stylecore.photoreal.grid import IDENTITY, SHOULDER, apply_grid, constant_grid, global_part, weaken


def random_grid(*cells: int) -> np.ndarray:
    noise = np.random.default_rng(sum(cells)).normal(0, 0.1, (*cells, 3, 4))
    return (0.8 * IDENTITY + 0.05 + noise).astype(np.float32)


def random_photo(width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(width).integers(0, 256, (height, width, 3), np.uint8))


def applied_by_pixel(grid: np.ndarray, image: Image.Image) -> np.ndarray:
    """Trilinear interpolation in the plainest way."""
    pixels = np.asarray(image, np.float64) / 255
    height, width = pixels.shape[:2]
    result = np.empty_like(pixels)
    for y in range(height):
        for x in range(width):
            color = pixels[y, x]
            place = color @ LUMA, (y + 0.5) / height, (x + 0.5) / width
            place = [share * (cells - 1) for share, cells in zip(place, grid.shape[:3], strict=True)]
            transform = np.zeros((3, 4))
            for corner in np.ndindex(2, 2, 2):
                cell = [int(p) + c for p, c in zip(place, corner, strict=True)]
                weight = np.prod([1 - abs(p - c) for p, c in zip(place, cell, strict=True)])
                if weight > 0 and all(c < n for c, n in zip(cell, grid.shape[:3], strict=True)):
                    transform += weight * grid[tuple(cell)]
            result[y, x] = transform @ [*color, 1]
    return np.vectorize(bent)(result, pixels) * 255


def bent(value: float, color: float) -> float:
    """A value near black or white, or beyond, bent as in equation 3 of Reinhard et al. (2002), scaled."""
    if value > 0.5:
        return 1 - bent(1 - value, 1 - color)
    room = min(color, SHOULDER)
    return value if value >= room else room / (1 + (room - value) / room) if room else 0.0


@pytest.mark.parametrize("cells", [(8, 16, 16), (4, 1, 5), (1, 3, 1), (1, 1, 1), (2, 7, 2)])
def test_applying_agrees_with_trilinear_interpolation_by_pixel(cells):
    grid, photo = random_grid(*cells), random_photo(37, 41)
    found = np.asarray(apply_grid(grid, photo), np.float64)
    assert np.abs(found - applied_by_pixel(grid, photo)).max() <= 0.51


def test_identity_keeps_every_pixel():
    photo = random_photo(50, 33)
    result = apply_grid(constant_grid(IDENTITY, (8, 16, 16)), photo)
    assert np.array_equal(np.asarray(result), np.asarray(photo))


def test_a_grid_does_the_same_at_another_size():
    small = Image.fromarray(np.full((40, 60, 3), (90, 140, 60), np.uint8))
    grid = random_grid(8, 6, 5)
    large = apply_grid(grid, small.resize((240, 160)))
    reduced = np.asarray(large.resize(small.size, Image.Resampling.BOX), np.float32)
    assert np.abs(reduced - np.asarray(apply_grid(grid, small))).max() <= 1.5


def test_strength_lies_between_photo_and_result():
    grid, photo = random_grid(8, 5, 4), Image.fromarray(np.full((32, 32, 3), (100, 120, 140), np.uint8))
    half = np.asarray(apply_grid(weaken(grid, 0.5), photo), np.float32)
    whole = np.asarray(apply_grid(grid, photo), np.float32)
    assert np.abs(half - (whole + np.asarray(photo)) / 2).max() <= 1
    assert np.array_equal(weaken(grid, 0.0), constant_grid(IDENTITY, (8, 5, 4)))


def test_kept_light_keeps_the_luma():
    darkening = constant_grid(np.float32(0.5) * IDENTITY, (2, 3, 3))
    photo = Image.fromarray(np.full((32, 32, 3), (100, 140, 120), np.uint8))
    kept = np.asarray(apply_grid(weaken(darkening, 1.0, 1.0), photo), np.float32)
    assert np.abs(kept @ LUMA - np.asarray(photo, np.float32) @ LUMA).max() <= 0.6
    part = np.asarray(apply_grid(weaken(darkening, 1.0, 0.5), photo), np.float32) @ LUMA
    assert np.abs(part - 0.75 * (np.asarray(photo, np.float32) @ LUMA)).max() <= 0.6


def test_the_global_part_counts_cells_by_their_pixels():
    grid = constant_grid(IDENTITY, (2, 2, 2))
    grid[0, 0, 0, 0, 3] = 1.0  # reddens dark pixels at the top left
    dark_top_left = np.ones((64, 64, 3), np.float32)
    dark_top_left[:16, :16] = 0
    found = global_part(grid, dark_top_left)
    assert found.shape == (2, 1, 1, 3, 4)
    assert found[0, 0, 0, 0, 3] > 0.7
    assert found[1, 0, 0, 0, 3] == 0
    assert global_part(grid, 1 - dark_top_left)[0, 0, 0, 0, 3] < 0.25


def test_colors_bend_towards_white_and_black_without_being_clipped():
    steps = np.arange(8, 248, dtype=np.uint8)
    photo = Image.fromarray(np.repeat(steps[None, :, None], 3, axis=2).repeat(32, axis=0))
    contrast = constant_grid(np.column_stack([1.3 * np.eye(3), np.full(3, -0.15)]).astype(np.float32))
    values = np.asarray(apply_grid(contrast, photo), int)[0, :, 0]
    assert values.min() > 0
    assert values.max() < 255
    assert (np.diff(values) >= 0).all()
    between = (steps > 255 * (0.15 + SHOULDER) / 1.3 + 1) & (steps < 255 * (1.15 - SHOULDER) / 1.3 - 1)
    assert np.abs(values - (1.3 * steps - 0.15 * 255))[between].max() <= 0.5 + 1e-3


def test_the_identity_leaves_every_color_alone():
    photo = random_photo(64, 64)
    assert np.array_equal(np.asarray(apply_grid(constant_grid(IDENTITY), photo)), np.asarray(photo))
