"""The list of styles: ready-made ones, and those of the host."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from stylecore.errors import StyleError, WeightsError
from stylecore.host.folders import WEIGHTS_FOLDER
from stylecore.host.weights import check_weights_file
from stylecore.styles.host_styles import host_styles
from stylecore.styles.records import STYLES_FILE, read_records
from stylecore.styles.style import USUAL_STROKE_SIZE, Style, network_name

ROWS_FILE = WEIGHTS_FOLDER / "rows.safetensors"  # of the ready-made styles
NEEDED = ("name", "title", "artist", "year", "credit", "license", "model")  # entries of every record


def list_models() -> list[str]:
    """List the file names of all networks of the ready-made styles.

    Raises:
        WeightsError: As for `list_styles`.
    """
    styles = ready_made_styles()
    return sorted({style.network(fine=fine)[0] for style in styles for fine in (False, True)})


def list_styles() -> list[Style]:
    """List all styles in the order in which to show them: ready-made ones, then those of the host.

    The styles of the host are the style files in the folder named by the environment variable
    `IMPASTO_STYLES`. Those that cannot be read are logged and left out.

    Raises:
        WeightsError: `weights/styles.json` or `weights/rows.safetensors` is missing, damaged, or not of the
            expected form.
    """
    styles = ready_made_styles()
    return styles + host_styles([style.name for style in styles])


def ready_made_styles() -> list[Style]:
    """List the styles that ship with the project, in the order in which to show them.

    Raises:
        WeightsError: As for `list_styles`.
    """
    return list(_read_styles())


def get_style(name: str) -> Style:
    """Return the style of a name.

    Raises:
        StyleError: There is none; the message has the nearest name.
        WeightsError: As for `list_styles`.
    """
    styles = {style.name: style for style in list_styles()}
    if name in styles:
        return styles[name]
    near = get_close_matches(name.lower().replace(" ", "_").replace("-", "_"), styles, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(styles)}"
    raise StyleError(f"unknown style {name!r}: {hint}")


@cache
def _read_styles() -> tuple[Style, ...]:
    records = read_records()
    rows = _read_rows()
    try:
        return tuple(
            Style(
                **{name: record[name] for name in NEEDED},
                rows=_rows_of(record, rows),
                networks=_checksums_of(record),
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
    networks = [network_name(part["model"]) for part in _networks_of(record)]
    keys = {network: f"{network}.{record['name']}" for network in networks}
    if missing := [key for key in keys.values() if key not in rows]:
        raise WeightsError(f"{ROWS_FILE.name} has no rows {missing[0]}, which {STYLES_FILE.name} needs")
    return {network: rows[key] for network, key in keys.items()}


def _checksums_of(record: dict) -> dict[str, str]:
    """Checksums of a record's networks, by name."""
    return {network_name(part["model"]): part["sha256"] for part in _networks_of(record) if "sha256" in part}


def _networks_of(record: dict) -> list[dict]:
    return [record, record["fine"]] if "fine" in record else [record]


@cache
def _read_rows() -> dict[str, np.ndarray]:
    check_weights_file(ROWS_FILE)
    try:
        return load_file(ROWS_FILE)
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{ROWS_FILE.name} cannot be read: {error}") from error
