"""JPEG files without their end."""

import io

import numpy as np
import pytest
from PIL import Image

from stylecore.errors import ImageError
from stylecore.images.loading import load_image
from tests.conftest import encoded, make_photo
from tests.images.quadrants import assert_colors, quadrant_image
from tests.images.test_color_profiles import ADOBE, color_exif


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_without_the_end_marker_the_picture_is_whole(mode, options):
    data = encoded(make_photo(200, 160).convert(mode), "JPEG", quality=95, **options)
    assert data.endswith(b"\xff\xd9")
    assert np.array_equal(load_image(data[:-2]), load_image(data))


@pytest.mark.parametrize("as_file", [False, True])
def test_missing_last_rows_repeat_the_row_above(as_file, tmp_path):
    data = encoded(make_photo(320, 320), "JPEG", quality=95)
    cut = data[: len(data) * 97 // 100]
    if as_file:
        (tmp_path / "cut.jpg").write_bytes(cut)
    whole, image = load_image(data), load_image(tmp_path / "cut.jpg" if as_file else cut)
    assert image.size == (320, 320)
    assert np.array_equal(np.asarray(image)[:280], np.asarray(whole)[:280])
    last = np.asarray(image)[-1]
    assert not (last == 128).all()
    assert np.array_equal(np.asarray(image)[-2], last)


def test_with_half_of_it_missing_the_message_has_how_much_is_there():
    data = encoded(make_photo(320, 320), "JPEG", quality=95)
    with pytest.raises(
        ImageError, match=r"the file is cut off: only the upper [45]\d% of the picture is there"
    ):
        load_image(data[: len(data) // 2])


def test_grey_at_the_lower_right_is_no_missing_part():
    assert_colors(load_image(encoded(quadrant_image(), "JPEG", quality=95)[:-2]))


def test_a_cut_photo_is_scaled_turned_and_colored_like_a_whole_one():
    options = {"quality": 98, "subsampling": 0, "exif": color_exif(2, orientation=3)}
    stored = quadrant_image(np.round(ADOBE)).resize((960, 640), Image.Resampling.NEAREST)
    data = encoded(stored.transpose(Image.Transpose.ROTATE_180), "JPEG", **options)[:-2]
    image = load_image(io.BytesIO(data), max_side=96)
    assert image.size == (96, 64)
    assert_colors(image)


def test_a_header_alone_is_an_error():
    data = encoded(make_photo(320, 320), "JPEG")
    with pytest.raises(ImageError, match=r"cut off|damaged"):
        load_image(data[: data.index(b"\xff\xda") + 20])
