"""The styles that a request names or brings along."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from stylecore.errors import StyleError
from stylecore.instant.blends import resolve_styles
from stylecore.serving.painting_request import StylePicture
from stylecore.styles.blends import parse_blend
from stylecore.styles.catalog import get_style
from stylecore.styles.files import STYLE_FILE_ENDING, load_style_file
from stylecore.styles.style import Style

STYLE_HELP = (
    "Name of a style of `/v1/styles`, or the file name of a `style_file`; NAME:0.6,NAME:0.4 for a blend. "
    "May be left out with a single `style_file`."
)


def read_styles(text: str, files: Mapping[str, bytes]) -> tuple[tuple[Style | StylePicture, float], ...]:
    """Read styles with their weights.

    Args:
        text: See `STYLE_HELP`.
        files: Style files and pictures by file name.
    Raises:
        StyleError: Another form, an unknown style, unusable weights, or a style file that cannot be read.
        WeightsError: See `list_styles`.
    """
    if text in files or (not text and len(files) == 1):
        weights = {text or next(iter(files)): 1.0}
    elif not text:
        raise StyleError("a style is needed: style=NAME, or a style_file")
    else:
        weights = parse_blend(text)
    if unused := files.keys() - weights.keys():
        raise StyleError(f"style does not name the file {min(unused)}: NAME:0.6,{min(unused)}:0.4 would")
    styles = [
        (_read_file(name, files[name]) if name in files else get_style(name), weight)
        for name, weight in weights.items()
    ]
    # A picture becomes a style later; its weight is checked now.
    resolve_styles({Style(str(place)): weight for place, (_, weight) in enumerate(styles)})
    return tuple(styles)


def _read_file(name: str, data: bytes) -> Style | StylePicture:
    path = Path(name)
    if path.suffix.lower() == STYLE_FILE_ENDING:
        return load_style_file(data)
    return StylePicture(data, path.stem)
