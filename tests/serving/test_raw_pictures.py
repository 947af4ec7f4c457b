"""Pictures as plain arrays."""

import io

import numpy as np
import pytest

from stylecore import ImageError
from stylecore.serving.raw_pictures import is_raw, read_raw, write_raw
from tests.conftest import encoded, make_photo


def array_bytes(array: np.ndarray, **options: object) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("is_transparent", [False, True])
def test_a_picture_comes_back_to_the_pixel(is_transparent):
    photo = make_photo(37, 40)
    if is_transparent:
        photo.putalpha(90)
    data = write_raw(photo)
    assert is_raw(data)
    assert not is_raw(encoded(photo))
    assert (read_raw(data).mode, read_raw(data).tobytes()) == (photo.mode, photo.tobytes())


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (array_bytes(np.zeros((4, 5), np.uint8)), "shape"),
        (array_bytes(np.zeros((4, 5, 3), np.float32)), "float32 of shape"),
        (array_bytes(np.zeros((4, 5, 3), np.uint8, order="F")), "uint8 of"),
        (array_bytes(np.array([{}]), allow_pickle=True), "object of shape"),
        (array_bytes(np.zeros((40, 50, 3), np.uint8))[:-1], "5999 bytes: 6000 are needed"),
        (write_raw(make_photo(32, 32))[:20], "cannot be read"),
        (b"\x93NUMPY\x09\x09", "cannot be read"),
    ],
)
def test_other_arrays_are_refused(data, complaint):
    with pytest.raises(ImageError, match=complaint):
        read_raw(data)
