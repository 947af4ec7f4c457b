"""Writes files as torch7 does, for the tests of its reader."""

import struct

import numpy as np

from stylecore.styles.foreign.torch7 import TorchObject


class Torch7Writer:
    def __init__(self) -> None:
        self.data, self.count = bytearray(), 0

    def integer(self, value: int) -> None:
        self.data += struct.pack("<i", value)

    def text(self, value: str) -> None:
        self.integer(len(value))
        self.data += value.encode()

    def write(self, value: object) -> "Torch7Writer":
        if value is None:
            self.integer(0)
        elif isinstance(value, bool):
            self.integer(5)
            self.integer(value)
        elif isinstance(value, (int, float)):
            self.integer(1)
            self.data += struct.pack("<d", value)
        elif isinstance(value, str):
            self.integer(2)
            self.text(value)
        elif isinstance(value, np.ndarray):
            self.tensor(value)
        elif isinstance(value, TorchObject):
            self.begin(value.kind)
            self.write(value.fields)
        else:
            self.integer(3)
            self.index()
            pairs = list(enumerate(value, 1)) if isinstance(value, list) else list(value.items())
            self.integer(len(pairs))
            for key, content in pairs:
                self.write(key)
                self.write(content)
        return self

    def index(self) -> None:
        self.count += 1
        self.integer(self.count)

    def begin(self, kind: str) -> None:
        self.integer(4)
        self.index()
        self.text("V 1")
        self.text(kind)

    def tensor(self, value: np.ndarray) -> None:
        name = {"f": "Float", "d": "Double"}[value.dtype.char]
        self.begin(f"torch.{name}Tensor")
        self.integer(value.ndim)
        strides = [stride // value.itemsize for stride in np.ascontiguousarray(value).strides]
        self.data += struct.pack(f"<{2 * value.ndim + 1}q", *value.shape, *strides, 1)
        self.begin(f"torch.{name}Storage")
        self.data += struct.pack("<q", value.size) + value.tobytes()


def encode_torch7(value: object) -> bytes:
    return bytes(Torch7Writer().write(value).data)
