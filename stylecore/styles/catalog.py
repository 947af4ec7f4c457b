"""Records of the ready-made styles and checksums of their networks, from `weights/styles.json`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from difflib import get_close_matches
from functools import cache, cached_property

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from stylecore.errors import StyleError, WeightsError
from stylecore.host.folders import WEIGHTS_FOLDER
from stylecore.host.weights import check_weights_file

STYLES_FILE = WEIGHTS_FOLDER / "styles.json"
ENCODER_MODEL = "encoder.onnx"  # reads a style picture as rows of the general network
GENERAL_MODEL = "general.onnx"  # paints encoded styles; its record is `general.json`
ROWS_FILE = WEIGHTS_FOLDER / "rows.safetensors"  # of the ready-made styles
USUAL_STROKE_SIZE = 512  # px, of records without one


@dataclass(frozen=True, eq=False)
class Style:
    """A style that networks in `weights/` can paint in. Equal and hashed by the SHA-256 of its contents.

    Attributes:
        name: Identifier in lower case, such as `starry_night`.
        title: Name of the painting, as shown.
        artist: Who made it.
        year: When, as written in catalogues (`1889`, `c. 1831`).
        credit: Where the picture that the network learned from comes from.
        license: Terms of that picture.
        model: File name of the ONNX network in `weights/`.
        rows: Scales and shifts of the style by name of the network, which is its file name without the
            ending; read-only float32 of shape (R,).
        kind: `brush`, `print`, `modern` or `pattern`, for filtering; may be empty.
        fine_model: File name of a wider network that paints the style in finer detail, in up to three
            times the time; empty where there is none.
        stroke_size: Long side in pixels at which the network read the style picture.
        fine_stroke_size: The same of the wider network.
    """

    name: str
    title: str
    artist: str
    year: str
    credit: str
    license: str
    model: str
    rows: Mapping[str, np.ndarray]
    kind: str = ""
    fine_model: str = ""
    stroke_size: int = USUAL_STROKE_SIZE
    fine_stroke_size: int = USUAL_STROKE_SIZE

    def __post_init__(self) -> None:
        rows = {network: np.array(values, np.float32) for network, values in self.rows.items()}
        for values in rows.values():
            values.flags.writeable = False
        object.__setattr__(self, "rows", rows)

    @cached_property
    def sha256(self) -> str:
        contents = {field.name: getattr(self, field.name) for field in fields(self)}
        contents["rows"] = {network: values.tobytes().hex() for network, values in self.rows.items()}
        return hashlib.sha256(json.dumps(contents, sort_keys=True).encode()).hexdigest()

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


def list_models() -> list[str]:
    """List the file names of all networks of the ready-made styles.

    Raises:
        WeightsError: As for `list_styles`.
    """
    styles = list_styles()
    return sorted({style.network(fine=fine)[0] for style in styles for fine in (False, True)})


def list_styles() -> list[Style]:
    """List all ready-made styles, in the order in which to show them.

    Raises:
        WeightsError: `weights/styles.json` or `weights/rows.safetensors` is missing, damaged, or not of the
            expected form.
    """
    return list(_read_styles())


def get_style(name: str) -> Style:
    """Return the style of a name.

    Raises:
        StyleError: There is none; the message has the nearest name.
        WeightsError: As for `list_styles`.
    """
    styles = {style.name: style for style in _read_styles()}
    if name in styles:
        return styles[name]
    near = get_close_matches(name.lower().replace(" ", "_").replace("-", "_"), styles, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(styles)}"
    raise StyleError(f"unknown style {name!r}: {hint}")


def model_checksum(model: str) -> str:
    """Return the SHA-256 recorded in `weights/styles.json` for a network file.

    Raises:
        WeightsError: No style uses this file.
    """
    for record in _read_records():
        for network in (record, record.get("fine", {})):
            if network.get("model") == model and "sha256" in network:
                return network["sha256"]
    raise WeightsError(f"{STYLES_FILE.name} has no sha256 for {model}")


@cache
def _read_records() -> tuple[dict, ...]:
    try:
        return tuple(json.loads(STYLES_FILE.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise WeightsError(f"{STYLES_FILE.name} cannot be read: {error}") from error


@cache
def _read_styles() -> tuple[Style, ...]:
    records = _read_records()
    rows = _read_rows()
    needed = [field.name for field in fields(Style) if field.default is MISSING and field.name != "rows"]
    try:
        return tuple(
            Style(
                **{name: record[name] for name in needed},
                rows=_rows_of(record, rows),
                kind=record.get("kind", ""),
                stroke_size=record.get("stroke_size", USUAL_STROKE_SIZE),
                fine_model=record["fine"]["model"] if "fine" in record else "",
                fine_stroke_size=record.get("fine", {}).get("stroke_size", USUAL_STROKE_SIZE),
            )
            for record in records
        )
    except (KeyError, TypeError) as error:
        raise WeightsError(f"a record in {STYLES_FILE.name} lacks {error}") from error


def _rows_of(record: dict, rows: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Rows of a record's style for its networks."""
    networks = [network_name(part["model"]) for part in (record, record.get("fine")) if part]
    keys = {network: f"{network}.{record['name']}" for network in networks}
    if missing := [key for key in keys.values() if key not in rows]:
        raise WeightsError(f"{ROWS_FILE.name} has no rows {missing[0]}, which {STYLES_FILE.name} needs")
    return {network: rows[key] for network, key in keys.items()}


@cache
def _read_rows() -> dict[str, np.ndarray]:
    check_weights_file(ROWS_FILE)
    try:
        return load_file(ROWS_FILE)
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{ROWS_FILE.name} cannot be read: {error}") from error
