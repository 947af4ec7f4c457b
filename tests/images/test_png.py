import io
import struct
import zlib

import numpy as np
import pytest
from PIL import ImageCms

from stylecore.errors import ImageError
from stylecore.images.loading import load_image
from stylecore.images.metadata import TAKEN
from stylecore.images.profiles import ADOBE_RGB, SRGB, matrix_profile
from tests.conftest import encoded
from tests.images.quadrants import (
    COLORS,
    assert_colors,
    linear,
    png_chunk,
    png_file,
    quadrant_image,
    quadrants,
)
from tests.images.test_metadata import STORED, camera_exif

PIXELS = quadrants(COLORS)
LONG = zlib.compress(bytes(3 * 2**20))


def gamma(value: float) -> bytes:
    return png_chunk(b"gAMA", struct.pack(">I", round(value * 100_000)))


def chromaticities(values: tuple[float, ...]) -> bytes:
    return png_chunk(b"cHRM", struct.pack(">8I", *(round(value * 100_000) for value in values)))


@pytest.mark.parametrize(
    "chunks",
    [
        png_chunk(b"zTXt", b"Comment\0\0" + LONG),
        png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + LONG),
        png_chunk(b"tEXt", b"Comment\0" + bytes(3 * 2**20)),
        png_chunk(b"iCCP", b"profile\0\0" + LONG),
        png_chunk(b"iCCP", b"profile\0\0nonsense"),
        png_chunk(b"pHYs", bytes(9), checksum=1),
        png_chunk(b"gAMA", struct.pack(">I", 10_000), checksum=1),
    ],
    ids=["zTXt", "iTXt", "tEXt", "iCCP", "iCCP-damaged", "pHYs", "gAMA"],
)
def test_optional_chunks_that_are_long_or_damaged_do_no_harm(chunks):
    assert_colors(load_image(png_file(PIXELS, chunks=chunks)), levels=0)


def test_a_long_color_profile_is_applied():
    profile = matrix_profile(SRGB, exponent=1.0) + bytes(3 * 2**20)
    chunk = png_chunk(b"iCCP", b"profile\0\0" + zlib.compress(profile))
    assert_colors(load_image(png_file(quadrants(linear() * 255 + 0.5), chunks=chunk)))


def test_a_profile_that_unpacks_to_more_than_is_read_is_ignored():
    bomb = zlib.compress(bytes(20 * 2**20))
    assert_colors(load_image(png_file(PIXELS, chunks=png_chunk(b"iCCP", b"profile\0\0" + bomb))), levels=0)


@pytest.mark.parametrize("value", [1.0, 1 / 1.8, 1 / 2.6])
def test_the_gamma_is_applied(value):
    stored = linear() ** value * 255 + 0.5
    assert_colors(load_image(png_file(quadrants(stored), chunks=gamma(value))), levels=2)


def test_the_gamma_of_grey_in_16_bits_is_applied():
    stored = linear((40, 90, 160, 230)) ** 0.6 * 65535
    image = load_image(png_file(quadrants(stored), depth=16, chunks=gamma(0.6)))
    assert_colors(image, (40, 90, 160, 230), levels=2)


@pytest.mark.parametrize("chunks", [gamma(0.45455), gamma(1.0) + png_chunk(b"sRGB", b"\0"), gamma(0)])
def test_a_gamma_that_means_srgb_changes_nothing(chunks):
    assert_colors(load_image(png_file(PIXELS, chunks=chunks)), levels=0)


def test_the_primaries_are_applied():
    swapped = SRGB[:2] + SRGB[6:] + SRGB[4:6] + SRGB[2:4]
    image = load_image(png_file(PIXELS[..., ::-1], chunks=gamma(0.45455) + chromaticities(swapped)))
    assert_colors(image, levels=2)


def test_primaries_that_span_no_colors_are_ignored():
    assert_colors(load_image(png_file(PIXELS, chunks=chromaticities((0.3,) * 8))), levels=0)


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_the_transparent_grey_is_found_at_every_depth(depth):
    highest = 2**depth - 1
    values = quadrants((0, highest // 3, highest // 2 + 1, highest))
    transparent = png_chunk(b"tRNS", struct.pack(">H", highest // 2 + 1))
    image = load_image(png_file(values, depth=depth, chunks=transparent))
    upper_left, upper_right, lower_left, lower_right = (
        image.getpixel(place) for place in ((20, 10), (70, 10), (20, 50), (70, 50))
    )
    assert (upper_left, lower_left[3]) == ((0, 0, 0, 255), 0)
    assert lower_right == (255, 255, 255, 0 if depth == 1 else 255)
    assert upper_right[3] == 255


def test_a_profile_of_rgb_is_applied_to_grey():
    profile = matrix_profile(ADOBE_RGB, exponent=1.0)
    chunk = png_chunk(b"iCCP", b"profile\0\0" + zlib.compress(profile))
    stored = linear((40, 90, 160, 230)) * 255 + 0.5
    assert_colors(load_image(png_file(quadrants(stored), chunks=chunk)), (40, 90, 160, 230))


def test_the_orientation_in_a_text_still_counts():
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/" tiff:Orientation="6"></x:xmpmeta>'
    chunk = png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp)
    assert load_image(png_file(PIXELS, chunks=chunk)).size == (64, 96)


def test_the_time_and_the_pixels_are_read_as_before():
    data = encoded(quadrant_image(), "PNG", exif=camera_exif())
    image = load_image(data)
    assert image.info == {TAKEN: STORED}
    assert np.array_equal(image, quadrant_image().transpose(4))


def test_a_damaged_critical_chunk_is_an_error():
    data = bytearray(png_file(PIXELS))
    data[data.index(b"IDAT") + 20] ^= 0xFF
    with pytest.raises(ImageError, match="damaged"):
        load_image(bytes(data))


def test_a_profile_of_srgb_is_what_little_cms_makes():
    own = ImageCms.ImageCmsProfile(io.BytesIO(matrix_profile(SRGB)))
    assert_colors(ImageCms.profileToProfile(quadrant_image(), own, ImageCms.createProfile("sRGB")), levels=1)
