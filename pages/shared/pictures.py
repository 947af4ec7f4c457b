"""The pictures that the app ships: sample photos, style tiles, and those of the page that explains."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Sample:
    """A picture that visitors may use when they have none at hand.

    Attributes:
        title: For people.
        path: The picture.
        thumbnail: 160 x 120 px of it.
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


def short_title(style_name: str) -> str:
    """What the style is called on its tile: `the_wave` is The Wave, whatever the print's full title."""
    return style_name.replace("_", " ").title()


def sample_title(name: str) -> str:
    """What a picture is called: a sample as on its button, any other by its name."""
    sample = (SAMPLES | STYLE_SAMPLES).get(name)
    return plain(name if sample is None else sample.title)


def duration(seconds: float) -> str:
    """Seconds, or minutes or hours when there are many, for people."""
    minutes = round(seconds / 60)
    if minutes >= 100:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{seconds:.0f} s" if seconds < 100 else f"{minutes} min"


def least_wait(remaining_s: Sequence[float | None]) -> str:
    """For who waits in line: `, for at least 2 min`, or nothing while no running job knows its time."""
    known = [seconds for seconds in remaining_s if seconds is not None]
    return f", for at least {duration(min(known))}" if known else ""


def mixture(titles: Sequence[str], weights: Sequence[float]) -> str:
    """What weights come to: `67% Fire, 33% Mosaic`; what has none is left out."""
    shares = zip(titles, weights, strict=True)
    return ", ".join(f"{100 * weight / sum(weights):.0f}% {title}" for title, weight in shares if weight)


def plain(text: str) -> str:
    """A text, such as a file's name, for places that read Markdown."""
    return re.sub(r"([\\`*\[\]~$])", r"\\\1", text)


def tile_path(style_name: str) -> Path:
    """A sample photo painted in the style, made by `export/sample_pictures.py`."""
    return FOLDER / "tiles" / f"{style_name}.jpg"


def explaining_path(name: str) -> Path:
    """A picture of the page that explains, made by `export/explaining_pictures.py`."""
    return FOLDER / "explaining" / f"{name}.webp"
