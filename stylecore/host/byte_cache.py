"""A cache that is bounded in bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class ByteCache(Generic[Value]):
    """Keeps the values that were used last. Safe in many threads.

    Args:
        most_bytes: Size of all values together; a larger value is not kept at all.
        size_of: Returns the bytes that a value takes.
    """

    def __init__(self, most_bytes: int, size_of: Callable[[Value], int]) -> None:
        self.most_bytes = most_bytes
        self.bytes = 0
        self._size_of = size_of
        self._values: OrderedDict[Hashable, Value] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Value | None:
        """The value of a key, or None."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def keep(self, key: Hashable, value: Value) -> Value:
        """Keep a value, which is returned; those that were not used for longest leave."""
        with self._lock:
            if key in self._values:
                self.bytes -= self._size_of(self._values.pop(key))
            self._values[key] = value
            self.bytes += self._size_of(value)
            while self.bytes > self.most_bytes:
                self.bytes -= self._size_of(self._values.popitem(last=False)[1])
        return value

    def clear(self) -> None:
        """Forget all values."""
        with self._lock:
            self._values.clear()
            self.bytes = 0
