"""Protobuf's wire format, as far as ONNX files need it: fields of a message, nothing run or copied."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from stylecore.errors import StyleError

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # wire types; groups (3, 4) are not used by ONNX
MAX_VARINT_BYTES = 10
MAX_FIELDS = 1000  # of a message, where the caller does not say otherwise
MAX_INTEGERS = 65_536  # of a list of packed ones


def read_fields(data: memoryview, *, limit: int = MAX_FIELDS) -> Iterator[tuple[int, int, Any]]:
    """Number, wire type and value of each field; integers are unsigned, all else is bytes.

    Raises:
        StyleError: Cut, no message, or more than `limit` fields.
    """
    place, size, count = 0, len(data), 0
    while place < size:
        count += 1
        if count > limit:
            raise StyleError(f"a part of the ONNX network has over {limit} entries, which is too much")
        key, place = read_varint(data, place)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            value, place = read_varint(data, place)
            yield number, kind, value
            continue
        if kind == BYTES:
            length, place = read_varint(data, place)
        elif kind in (FIXED64, FIXED32):
            length = 8 if kind == FIXED64 else 4
        else:
            raise StyleError("the file is no ONNX network, or is damaged")
        if length > size - place:
            raise StyleError("the ONNX network is cut or damaged: the whole file is needed")
        yield number, kind, data[place : place + length]
        place += length


def read_varint(data: memoryview, place: int) -> tuple[int, int]:
    """An unsigned integer, and the place after it.

    Raises:
        StyleError: Cut, or longer than 64 bits.
    """
    value = 0
    for count in range(MAX_VARINT_BYTES):
        if place >= len(data):
            break
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, place
    raise StyleError("the ONNX network is cut or damaged: the whole file is needed")


def signed(value: int) -> int:
    """An int64 from the unsigned form of the wire."""
    return value - (1 << 64) if value >= 1 << 63 else value


def read_integers(kind: int, value: int | memoryview) -> list[int]:
    """Values of a repeated int64 field, packed or one by one."""
    if kind == VARINT:
        return [signed(value)]
    if kind != BYTES:
        raise StyleError("the ONNX network is damaged: integers are stored as something else")
    if len(value) > MAX_INTEGERS:
        raise StyleError(
            f"the ONNX network has a list of over {MAX_INTEGERS} bytes of integers, which is too much"
        )
    numbers, place = [], 0
    while place < len(value):
        number, place = read_varint(value, place)
        numbers.append(signed(number))
    return numbers


def read_numbers(kind: int, value: int | memoryview, dtype: str) -> np.ndarray:
    """Values of a repeated float or double field, packed or one by one."""
    if kind == VARINT or len(value) % np.dtype(dtype).itemsize:
        raise StyleError("the ONNX network is damaged: numbers are stored as something else")
    return np.frombuffer(value, dtype)


def read_text(kind: int, value: int | memoryview) -> str:
    """A text field."""
    if kind != BYTES:
        raise StyleError("the ONNX network is damaged: a text is stored as something else")
    try:
        return bytes(value).decode()
    except UnicodeDecodeError as error:
        raise StyleError("the ONNX network is damaged: a name is no text") from error
