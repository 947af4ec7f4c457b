import numpy as np
from PIL import Image, ImageFilter

from stylecore.images.border_colors import continue_colors, cut_out
from tests.conftest import make_photo

SIZE = 240, 160
RED, BLUE = (200, 40, 30), (20, 60, 190)


def two_halves() -> tuple[Image.Image, Image.Image]:
    """Red on the left, blue on the right, mixed along a soft edge; the mask of the left half."""
    mask = Image.new("L", SIZE)
    mask.paste(255, (0, 0, 120, 160))
    mask = mask.filter(ImageFilter.GaussianBlur(1.5))
    return Image.composite(Image.new("RGB", SIZE, RED), Image.new("RGB", SIZE, BLUE), mask), mask


def test_the_colors_of_a_region_go_on_beyond_its_border():
    photo, mask = two_halves()
    pixels = np.asarray(continue_colors(photo, mask)).astype(int)
    assert np.abs(pixels[:, :128] - RED).max() <= 32  # mixed pixels of the photo are up to 160 off
    assert (pixels[:, 200:] == BLUE).all()  # the photo far away


def test_where_the_mask_is_full_the_photo_stays_to_the_bit():
    photo = make_photo(*SIZE)
    mask = Image.new("L", SIZE)
    mask.paste(255, (50, 30, 150, 120))
    full = np.asarray(mask) == 255
    assert (np.asarray(continue_colors(photo, mask))[full] == np.asarray(photo)[full]).all()
    assert continue_colors(photo, Image.new("L", SIZE, 255)) == photo


def test_a_feathered_border_keeps_the_photo_across_it():
    photo = make_photo(*SIZE)
    mask = Image.linear_gradient("L").rotate(90).resize(SIZE)
    near = slice(None), slice(60, 240)
    difference = np.asarray(continue_colors(photo, mask)).astype(int) - np.asarray(photo)
    feathered = np.asarray(mask)[near] > 60
    assert np.abs(difference[near][feathered]).mean() < 8


def test_a_cut_out_has_no_color_of_the_background_and_keeps_holes():
    photo, mask = two_halves()
    photo.putalpha(Image.new("L", SIZE, 255))
    photo.paste((0, 0, 0, 0), (0, 0, 10, 10))
    alone = np.asarray(cut_out(photo, mask)).astype(int)
    visible = alone[20:, :, 3] > 20
    assert np.abs(alone[20:][visible][:, :3] - RED).max() <= 32
    assert (alone[:10, :10, 3] == 0).all()
    assert (alone[:, 140:, 3] == 0).all()
