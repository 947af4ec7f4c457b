"""Records of the ready-made styles and checksums of their networks, from `weights/styles.json`."""

from __future__ import annotations

import json
from dataclasses import MISSING, dataclass, fields
from difflib import get_close_matches
from functools import cache

from stylecore.errors import StyleError, WeightsError
from stylecore.host.folders import WEIGHTS_FOLDER

STYLES_FILE = WEIGHTS_FOLDER / "styles.json"
USUAL_STROKE_SIZE = 512  # px, of records without one


@dataclass(frozen=True)
class Style:
    """A style that a network in `weights/` can paint in.

    Attributes:
        name: Identifier in lower case, such as `starry_night`.
        title: Name of the painting, as shown.
        artist: Who made it.
        year: When, as written in catalogues (`1889`, `c. 1831`).
        credit: Where the picture that the network learned from comes from.
        license: Terms of that picture.
        model: File name of the ONNX network in `weights/`.
        index: Place of the style in the network's `style_weights`.
        kind: `brush`, `print`, `modern` or `pattern`, for filtering; may be empty.
        fine_model: File name of a wider network that paints the style in finer detail, in up to three
            times the time; empty where there is none.
        fine_index: Place of the style in that network's `style_weights`.
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
    index: int
    kind: str = ""
    fine_model: str = ""
    fine_index: int = 0
    stroke_size: int = USUAL_STROKE_SIZE
    fine_stroke_size: int = USUAL_STROKE_SIZE

    def network(self, *, fine: bool) -> tuple[str, int]:
        """Return file name and index of the style: in the wider network if `fine` and there is one."""
        return (self.fine_model, self.fine_index) if fine and self.fine_model else (self.model, self.index)

    def learned_stroke_size(self, *, fine: bool) -> int:
        """Return the stroke size of the network that `network` returns."""
        return self.fine_stroke_size if fine and self.fine_model else self.stroke_size


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
        WeightsError: `weights/styles.json` is missing or not of the expected form.
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
    needed = [field.name for field in fields(Style) if field.default is MISSING]
    try:
        return tuple(
            Style(
                **{name: record[name] for name in needed},
                kind=record.get("kind", ""),
                stroke_size=record.get("stroke_size", USUAL_STROKE_SIZE),
                **{f"fine_{key}": record["fine"][key] for key in ("model", "index") if "fine" in record},
                fine_stroke_size=record.get("fine", {}).get("stroke_size", USUAL_STROKE_SIZE),
            )
            for record in records
        )
    except (KeyError, TypeError) as error:
        raise WeightsError(f"a record in {STYLES_FILE.name} lacks {error}") from error
