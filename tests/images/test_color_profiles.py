"""Color spaces by ICC profile, and Adobe RGB by EXIF alone."""

import numpy as np
import pytest
from PIL import ExifTags, Image

from stylecore.images.color_codes import PRIMARIES
from stylecore.images.loading import load_image
from stylecore.images.profiles import ADOBE_RGB, ADOBE_RGB_EXPONENT, SRGB, matrix_profile, rgb_to_xyz
from tests.conftest import encoded
from tests.images.quadrants import TO_P3, assert_colors, curved, linear, quadrant_image

# From linear sRGB to linear Adobe RGB. Source: CSS Color Module Level 4, sample code.
TO_ADOBE_RGB = np.array(((0.7151256, 0.2848744, 0), (0, 1, 0), (0, 0.0411619, 0.9588381)))
ADOBE = (linear() @ TO_ADOBE_RGB.T) ** (1 / ADOBE_RGB_EXPONENT) * 255
P3 = curved(linear() @ TO_P3.T)
OPTIONS = {
    "JPEG": {"quality": 98, "subsampling": 0},
    "PNG": {},
    "TIFF": {},
    "WEBP": {"lossless": True},
    "AVIF": {"quality": 100, "subsampling": "4:4:4"},
    "HEIF": {"quality": 100, "chroma": 444},
}


def named_profile(name: str) -> bytes:
    return {
        "P3": matrix_profile(PRIMARIES[12]),
        "Adobe RGB": matrix_profile(ADOBE_RGB, exponent=ADOBE_RGB_EXPONENT),
        "linear": matrix_profile(SRGB, exponent=1.0),
    }[name]


def color_exif(color_space: int, index: str = "", *, orientation: int = 1) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ColorSpace] = color_space
    if index:
        interop = exif.get_ifd(ExifTags.IFD.Exif)
        interop[ExifTags.IFD.Interop] = {1: index}
    return exif


@pytest.mark.parametrize("image_format", OPTIONS)
@pytest.mark.parametrize("name", ["P3", "Adobe RGB"])
def test_a_color_profile_is_applied(image_format, name):
    stored = quadrant_image(np.round(P3 if name == "P3" else ADOBE))
    options = OPTIONS[image_format] | {"icc_profile": named_profile(name)}
    assert_colors(load_image(encoded(stored, image_format, **options)))


@pytest.mark.parametrize(("color_space", "index"), [(2, ""), (0xFFFF, "R03")])
@pytest.mark.parametrize("image_format", ["JPEG", "WEBP", "HEIF"])
def test_adobe_rgb_by_exif_alone_is_applied(image_format, color_space, index):
    exif = color_exif(color_space, index)
    data = encoded(quadrant_image(np.round(ADOBE)), image_format, exif=exif, **OPTIONS[image_format])
    assert_colors(load_image(data))


@pytest.mark.parametrize(("color_space", "index"), [(1, "R03"), (0xFFFF, ""), (0xFFFF, "R98")])
def test_other_color_spaces_of_exif_change_nothing(color_space, index):
    data = encoded(quadrant_image(), "JPEG", exif=color_exif(color_space, index), **OPTIONS["JPEG"])
    assert_colors(load_image(data))


def test_a_color_profile_wins_over_exif():
    options = OPTIONS["JPEG"] | {"icc_profile": named_profile("P3"), "exif": color_exif(2)}
    assert_colors(load_image(encoded(quadrant_image(np.round(P3)), "JPEG", **options)))


def test_adobe_rgb_is_turned_upright():
    options = OPTIONS["JPEG"] | {"exif": color_exif(2, orientation=3)}
    stored = quadrant_image(np.round(ADOBE)).transpose(Image.Transpose.ROTATE_180)
    assert_colors(load_image(encoded(stored, "JPEG", **options)))


@pytest.mark.parametrize("primaries", PRIMARIES)
def test_white_has_a_luminance_of_one(primaries):
    white = rgb_to_xyz(PRIMARIES[primaries]).sum(axis=1)
    assert white[1] == pytest.approx(1)
    assert white[0] / white.sum() == pytest.approx(PRIMARIES[primaries][0])


@pytest.mark.parametrize("values", [(0.0,) * 8, (0.3,) * 8, (float("nan"),) * 8])
def test_primaries_that_span_no_colors_give_no_profile(values):
    assert matrix_profile(values) is None


@pytest.mark.parametrize("exponent", [1e-9, 100.0])
def test_an_absurd_curve_gives_no_profile(exponent):
    assert matrix_profile(SRGB, exponent=exponent) is None
