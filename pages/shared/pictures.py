"""Sample photos, style tiles, and the engine that all visitors share."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from stylecore import FastStylizer

FOLDER = Path(__file__).parent
SAMPLES = {
    "temple": "Temple",
    "portrait": "Portrait",
    "cat": "Cat",
    "coffee": "Coffee",
}


def sample_path(name: str) -> Path:
    return FOLDER / "samples" / f"{name}.jpg"


def thumbnail_path(name: str) -> Path:
    return FOLDER / "samples" / f"{name}_small.webp"


def short_title(style_name: str) -> str:
    """What the style is called on its tile: `the_wave` is The Wave, whatever the print's full title."""
    return style_name.replace("_", " ").title()


def tile_path(style_name: str) -> Path:
    """A sample photo painted in the style, made by `export/sample_pictures.py`."""
    return FOLDER / "tiles" / f"{style_name}.webp"


@st.cache_resource(max_entries=1, show_spinner="Unpacking the brushes ...")
def stylizer() -> FastStylizer:
    return FastStylizer()
