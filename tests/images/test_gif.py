"""First frames of GIFs."""

import struct

import pytest

from stylecore.images.loading import load_image
from tests.conftest import encoded
from tests.images.quadrants import COLORS, assert_colors, middles, quadrant_image


def moved_gif(left: int, top: int, *, canvas: tuple[int, int], **options: object) -> bytes:
    """A GIF whose first frame lies somewhere on a larger canvas."""
    data = bytearray(encoded(quadrant_image().quantize(8), "GIF", **options))
    struct.pack_into("<HH", data, 6, *canvas)
    frame = data.index(b",", 13 + 3 * 2 ** ((data[10] & 7) + 1))
    struct.pack_into("<HH", data, frame + 1, left, top)
    return bytes(data)


@pytest.mark.parametrize("options", [{}, {"interlace": 0}, {"transparency": 7}])
def test_outside_a_smaller_first_frame_the_picture_is_transparent(options):
    image = load_image(moved_gif(30, 20, canvas=(150, 100), **options))
    assert (image.mode, image.size) == ("RGBA", (150, 100))
    assert_colors(image.crop((30, 20, 126, 84)), [(*color, 255) for color in COLORS], levels=1)
    assert [image.getpixel(place)[3] for place in ((29, 50), (126, 50), (60, 19), (60, 84))] == [0] * 4


def test_a_first_frame_that_covers_the_canvas_has_no_alpha():
    image = load_image(moved_gif(0, 0, canvas=(96, 64)))
    assert image.mode == "RGB"
    assert middles(image) == list(COLORS)
