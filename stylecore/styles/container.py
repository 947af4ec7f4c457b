"""Strict reading of safetensors containers from strangers: everything is checked before memory is taken."""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from stylecore.errors import StyleError

LENGTH_BYTES = 8  # of the header's length in front of it
MAX_HEADER_BYTES = 256_000
MAX_TENSORS = 512
MAX_DIMENSIONS = 4
DTYPES: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2"), "U8": np.dtype("u1")}


@dataclass(frozen=True)
class TensorEntry:
    """Where a tensor lies in a container, and its form."""

    dtype: str  # name in DTYPES
    shape: tuple[int, ...]
    start: int  # byte of the file
    end: int

    def read(self, data: bytes) -> np.ndarray:
        """The tensor, a read-only view of the file's bytes."""
        dtype = DTYPES[self.dtype]
        return np.frombuffer(data, dtype, prod(self.shape), self.start).reshape(self.shape)


def read_container(data: bytes) -> tuple[dict[str, TensorEntry], dict[str, str]]:
    """The tensors' places and the metadata of a safetensors container.

    Raises:
        StyleError: Cut, or anything else than tensors without gaps behind a small header.
    """
    header, begin = _read_header(data)
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise StyleError("the metadata is not made of texts, which are needed")
    if len(header) > MAX_TENSORS:
        raise StyleError(f"{len(header)} tensors: at most {MAX_TENSORS} are accepted")
    entries = {name: _entry(name, record, begin, len(data)) for name, record in header.items()}
    end = begin
    for entry in sorted(entries.values(), key=lambda entry: (entry.start, entry.end)):
        if entry.start != end:
            raise StyleError("the tensors overlap or leave gaps: they must lie one after the other")
        end = entry.end
    if end != len(data):
        raise StyleError(f"{len(data)} bytes, of which the tensors need {end}: the file is damaged")
    return entries, metadata


def parse_json(text: bytes | str, what: str) -> dict:
    """An object in JSON without a key twice.

    Raises:
        StyleError: Anything else.
    """
    try:
        value = json.loads(text, object_pairs_hook=_unique_keys)
    except (ValueError, RecursionError) as error:
        raise StyleError(f"{what} is no JSON that can be read: the file is damaged") from error
    if not isinstance(value, dict):
        raise StyleError(f"{what} is no JSON object: the file is damaged")
    return value


def _unique_keys(pairs: list[tuple[str, object]]) -> dict:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key comes twice")
    return result


def _read_header(data: bytes) -> tuple[dict, int]:
    length = int.from_bytes(data[:LENGTH_BYTES], "little")
    begin = LENGTH_BYTES + length
    if not 2 <= length <= MAX_HEADER_BYTES or begin > len(data):
        raise StyleError("it has no header of a safetensors container, or is cut: a whole file is needed")
    return parse_json(data[LENGTH_BYTES:begin], "the header"), begin


def _entry(name: str, record: object, begin: int, size: int) -> TensorEntry:
    if not isinstance(record, dict) or record.keys() != {"dtype", "shape", "data_offsets"}:
        raise StyleError(f"tensor {name[:80]!r} lacks its dtype, shape or place: the file is damaged")
    dtype, shape, place = record["dtype"], record["shape"], record["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise StyleError(f"tensor {name[:80]!r} is of type {str(dtype)[:20]}: use one of {', '.join(DTYPES)}")
    if not _is_whole_numbers(shape) or len(shape) > MAX_DIMENSIONS:
        raise StyleError(f"tensor {name[:80]!r} has no shape of at most {MAX_DIMENSIONS} whole numbers")
    if not _is_whole_numbers(place) or len(place) != 2:
        raise StyleError(f"tensor {name[:80]!r} has no place in the file: the file is damaged")
    start, end = (begin + offset for offset in place)
    if end > size or end - start != prod(shape) * DTYPES[dtype].itemsize:
        raise StyleError(f"tensor {name[:80]!r} does not fit its place: the file is cut or damaged")
    return TensorEntry(dtype, tuple(shape), start, end)


def _is_whole_numbers(value: object) -> bool:
    return isinstance(value, list) and all(type(number) is int and number >= 0 for number in value)
