"""Pictures in four inks: with a profile by the profile, without one as plain ink, as browsers show them."""

import base64
import io
from collections.abc import Sequence

import numpy as np
import pytest
import tifffile
from PIL import Image

from stylecore.images.loading import load_image
from tests.conftest import encoded
from tests.images.press_profile import expected_color, press_profile
from tests.images.quadrants import assert_colors, middles, quadrant_image, quadrants

MIXTURES = ((204, 51, 0, 0), (0, 153, 204, 51), (51, 0, 102, 102), (0, 0, 0, 204))
PLAIN = [tuple(round((255 - ink) * (255 - black) / 255) for ink in inks) for *inks, black in MIXTURES]
PRINTED = [tuple(np.rint(expected_color(mixture)).astype(int)) for mixture in MIXTURES]
WITHOUT_BLACK = ((204, 51, 0, 0), (0, 153, 204, 0), (51, 0, 102, 0), (102, 102, 0, 0))
LEVELS = 5  # of Little CMS, whose table of four inks is coarse
READ_JS = """
async ([data, places]) => {
  const image = new Image();
  image.src = data;
  await image.decode();
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [image.width, image.height];
  const context = canvas.getContext('2d');
  context.drawImage(image, 0, 0);
  return places.map(([x, y]) => [...context.getImageData(x, y, 1, 1).data].slice(0, 3));
}
"""


def ink_image(mixtures: Sequence[tuple[int, ...]] = MIXTURES) -> Image.Image:
    return Image.frombytes("CMYK", (96, 64), quadrants(mixtures).astype(np.uint8).tobytes())


def without_adobe_marker(jpeg: bytes) -> bytes:
    place = jpeg.index(b"\xff\xee")
    length = int.from_bytes(jpeg[place + 2 : place + 4], "big")
    return jpeg[:place] + jpeg[place + 2 + length :]


def jpegs() -> dict[str, bytes]:
    options = {"quality": 100, "subsampling": 0}
    plain = encoded(ink_image(), "JPEG", **options)
    return {
        "plain": plain,
        "without the marker of Adobe": without_adobe_marker(plain),
        "with a profile": encoded(ink_image(), "JPEG", icc_profile=press_profile(), **options),
        "with a profile, no black": encoded(
            ink_image(WITHOUT_BLACK), "JPEG", icc_profile=press_profile(), **options
        ),
    }


def tiffs() -> dict[str, bytes]:
    made = {
        "plain": encoded(ink_image(), "TIFF"),
        "with a profile": encoded(ink_image(), "TIFF", icc_profile=press_profile()),
    }
    for name, profile in (("plain", None), ("with a profile", press_profile())):
        buffer = io.BytesIO()
        values = quadrants(MIXTURES).astype(np.uint16) * 257
        tifffile.imwrite(buffer, values, photometric="separated", iccprofile=profile)
        made[f"16 bits, {name}"] = buffer.getvalue()
    return made


@pytest.mark.parametrize("data", [*jpegs().values()][:2], ids=[*jpegs()][:2])
def test_a_jpeg_without_a_profile_is_in_plain_ink(data):
    assert_colors(load_image(data), PLAIN)


@pytest.mark.parametrize("name", tiffs())
def test_a_tiff_in_four_inks(name):
    if "profile" in name:
        assert_colors(load_image(tiffs()[name]), PRINTED, levels=LEVELS)
    else:
        assert_colors(load_image(tiffs()[name]), PLAIN)


def test_a_jpeg_with_a_profile_looks_as_printed():
    assert_colors(load_image(jpegs()["with a profile"]), PRINTED, levels=LEVELS)


def test_a_profile_for_other_colors_is_ignored():
    data = encoded(quadrant_image(), "PNG", icc_profile=press_profile())
    assert_colors(load_image(data))


@pytest.mark.browser
def test_chromium_shows_the_same_colors(browser):
    """Except for black ink with a profile, which Chromium takes for transparency: black alone is brown."""
    page = browser.new_page()
    places = [[x, y] for y in (16, 48) for x in (24, 72)]
    shown = {}
    for name, data in jpegs().items():
        address = f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"
        shown[name] = page.evaluate(READ_JS, [address, places])
    page.close()
    assert np.abs(np.array(shown.pop("with a profile")[3]) - PRINTED[3]).max() > 30
    for name, colors in shown.items():
        data = jpegs()[name]
        worst = np.abs(np.array(middles(load_image(data))) - np.array(colors)).max()
        assert worst <= 3, f"{name}: {colors}"
