import tracemalloc

import numpy as np
import pytest
from PIL import Image, ImageCms

from stylecore.images.colors import flatten_content
from stylecore.images.loading import load_image
from tests.conftest import encoded


def test_load_image_keeps_alpha():
    image = Image.new("RGBA", (40, 40), (200, 100, 50, 0))
    image.putpixel((3, 4), (1, 2, 3, 128))
    assert np.array_equal(load_image(encoded(image)), image)


def test_load_image_keeps_alpha_that_hides_nothing():
    assert load_image(encoded(Image.new("RGBA", (40, 40), "red"))).mode == "RGBA"


def test_load_image_keeps_palette_transparency():
    image = Image.new("P", (40, 40), 0)
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.paste(1, (0, 0, 20, 40))
    loaded = load_image(encoded(image, "PNG", transparency=1))
    assert loaded.getpixel((30, 5)) == (255, 0, 0, 255)
    assert loaded.getpixel((5, 5))[3] == 0


def test_load_image_keeps_a_transparent_color():
    image = Image.new("RGB", (40, 40), (250, 10, 20))
    image.paste((1, 2, 3), (0, 0, 20, 40))
    loaded = load_image(encoded(image, "PNG", transparency=(250, 10, 20)))
    assert loaded.getpixel((30, 5)) == (250, 10, 20, 0)
    assert loaded.getpixel((5, 5)) == (1, 2, 3, 255)


@pytest.mark.parametrize("mode", ["La", "RGBa"])
def test_load_image_takes_colors_times_alpha(mode):
    image = Image.new("RGBA", (40, 40), (200, 200, 200, 128))
    image = image.convert("LA").convert("La") if mode == "La" else image.convert(mode)
    red, _, _, alpha = load_image(image).getpixel((0, 0))
    assert (red, alpha) == (pytest.approx(200, abs=1), 128)


def test_hidden_colors_become_the_mean_of_the_visible_ones():
    image = Image.new("RGBA", (40, 40), (255, 0, 255, 0))
    image.paste((10, 20, 30, 255), (0, 0, 10, 40))
    image.paste((40, 80, 120, 128), (10, 0, 20, 40))
    flat = flatten_content(image)
    expected = [(a * 255 + b * 128) // 383 for a, b in zip((10, 20, 30), (40, 80, 120), strict=True)]
    assert flat.getpixel((30, 5)) == tuple(expected)
    assert flat.getpixel((5, 5)) == (10, 20, 30)
    assert flatten_content(Image.new("RGBA", (40, 40), (9, 9, 9, 0))).getextrema() == ((0, 0),) * 3


def test_a_large_transparent_photo_takes_few_bytes_a_pixel():
    image = Image.new("RGBA", (1500, 1500), (200, 100, 50, 7))
    tracemalloc.start()
    flatten_content(image)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10 * 1500 * 1500  # as floats it would be 28 bytes a pixel


def test_grey_of_more_bits_keeps_its_transparent_color():
    values = np.full((40, 40), 30_000, np.uint16)
    values[:, :10] = 7
    image = load_image(encoded(Image.fromarray(values), transparency=7))
    assert image.mode == "RGBA"
    assert [image.getpixel((x, 0))[3] for x in (9, 10)] == [0, 255]


@pytest.mark.parametrize("full_scale", [1, 255, 65535])
def test_grey_in_floats_is_read_in_its_scale(full_scale):
    values = np.tile(np.linspace(0, full_scale, 40, dtype=np.float32), (40, 1))
    values[0, 0] = np.nan
    image = load_image(encoded(Image.fromarray(values), "TIFF"))
    assert [image.getpixel((x, 1))[0] for x in (0, 39)] == [0, 255]


def test_load_image_scales_16_bit_grey():
    values = np.full((40, 40), 32768, np.uint16)
    loaded = load_image(encoded(Image.fromarray(values)))
    assert loaded.getpixel((0, 0)) == (128, 128, 128)


@pytest.mark.parametrize("mode", ["L", "LA", "1", "CMYK", "P"])
def test_load_image_takes_every_common_mode(mode, photo):
    image_format = "TIFF" if mode == "CMYK" else "PNG"
    loaded = load_image(encoded(photo.convert(mode), image_format))
    assert loaded.mode == ("RGBA" if mode == "LA" else "RGB")
    assert loaded.size == photo.size


def test_load_image_converts_the_color_profile():
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    # The same profile with the primaries of red and blue exchanged.
    swapped = srgb.replace(b"rXYZ", b"????").replace(b"bXYZ", b"rXYZ").replace(b"????", b"bXYZ")
    red = Image.new("RGB", (40, 40), (250, 10, 20))
    same = load_image(encoded(red, "PNG", icc_profile=srgb)).getpixel((0, 0))
    converted = load_image(encoded(red, "PNG", icc_profile=swapped)).getpixel((0, 0))
    assert max(abs(a - b) for a, b in zip(same, (250, 10, 20), strict=True)) <= 1
    assert max(abs(a - b) for a, b in zip(converted, (20, 10, 250), strict=True)) <= 3


def test_load_image_survives_a_broken_profile(photo):
    assert np.array_equal(load_image(encoded(photo, "PNG", icc_profile=b"nonsense")), photo)
