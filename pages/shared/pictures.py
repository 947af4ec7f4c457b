"""The app's own pictures, such as samples and style tiles, and short texts about pictures and times."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Sample:
    """A picture to try the app with.

    Attributes:
        title: Label of its button.
        path: File of the picture.
        thumbnail: File of the picture at 160 x 120 px.
    """

    title: str
    path: Path
    thumbnail: Path


def _sample(name: str, title: str) -> Sample:
    folder = FOLDER / "samples"
    return Sample(title, folder / f"{name}.jpg", folder / f"{name}_small.jpg")


SAMPLES = {
    "temple": _sample("temple", "Temple"),
    "portrait": _sample("portrait", "Portrait"),
    "cat": _sample("cat", "Cat"),
    "coffee": _sample("coffee", "Coffee"),
}


# Painted by export/style_pictures.py.
STYLE_SAMPLES = {
    "mosaic": _sample("mosaic", "Mosaic"),
    "triangle": _sample("triangle", "Triangle"),
    "flame": _sample("flame", "Flame"),
    "stained_glass": _sample("stained_glass", "Glass"),
    "marbling": _sample("marbling", "Marbling"),
}


# Pictures whose light and colors a photo takes; their sources are in samples/LICENSES.md.
REFERENCE_SAMPLES = {
    "evening": _sample("evening", "Evening"),
    "night": _sample("night", "Night"),
    "low_sun": _sample("low_sun", "Low sun"),
    "desert": _sample("desert", "Desert"),
    "winter": _sample("winter", "Winter"),
}


def short_title(style_name: str) -> str:
    """The title of a style's tile, shorter than that of the work of art: The Wave for `the_wave`."""
    return style_name.replace("_", " ").title()


def sample_title(name: str) -> str:
    """The title of a sample, or the name of any other picture, for Markdown."""
    sample = (SAMPLES | STYLE_SAMPLES | REFERENCE_SAMPLES).get(name)
    return plain(name if sample is None else sample.title)


def duration(seconds: float) -> str:
    """Format a duration in seconds, minutes or hours: `45 s`."""
    minutes = round(seconds / 60)
    if minutes >= 100:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{seconds:.0f} s" if seconds < 100 else f"{minutes} min"


def least_wait(remaining_s: Sequence[float | None]) -> str:
    """Format the least waiting time in line: `, for at least 2 min`, or nothing if it is unknown."""
    known = [seconds for seconds in remaining_s if seconds is not None]
    return f", for at least {duration(min(known))}" if known else ""


def mixture(titles: Sequence[str], weights: Sequence[float]) -> str:
    """Format a mixture as shares: `67% Fire, 33% Mosaic`; zero weights are left out."""
    shares = zip(titles, weights, strict=True)
    return ", ".join(f"{100 * weight / sum(weights):.0f}% {title}" for title, weight in shares if weight)


def plain(text: str) -> str:
    """Escape a text, such as a file name, for Markdown."""
    return re.sub(r"([\\`*\[\]~$])", r"\\\1", text)


def sentence(error: Exception) -> str:
    """The message of an error as a sentence for Markdown."""
    message = plain(str(error))
    return f"{message[0].upper()}{message[1:]}."


def tile_path(style_name: str) -> Path:
    """A sample photo painted in the style, made by `export/sample_pictures.py`."""
    return FOLDER / "tiles" / f"{style_name}.jpg"


def explaining_path(name: str) -> Path:
    """A picture of the page How it works, made by `export/explaining_pictures.py`."""
    return FOLDER / "explaining" / f"{name}.webp"
