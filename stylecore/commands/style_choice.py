"""The option --style: names of styles, style files, and pictures that become styles."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stylecore.commands.console import progress
from stylecore.commands.parsing import parse_weights
from stylecore.images.files import PHOTO_EXTENSIONS
from stylecore.styles.catalog import get_style, list_styles
from stylecore.styles.files import STYLE_FILE_ENDING, load_style_file
from stylecore.styles.style import Style


@dataclass(frozen=True)
class ChosenStyles:
    """The styles of a command line.

    Attributes:
        weights: Weight of each style.
        files: Style files and pictures that were read as styles; no painting may overwrite them.
    """

    weights: Mapping[Style, float]
    files: tuple[Path, ...] = ()

    def by_name(self) -> dict[str, float]:
        """Weights by name, for file names and metadata."""
        named: dict[str, float] = defaultdict(float)
        for style, weight in self.weights.items():
            named[style.name] += weight
        return dict(named)


def choose_styles(text: str) -> ChosenStyles:
    """Reads the value of --style: `NAME`, `FILE.impasto` or `PICTURE`, or several of them with weights.

    Raises:
        UsageError: Another form.
        StyleError: An unknown style, or a style file or picture that cannot be used as one.
        ImageError: A picture that cannot be read.
        WeightsError: The style encoder is missing or damaged.
    """
    named = {text: 1.0} if is_file(text) and os.path.isfile(text) else parse_weights(text)
    files = [name for name in named if is_file(name)]
    listed = {name: get_style(name) for name in named if name not in files}
    read = {name: read_style(name) for name in files}
    weights: dict[Style, float] = defaultdict(float)
    for name, weight in named.items():
        weights[{**listed, **read}[name]] += weight
    return ChosenStyles(weights, tuple(map(Path, files)))


def is_file(name: str) -> bool:
    """Whether a name in --style means a style file or picture; names of listed styles never do."""
    if name in {style.name for style in list_styles()}:
        return False
    return Path(name).suffix.lower() in (STYLE_FILE_ENDING, *PHOTO_EXTENSIONS) or os.path.isfile(name)


def read_style(name: str) -> Style:
    """Reads a style file, and reports its notice, or encodes a picture."""
    from stylecore.instant.encoder import encode_style  # needs onnxruntime

    if Path(name).suffix.lower() != STYLE_FILE_ENDING:
        return encode_style(name, title=Path(name).stem)
    style = load_style_file(name)
    if style.notice:
        progress(f"{name}: {style.notice}")
    return style
