from PIL import Image

from stylecore.images.loading import load_image
from stylecore.images.sizes import resize_long_side, size_at
from tests.conftest import encoded, make_photo


def test_load_image_limits_the_long_side():
    assert load_image(make_photo(400, 100), max_side=200).size == (200, 50)
    assert load_image(encoded(make_photo(400, 100), "JPEG"), max_side=200).size == (200, 50)
    assert load_image(make_photo(100, 50), max_side=200).size == (100, 50)


def test_resize_long_side_keeps_the_proportions():
    assert resize_long_side(make_photo(300, 200), 150).size == (150, 100)
    assert resize_long_side(make_photo(1600, 100), 256).size == (512, 32)  # no side under 32 px
    assert resize_long_side(make_photo(300, 200), 600).size == (600, 400)


def test_narrow_strips_keep_the_least_height():
    assert size_at(384, (20_000, 50)) == (12_800, 32)
    assert size_at(384, (4000, 3000)) == (384, 288)
    assert load_image(Image.new("RGB", (3000, 40)), max_side=512).size == (2400, 32)
