"""Files of torch7 (`.t7`), read as data: numbers, texts, tables, tensors; never functions.

Source: torch7's File.lua for objects, Tensor.c and Storage.c for tensors; binary, little-endian, with
64-bit sizes, as 64-bit Linux and macOS write them.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from math import prod

import numpy as np

from stylecore.errors import StyleError

NIL, NUMBER, TEXT, TABLE, OBJECT, BOOLEAN = range(6)
FUNCTIONS = (6, 7, 8)  # of former and present versions
MAX_DEPTH = 60  # of objects in one another
MAX_OBJECTS = 200_000
MAX_TEXT_BYTES = 100_000
MAX_DIMENSIONS = 8
MAX_ELEMENTS = 25_000_000  # of one tensor
ELEMENTS = {
    **{"Byte": "u1", "Char": "i1", "Short": "<i2", "Int": "<i4", "Long": "<i8"},
    **{"Float": "<f4", "Double": "<f8", "Cuda": "<f4", "CudaDouble": "<f8"},
}

Value = "None | bool | float | str | dict | np.ndarray | TorchObject"


@dataclass(eq=False)
class TorchObject:
    """An object of a class, such as a layer `nn.ReLU`, with its fields."""

    kind: str
    fields: dict


def read_torch7(data: bytes) -> Value:
    """The object in a file.

    Raises:
        StyleError: Cut, damaged, out of proportion, or with functions in it.
    """
    return _Reader(data).read()


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.place = data, 0
        self.objects: dict[int, Value] = {}
        self.count = self.depth = 0

    def read(self) -> Value:
        self.count += 1
        if self.count > MAX_OBJECTS or self.depth > MAX_DEPTH:
            raise StyleError(
                f"over {MAX_OBJECTS} objects, or more than {MAX_DEPTH} in one another: it is no network"
            )
        kind = self.integer()
        if kind == NIL:
            return None
        if kind == NUMBER:
            return self.unpack("<d")
        if kind == BOOLEAN:
            return self.integer() == 1
        if kind == TEXT:
            return self.text()
        if kind in FUNCTIONS:
            raise StyleError("it holds a Lua function, which is not run: a network of layers alone is needed")
        if kind not in (TABLE, OBJECT):
            raise StyleError("it is no binary file of torch7, or is damaged")
        index = self.integer()
        if index in self.objects:
            return self.objects[index]
        self.depth += 1
        value = self.table(index) if kind == TABLE else self.object(index)
        self.depth -= 1
        return value

    def table(self, index: int) -> dict:
        table = self.objects[index] = {}
        for _ in range(self.length(MAX_OBJECTS)):
            key = self.read()
            if not isinstance(key, (bool, float, str)):
                raise StyleError("a table has a key that is neither number nor text: it is no network")
            table[key] = self.read()
        return table

    def object(self, index: int) -> TorchObject | np.ndarray | None:
        kind = self.text()
        if kind.startswith("V "):
            kind = self.text()
        family, _, name = kind.partition(".")
        if family == "torch" and name.endswith("Tensor") and name[:-6] in ELEMENTS:
            value = self.objects[index] = self.tensor()
            return value
        if family == "torch" and name.endswith("Storage") and name[:-7] in ELEMENTS:
            value = self.objects[index] = self.storage(np.dtype(ELEMENTS[name[:-7]]))
            return value
        value = self.objects[index] = TorchObject(kind, {})
        fields = self.read()
        if not isinstance(fields, dict):
            raise StyleError(f"an object {kind[:60]!r} has no table of fields: it is no network")
        value.fields.update(fields)
        return value

    def tensor(self) -> np.ndarray:
        """A view of its storage, so that it takes no memory of its own."""
        rank = self.length(MAX_DIMENSIONS)
        shape, strides = ([self.unpack("<q") for _ in range(rank)] for _ in range(2))
        start = self.unpack("<q") - 1
        storage = self.read()
        if not rank or not prod(shape) or storage is None:
            return np.zeros(0, np.float32)
        if not isinstance(storage, np.ndarray) or storage.ndim != 1:
            raise StyleError("a tensor has no storage: the file is damaged")
        last = start + sum((side - 1) * stride for side, stride in zip(shape, strides, strict=True))
        if (
            min(*shape, 1) < 1
            or min(*strides, 0) < 0
            or start < 0
            or last >= len(storage)
            or prod(shape) > MAX_ELEMENTS
        ):
            raise StyleError("a tensor reaches beyond its storage: the file is damaged")
        steps = [stride * storage.itemsize for stride in strides]
        return np.lib.stride_tricks.as_strided(storage[start:], shape, steps, writeable=False)

    def storage(self, dtype: np.dtype) -> np.ndarray:
        count = self.unpack("<q")
        if not 0 <= count <= (len(self.data) - self.place) // dtype.itemsize:
            raise StyleError("it ends within its weights: the whole file is needed")
        start, self.place = self.place, self.place + count * dtype.itemsize
        return np.frombuffer(self.data, dtype, count, start)

    def text(self) -> str:
        length = self.length(MAX_TEXT_BYTES)
        start, self.place = self.place, self.place + length
        return self.data[start : self.place].decode("latin-1")

    def length(self, limit: int) -> int:
        """A count of things, of which each takes a byte at least."""
        length = self.integer()
        if not 0 <= length <= min(limit, len(self.data) - self.place):
            raise StyleError("it is cut or damaged: the whole file is needed")
        return length

    def integer(self) -> int:
        return self.unpack("<i")

    def unpack(self, form: str) -> float | int:
        end = self.place + struct.calcsize(form)
        if end > len(self.data):
            raise StyleError("it is cut: the whole file is needed")
        (value,) = struct.unpack_from(form, self.data, self.place)
        self.place = end
        return value
