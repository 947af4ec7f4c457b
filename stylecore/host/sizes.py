"""How much memory pictures, arrays and encoded files take that a record holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass

import numpy as np
from PIL import Image


def held_bytes(*values: object) -> int:
    """Bytes of all `bytes`, Pillow images and arrays in records, sequences and mappings; each counts once."""
    seen: set[int] = set()
    return sum(_held(value, seen) for value in values)


def _held(value: object, seen: set[int]) -> int:
    if isinstance(value, str | int | float | None) or id(value) in seen:
        return 0
    seen.add(id(value))
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, Image.Image):
        return value.width * value.height * max(3, len(value.getbands()))
    if isinstance(value, Mapping):
        return sum(_held(each, seen) for each in value.values())
    if isinstance(value, tuple | list):
        return sum(_held(each, seen) for each in value)
    if is_dataclass(value):
        return sum(_held(getattr(value, field.name), seen) for field in fields(value))
    return 0
