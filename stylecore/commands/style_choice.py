"""The option --style: names of ready-made styles, and pictures that become styles."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stylecore.commands.parsing import parse_weights
from stylecore.images.files import PHOTO_EXTENSIONS
from stylecore.styles.catalog import get_style, list_styles
from stylecore.styles.style import Style


@dataclass(frozen=True)
class ChosenStyles:
    """The styles of a command line.

    Attributes:
        weights: Weight of each style.
        pictures: Files that were read as styles; no painting may overwrite them.
    """

    weights: Mapping[Style, float]
    pictures: tuple[Path, ...] = ()

    def by_name(self) -> dict[str, float]:
        """Weights by name, for file names and metadata."""
        named: dict[str, float] = defaultdict(float)
        for style, weight in self.weights.items():
            named[style.name] += weight
        return dict(named)


def choose_styles(text: str) -> ChosenStyles:
    """Reads the value of --style: `NAME` or `PICTURE`, or several of them with weights.

    Raises:
        UsageError: Another form.
        StyleError: An unknown style, or a picture that cannot be used as one.
        ImageError: A picture that cannot be read.
        WeightsError: The style encoder is missing or damaged.
    """
    named = {text: 1.0} if is_picture(text) and os.path.isfile(text) else parse_weights(text)
    pictures = [name for name in named if is_picture(name)]
    ready_made = {name: get_style(name) for name in named if name not in pictures}
    encoded = {name: encode_picture(name) for name in pictures}
    weights: dict[Style, float] = defaultdict(float)
    for name, weight in named.items():
        weights[{**ready_made, **encoded}[name]] += weight
    return ChosenStyles(weights, tuple(map(Path, pictures)))


def is_picture(name: str) -> bool:
    """Whether a name in --style means a picture file; names of ready-made styles never do."""
    if name in {style.name for style in list_styles()}:
        return False
    return Path(name).suffix.lower() in PHOTO_EXTENSIONS or os.path.isfile(name)


def encode_picture(name: str) -> Style:
    from stylecore.instant.encoder import encode_style  # needs onnxruntime

    return encode_style(name, title=Path(name).stem)
