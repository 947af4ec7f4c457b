"""Pictures as plain arrays of pixels (NumPy's `.npy`), which take no time to encode and decode."""

from __future__ import annotations

import io
import math

import numpy as np
from numpy.lib import format as npy
from PIL import Image

from stylecore.errors import ImageError


def is_raw(data: bytes) -> bool:
    """Whether bytes are an array and no picture file."""
    return data.startswith(npy.MAGIC_PREFIX)


def write_raw(image: Image.Image) -> bytes:
    """Write an RGB or RGBA picture as an array of shape (H, W, 3 or 4), uint8."""
    buffer = io.BytesIO()
    npy.write_array(buffer, np.asarray(image), version=(1, 0), allow_pickle=False)
    return buffer.getvalue()


def read_raw(data: bytes) -> Image.Image:
    """Read a picture that `write_raw` wrote.

    Raises:
        ImageError: Another array, or a cut one. The message says what came and what is needed.
    """
    file = io.BytesIO(data)
    try:
        version = npy.read_magic(file)
        if version != (1, 0):
            raise ValueError(f"version {version}")
        shape, is_fortran, dtype = npy.read_array_header_1_0(file)
    except ValueError as error:
        raise ImageError(f"the array cannot be read: {error}") from error
    if dtype != np.uint8 or is_fortran or len(shape) != 3 or shape[2] not in (3, 4):
        raise ImageError(f"the array is {dtype} of shape {shape}: uint8 of (height, width, 3 or 4) is needed")
    if len(data) - file.tell() != math.prod(shape):
        raise ImageError(f"the array has {len(data) - file.tell()} bytes: {math.prod(shape)} are needed")
    return Image.fromarray(np.frombuffer(data, np.uint8, offset=file.tell()).reshape(shape))
