"""Formats, modes, profiles and orientations in all combinations, of known colors."""

import itertools

import numpy as np
import pytest
from PIL import Image

from stylecore.images.loading import load_image
from tests.conftest import encoded
from tests.images.quadrants import COLORS, GREYS, assert_colors, quadrant_image
from tests.images.test_color_profiles import ADOBE, OPTIONS, P3, color_exif, named_profile

STORED = {"none": np.array(COLORS), "P3": P3, "Adobe RGB": ADOBE}
# What undoes an orientation; 6 and 8 are each other's.
UNDO = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
ALPHAS = (255, 170, 85, 0)


# The container of HEIC has an orientation of its own, and that of EXIF does not count.
@pytest.mark.parametrize(
    ("image_format", "orientation"),
    [(name, turn) for name, turn in itertools.product(OPTIONS, UNDO) if name != "HEIF" or turn == 1],
)
@pytest.mark.parametrize("profile", STORED)
def test_every_format_is_turned_and_converted(image_format, orientation, profile):
    upright = quadrant_image(np.round(STORED[profile]))
    turn = UNDO[orientation]
    options = OPTIONS[image_format] | {"exif": color_exif(1, orientation=orientation)}
    if profile != "none":
        options["icc_profile"] = named_profile(profile)
    data = encoded(upright if turn is None else upright.transpose(turn), image_format, **options)
    image = load_image(data)
    assert image.size == upright.size
    assert_colors(image)


@pytest.mark.parametrize("image_format", ["PNG", "TIFF", "WEBP", "AVIF", "HEIF"])
@pytest.mark.parametrize("profile", STORED)
def test_alpha_stays_with_every_profile(image_format, profile):
    stored = np.column_stack([np.round(STORED[profile]), ALPHAS])
    options = OPTIONS[image_format] | ({"exact": True} if image_format == "WEBP" else {})
    if profile != "none":
        options = options | {"icc_profile": named_profile(profile)}
    image = load_image(encoded(quadrant_image(stored), image_format, **options))
    assert image.mode == "RGBA"
    visible = [(*color, alpha) for color, alpha in zip(COLORS, ALPHAS, strict=True)]
    assert_colors(image.crop((0, 0, 96, 32)).resize((96, 64)), [*visible[:2], *visible[:2]])
    assert image.getpixel((72, 48))[3] == 0


@pytest.mark.parametrize(
    "options", [{"progressive": True}, {"subsampling": 2}, {"subsampling": 1, "restart_marker_rows": 1}]
)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_every_kind_of_jpeg(mode, options):
    colors = GREYS if mode == "L" else COLORS
    stored = quadrant_image(colors).convert(mode)
    assert_colors(load_image(encoded(stored, "JPEG", quality=97, **options)), colors)


@pytest.mark.parametrize("image_format", ["PNG", "GIF", "BMP", "TIFF"])
@pytest.mark.parametrize("mode", ["1", "L", "P"])
def test_small_modes(image_format, mode):
    colors = {"1": (0, 255, 255, 0), "L": GREYS, "P": COLORS}[mode]
    stored = quadrant_image(colors)
    stored = stored.quantize(4) if mode == "P" else stored.convert(mode, dither=Image.Dither.NONE)
    assert_colors(load_image(encoded(stored, image_format)), colors, levels=1)
