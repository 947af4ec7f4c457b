from dataclasses import replace

import numpy as np
import pytest

from stylecore.errors import StyleError
from stylecore.images.loading import load_image
from stylecore.styles.files import encode_style_file, load_style_file, picture_bytes
from stylecore.styles.mixing import mix_styles
from stylecore.styles.records import network_checksums
from stylecore.styles.style import Style
from tests.conftest import make_photo

CHECKSUMS = {"general": network_checksums()["general"]}


def style_of(value: float, color: str) -> Style:
    picture = picture_bytes(make_photo(64, 64).convert("L").convert("RGB").point(lambda level: level // 4))
    solid = load_image(picture)
    solid.paste(color, (0, 0, 64, 64))
    solid.putpixel((0, 0), (9, 9, 9))
    rows = {"general": np.full(6, value, np.float32)}
    return Style(name=color, rows=rows, networks=CHECKSUMS, picture=picture_bytes(solid))


def test_rows_are_the_mean_by_weight():
    mixed = mix_styles({style_of(1, "red"): 3.0, style_of(5, "blue"): 1.0}, title="Red and blue")
    assert np.allclose(mixed.rows["general"], 2)
    assert (mixed.name, mixed.title) == ("red_and_blue", "Red and blue")
    assert load_style_file(encode_style_file(mixed)) == mixed


def test_the_picture_has_a_strip_of_each_as_wide_as_its_share():
    mixed = mix_styles({style_of(1, "red"): 3.0, style_of(5, "blue"): 1.0}, title="Mix")
    picture = np.asarray(load_image(mixed.picture), np.float32)
    is_red = (picture[..., 0] > 150).mean()
    assert abs(is_red - 0.75) < 0.02


@pytest.mark.parametrize(
    "changes", [{"foreign_network": b"x"}, {"networks": {"general": "0" * 64}}, {"picture": b""}]
)
def test_what_has_another_network_or_no_picture_is_refused(changes):
    other = replace(style_of(5, "blue"), **changes)
    with pytest.raises(StyleError, match="blue"):
        mix_styles({style_of(1, "red"): 1.0, other: 1.0}, title="Mix")


def test_weights_without_a_sum_are_refused():
    with pytest.raises(StyleError, match="sum above 0"):
        mix_styles({style_of(1, "red"): 0.0}, title="Mix")
