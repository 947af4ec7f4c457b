"""A sheet to draw on, with the drawing painted in the visitor's browser at every stroke."""

from __future__ import annotations

import base64
import io
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import streamlit as st
from PIL import Image

from pages.shared.browser_painting import Seen, component_js, seen, style_data
from pages.shared.own_styles import style_title, tile_picture
from pages.shared.painting import Look, read_photo
from pages.shared.strokes import KEYS, STROKES_CSS, sizes_html
from stylecore import Style
from stylecore.images.colors import flatten_content
from stylecore.images.encoding import encode_image

SHEET_SIZE = 1024, 768  # px, width and height of an empty sheet
FINISHED_FACTOR = 2  # by which the server paints a drawing larger
OUTLINES = Path(__file__).parent / "outlines"  # SVG of the sheet's size
COLORS = {
    "Black": "#1f1f1f",
    "White": "#ffffff",
    "Red": "#d1322e",
    "Orange": "#f08a24",
    "Yellow": "#f7d33b",
    "Green": "#3f9144",
    "Light blue": "#7cc4ea",
    "Blue": "#2452a8",
    "Brown": "#7a4a28",
    "Pink": "#eda4b5",
}
STYLE_COLORS = 6  # of the style's own palette

HTML = f"""
<div class="draw">
  <div class="bar">
  <div class="tools" role="group" aria-label="Tool">
    <button type="button" value="brush">Brush</button>
    <button type="button" value="fill">Fill</button>
    <button type="button" value="eraser">Eraser</button>
  </div>
  {sizes_html(8, 18, 44)}
  <div class="acts">
    <button class="undo" type="button" disabled>Undo</button>
    <button class="clear" type="button">Clear</button>
    <button class="finish" type="button">Paint it large</button>
  </div>
  </div>
  <div class="colors" role="group" aria-label="Color"></div>
  <div class="desk">
    <canvas class="sheet" tabindex="0" role="application" aria-label="Your sheet. {KEYS}"></canvas>
    <div class="cursor" hidden></div>
  </div>
  <canvas class="painting" role="img"></canvas>
  <p class="figures"></p>
</div>
"""

CSS = f"""
{STROKES_CSS}
.draw {{ display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 0.5rem 1rem;
         align-items: start; font: 400 0.875rem/1.4 var(--st-font); color: var(--st-text-color); }}
.draw .bar {{ gap: 0.375rem 1.5rem; }}
.draw > :is(.bar, .colors) {{ grid-column: 1 / -1; }}
.finish {{ background: var(--st-primary-color); border-color: var(--st-primary-color); color: white; }}
.finish:hover {{ color: white; }}
canvas {{ width: 100%; border-radius: 0.5rem; background: white; box-sizing: border-box; }}
.sheet {{ border: 1px solid var(--st-border-color); touch-action: none; }}
.painting {{ aspect-ratio: 4 / 3; object-fit: contain; background: var(--st-secondary-background-color); }}
.figures {{ grid-column: 1 / -1; min-height: 1.4em; margin: 0; opacity: 0.8; }}
@media (max-width: 640px) {{
  .draw {{ gap: 0.375rem; }}
  .draw .bar {{ gap: 0.375rem 0.75rem; }}
  .desk {{ grid-column: 1 / -1; order: 1; }}
  .painting {{ grid-column: 1 / -1; order: 2; }}
  .figures {{ order: 3; }}
}}
"""

_drawing = st.components.v2.component("drawing", html=HTML, css=CSS, js=component_js("draw.mjs"))


@dataclass(frozen=True)
class Sheet:
    """What the visitor draws on.

    Attributes:
        picture: Address of a picture with its contents (`data:`); empty for a white sheet.
        size: Width and height in pixels.
    """

    picture: str = ""
    size: tuple[int, int] = SHEET_SIZE


def outline_sheet(name: str) -> Sheet:
    """A sheet with a sample outline: `house` or `fish`."""
    return Sheet(_data_url((OUTLINES / f"{name}.svg").read_bytes(), "image/svg+xml"))


@st.cache_data(max_entries=8, show_spinner=False)
def picture_sheet(photo: bytes) -> Sheet:
    """A sheet with a visitor's picture.

    Raises:
        ImageError: The picture cannot be used; the message says why.
    """
    image = flatten_content(read_photo(photo, max_side=max(SHEET_SIZE)))
    return Sheet(_data_url(encode_image(image, "JPEG"), "image/jpeg"), image.size)


def style_colors(style: Style) -> dict[str, str]:
    """The main colors of a style's tile, by names such as `Color 1 of Mosaic`; none without a tile."""
    picture = tile_picture(style)
    if picture is None:
        return {}
    title = style_title(style)
    return {f"Color {number} of {title}": color for number, color in enumerate(_palette(picture), start=1)}


@lru_cache(maxsize=200)
def _palette(picture: bytes) -> list[str]:
    """The most different colors of a picture, at most `STYLE_COLORS`, as `#rrggbb`."""
    with Image.open(io.BytesIO(picture)) as tile:
        reduced = tile.convert("RGB").quantize(STYLE_COLORS, Image.Quantize.MAXCOVERAGE)
    palette = reduced.getpalette()
    used = sorted(place for _, place in reduced.getcolors())
    return [f"#{bytes(palette[3 * place : 3 * place + 3]).hex()}" for place in used]


def draw(sheet: Sheet, look: Look, *, style: Style) -> Seen | None:
    """Show the sheet next to its painting; returns the drawing once, after the visitor asked for it large.

    Args:
        sheet: What is drawn on; another one replaces the drawing.
        look: How to paint; its strokes are those of the network at the size of the painting.
        style: Style whose palette is offered.
    """
    data = sheet_data(sheet, look, style=style)
    return seen(_drawing(data=data, on_picture_change=lambda: None, key="drawing").picture)


def sheet_data(sheet: Sheet, look: Look, *, style: Style) -> dict[str, object]:
    """What the component needs; see `draw`."""
    width, height = sheet.size
    colors = COLORS | style_colors(style)
    return style_data(look) | {
        "alt": f"Your drawing painted like {style_title(style)}",
        "colors": [{"name": name, "color": color} for name, color in colors.items()],
        "sheet": {
            "picture": sheet.picture,
            "width": width,
            "height": height,
            "version": f"{zlib.crc32(sheet.picture.encode())}",
        },
    }


def enlarge_drawing(drawing: bytes) -> bytes:
    """Scale a drawing up by `FINISHED_FACTOR`, as PNG, so that its painting is large."""
    with Image.open(io.BytesIO(drawing)) as image:
        size = image.width * FINISHED_FACTOR, image.height * FINISHED_FACTOR
        return encode_image(image.convert("RGB").resize(size, Image.Resampling.LANCZOS), "PNG")


def _data_url(data: bytes, mime: str) -> str:
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"
