"""The record of a style: what it is, and what networks need to paint in it."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

import numpy as np

from stylecore.errors import StyleError

GENERAL_MODEL = "general.onnx"  # paints encoded and learned styles; its record is `general.json`
USUAL_STROKE_SIZE = 512  # px, of records without one
MAX_NAME = 80  # characters


@dataclass(frozen=True, eq=False)
class Style:
    """A style that `FastStylizer` can paint in. Equal and hashed by the SHA-256 of its contents.

    A style has rows for a network in `weights/`, or a network of its own (`foreign_network`), or at least a
    picture, from which rows are encoded when it is first painted.

    Attributes:
        name: Identifier in lower case, such as `starry_night`.
        title: Name of the painting, as shown.
        artist: Who made it.
        year: When, as written in catalogues (`1889`, `c. 1831`).
        credit: Where the picture or the network comes from.
        license: Terms of the picture or the network.
        model: File name of the ONNX network in `weights/` that paints it, unless it has its own.
        rows: Scales and shifts of the style by name of the network, which is its file name without the
            ending; read-only float32 of shape (R,).
        kind: `brush`, `print`, `modern` or `pattern`, for filtering; may be empty.
        fine_model: File name of a wider network that paints the style in finer detail, in up to three
            times the time; empty where there is none.
        stroke_size: Long side in pixels at which the network read the style picture.
        fine_stroke_size: The same of the wider network.
        origin: How the style was made, such as `learned in 3 minutes`; empty for ready-made ones.
        input_range: Colors of a foreign network as it came, see `stylecore.styles.foreign.ranges`.
        networks: SHA-256 of the networks in `rows`, by name.
        trunk: Differences that a style learned with its trunk adds to the weights of networks in `rows`: by
            name of the network and of the initializer in its ONNX graph, read-only float16.
        foreign_network: ONNX network of another project, as `import_network` returns it.
        picture: JPEG of the style picture, at most 512 px on the long side.
        thumbnail: The same, at most 160 px.
        notice: A sentence for the user about what was done to read the style; not part of its contents.
    """

    name: str
    title: str = ""
    artist: str = ""
    year: str = ""
    credit: str = ""
    license: str = ""
    model: str = GENERAL_MODEL
    rows: Mapping[str, np.ndarray] = field(default_factory=dict)
    kind: str = ""
    fine_model: str = ""
    stroke_size: int = USUAL_STROKE_SIZE
    fine_stroke_size: int = USUAL_STROKE_SIZE
    origin: str = ""
    input_range: str = ""
    networks: Mapping[str, str] = field(default_factory=dict)
    trunk: Mapping[str, Mapping[str, np.ndarray]] = field(default_factory=dict)
    foreign_network: bytes = field(default=b"", repr=False)
    picture: bytes = field(default=b"", repr=False)
    thumbnail: bytes = field(default=b"", repr=False)
    notice: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", _read_only(self.rows, np.float32))
        trunk = {network: _read_only(changes, np.float16) for network, changes in self.trunk.items()}
        object.__setattr__(self, "trunk", trunk)

    @cached_property
    def sha256(self) -> str:
        contents = {entry.name: getattr(self, entry.name) for entry in fields(self) if entry.name != "notice"}
        text = json.dumps(contents, sort_keys=True, default=_as_json)
        return hashlib.sha256(text.encode()).hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Style) and self.sha256 == other.sha256

    def __hash__(self) -> int:
        return hash(self.sha256)

    def network(self, *, fine: bool) -> tuple[str, np.ndarray]:
        """Return a network's file name and the rows for it: the wider network if `fine` and there is one.

        Raises:
            StyleError: The style has no rows for it.
        """
        model = self.fine_model if fine and self.fine_model else self.model
        if network_name(model) not in self.rows:
            raise StyleError(f"the style {self.name!r} has no rows for {model}")
        return model, self.rows[network_name(model)]

    def learned_stroke_size(self, *, fine: bool) -> int:
        """Return the stroke size of the network that `network` returns."""
        return self.fine_stroke_size if fine and self.fine_model else self.stroke_size


def network_name(model: str) -> str:
    """Return a network's name in `rows`: its file name without the ending."""
    return model.removesuffix(".onnx")


def name_from(title: str, otherwise: str) -> str:
    """Make a style's name from a title or file name: ASCII letters and digits, joined by `_`.

    Args:
        title: Any text.
        otherwise: Name of a title without letters and digits.
    """
    plain = unicodedata.normalize("NFKD", title.casefold()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:MAX_NAME] or otherwise


def _read_only(arrays: Mapping[str, np.ndarray], dtype: type) -> dict[str, np.ndarray]:
    copies: dict[str, np.ndarray] = {name: np.array(values, dtype) for name, values in arrays.items()}
    for values in copies.values():
        values.flags.writeable = False
    return copies


def _as_json(value: Any) -> object:
    """Contents of a style that JSON has no form for."""
    if isinstance(value, np.ndarray):
        return [value.shape, value.tobytes().hex()]
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()
    return dict(value)
