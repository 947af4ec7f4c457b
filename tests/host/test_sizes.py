from dataclasses import dataclass

import numpy as np
from PIL import Image

from stylecore.host.sizes import held_bytes


@dataclass(frozen=True)
class Record:
    picture: bytes
    parts: tuple


def test_what_a_record_holds_counts_once():
    picture = b"x" * 100
    grey = Image.new("L", (10, 10))
    record = Record(picture, (picture, [np.zeros(4, np.float32)], {"grey": grey, "name": "cat"}, 5, None))
    assert held_bytes(record, record) == 100 + 16 + 300


def test_an_image_with_alpha_takes_four_bytes_a_pixel():
    assert held_bytes(Image.new("RGBA", (10, 10))) == 400
