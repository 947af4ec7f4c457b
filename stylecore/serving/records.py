"""Records (frozen dataclasses) as JSON, checked against their annotations when they come back."""

from __future__ import annotations

import base64
import binascii
import json
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

Record = TypeVar("Record")


def write_record(record: object) -> str:
    """Write a record as JSON; bytes become base64."""
    return json.dumps(_plain(record))


def read_record(kind: type[Record], text: str | bytes, *, base: Record | None = None) -> Record:
    """Read a record.

    Args:
        kind: A dataclass of strings, numbers, bytes, tuples and further dataclasses.
        text: JSON, as of `write_record`.
        base: Has the values of fields that the text leaves out, instead of their defaults.
    Raises:
        ValueError: No JSON object, an unknown or missing field, or a value of another type. The message names
            the field.
    """
    values = json.loads(text)
    if base is not None and isinstance(values, dict):
        values = {field.name: _plain(getattr(base, field.name)) for field in fields(base)} | values
    return _read(kind, values, kind.__name__)


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    return value


def _read(kind: Any, value: Any, name: str) -> Any:
    """A value of a type, from its plain form."""
    if get_origin(kind) in (Union, types.UnionType):
        (kind,) = (each for each in get_args(kind) if each is not type(None))
        return None if value is None else _read(kind, value, name)
    if get_origin(kind) is tuple:
        return _read_tuple(get_args(kind), value, name)
    if is_dataclass(kind):
        return _read_fields(kind, value, name)
    if kind is bytes and isinstance(value, str):
        try:
            return base64.b64decode(value, validate=True)
        except binascii.Error as error:
            raise ValueError(f"{name} is not base64: {error}") from error
    if type(value) is int and kind is float:
        return float(value)
    if type(value) is not kind:
        raise ValueError(f"{name} is {value!r:.60}: {kind.__name__} is needed")
    return value


def _read_tuple(kinds: tuple, value: Any, name: str) -> tuple:
    if not isinstance(value, list):
        raise ValueError(f"{name} is {value!r:.60}: a list is needed")
    if kinds[1:] == (...,):
        kinds = (kinds[0],) * len(value)
    if len(kinds) != len(value):
        raise ValueError(f"{name} has {len(value)} values: {len(kinds)} are needed")
    return tuple(_read(kind, each, name) for kind, each in zip(kinds, value, strict=True))


def _read_fields(kind: Any, values: Any, name: str) -> Any:
    if not isinstance(values, Mapping):
        raise ValueError(f"{name} is {values!r:.60}: an object is needed")
    hints = get_type_hints(kind)
    known = {field.name: field for field in fields(kind) if field.init}
    if unknown := values.keys() - known.keys():
        raise ValueError(f"{name} has no {min(unknown)}")
    needed = {each.name for each in known.values() if each.default is each.default_factory is MISSING}
    if missing := needed - values.keys():
        raise ValueError(f"{name} lacks {min(missing)}")
    return kind(**{key: _read(hints[key], value, key) for key, value in values.items()})
