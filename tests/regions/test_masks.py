import numpy as np
import pytest
from PIL import Image

from stylecore import ImageError
from stylecore.regions.masks import add, feather, grow, invert, load_mask, subtract


def box_mask(left: int, right: int, *, size: tuple[int, int] = (60, 40)) -> Image.Image:
    mask = Image.new("L", size)
    mask.paste(255, (left, 10, right, 30))
    return mask


def area(mask: Image.Image) -> int:
    return int((np.asarray(mask) >= 128).sum())


@pytest.mark.parametrize("radius", [1, 2, 5, 9])
def test_growing_moves_straight_borders_by_the_radius_and_rounds_corners(radius):
    mask = box_mask(20, 40, size=(60, 40))
    grown = grow(mask, radius)
    assert grown.getbbox() == (20 - radius, 10 - radius, 40 + radius, 30 + radius)
    assert area(grown) <= (20 + 2 * radius) ** 2 - (4 if radius > 1 else 0)


def test_growing_stays_symmetric_and_within_the_picture():
    grown = np.asarray(grow(box_mask(0, 60), 7))
    assert (grown == grown[::-1]).all()
    assert (grown == grown[:, ::-1]).all()
    assert grown.shape == (40, 60)


def test_shrinking_undoes_growing_for_a_box():
    assert grow(grow(box_mask(20, 40), 6), -6) == box_mask(20, 40)


def test_feathering_keeps_the_half_where_the_border_was():
    values = np.asarray(feather(box_mask(20, 60), 3))[20]
    assert values[18:22].tolist() == sorted(values[18:22].tolist())
    assert values[19] < 128 <= values[20]
    assert values[0] == 0
    assert feather(box_mask(20, 40), 0) == box_mask(20, 40)


def test_sums_and_differences_of_masks():
    left, right = box_mask(10, 30), box_mask(20, 50)
    assert add(left, right) == box_mask(10, 50)
    assert subtract(left, right) == box_mask(10, 20)
    assert invert(invert(left)) == left
    assert subtract(left, left).getbbox() is None


@pytest.mark.parametrize("change", [feather, grow])
def test_a_radius_out_of_range_is_refused(change):
    for radius in (-2000, 1001, float("nan")):
        with pytest.raises(ValueError, match="radius is"):
            change(box_mask(10, 30), radius)


def test_a_mask_file_is_read_by_brightness_or_as_a_cut_out(tmp_path):
    mask = box_mask(10, 30)
    mask.save(tmp_path / "mask.png")
    Image.merge("RGBA", [Image.new("L", mask.size, 7)] * 3 + [mask]).save(tmp_path / "cut.png")
    Image.merge("RGBA", [mask] * 3 + [Image.new("L", mask.size, 255)]).save(tmp_path / "opaque.png")
    for name in ("mask.png", "cut.png", "opaque.png"):
        assert load_mask(tmp_path / name, mask.size) == mask


def test_a_mask_file_of_another_size_or_with_nothing_inside_is_refused(tmp_path):
    box_mask(10, 30).save(tmp_path / "mask.png")
    with pytest.raises(ImageError, match=r"mask.png has 60 x 40 px, but the photo 80 x 40: a mask of"):
        load_mask(tmp_path / "mask.png", (80, 40))
    Image.new("L", (60, 40)).save(tmp_path / "black.png")
    with pytest.raises(ImageError, match=r"mask black.png is empty"):
        load_mask(tmp_path / "black.png", (60, 40))
