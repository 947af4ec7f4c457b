"""A picture on which the visitor draws a mask, or several in colors, with mouse, pen or finger."""

from __future__ import annotations

import base64
import io
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import streamlit as st
from PIL import Image, ImageColor

from pages.shared.address import keep_switch
from pages.shared.browser_files import browser_folder
from pages.shared.browser_painting import component_js
from pages.shared.comparing import data_url
from pages.shared.painting import screen_picture
from pages.shared.strokes import KEYS, STROKES_CSS, sizes_html
from pages.shared.visit import visit
from stylecore.images.encoding import encode_image

TINT = "#e5007d"  # a color that few photos have
OPACITY = 0.55  # of the tint
COLORS_OPACITY = 0.7  # of strokes in several colors, which may be those of the picture
TINTED_ALT = "Your photo; the part that is painted is tinted"
TINTED_LABEL = "The part of your photo that is painted"

HTML = f"""
<div class="brush">
  <div class="bar">
  <div class="tools" role="group" aria-label="Tool">
    <button type="button" value="brush">Brush</button>
    <button type="button" value="eraser">Eraser</button>
  </div>
  {sizes_html(20, 50, 110)}
  <div class="colors" role="group" aria-label="Color" hidden></div>
  <div class="acts">
    <button class="undo" type="button" disabled>Undo</button>
    <button class="clear" type="button">Clear</button>
    <button class="swap" type="button" title="Paint the rest instead">Swap</button>
  </div>
  </div>
  <div class="desk">
    <img class="photo">
    <canvas class="sheet" tabindex="0" role="application"></canvas>
    <div class="cursor" hidden></div>
  </div>
</div>
"""

CSS = f"""
{STROKES_CSS}
.brush {{ display: grid; gap: 0.5rem; font: 400 0.875rem/1.4 var(--st-font); color: var(--st-text-color); }}
.brush .bar {{ gap: 0.375rem 0.75rem; }}
.desk {{ width: 100%; max-width: calc(50vh * var(--proportions)); aspect-ratio: var(--proportions); }}
.desk :is(.photo, .sheet) {{ position: absolute; inset: 0; width: 100%; height: 100%;
                             border-radius: 0.5rem; }}
.sheet {{ opacity: {OPACITY}; touch-action: pinch-zoom; }}
.brush:has(.colors:not([hidden])) .sheet {{ opacity: {COLORS_OPACITY}; }}
"""

_brush = st.components.v2.component("brush", html=HTML, css=CSS, js=component_js("brush.mjs"))


@dataclass(frozen=True)
class Drawn:
    """What is drawn on a picture.

    Attributes:
        alt: What picture and strokes show.
        label: What is drawn, for the canvas.
        colors: Colors to draw with as `#rrggbb`, by name; without any, all strokes have one.
    """

    alt: str = TINTED_ALT
    label: str = TINTED_LABEL
    colors: Mapping[str, str] = field(default_factory=dict)


def draw_mask(
    photo: bytes,
    drawn: Drawn = Drawn(),
    *,
    start: Callable[[], Image.Image | None] = lambda: None,
    key: str,
) -> bytes:
    """Show a picture on which the visitor draws; it is kept until something is drawn on another one.

    Args:
        photo: The encoded picture.
        drawn: What is drawn.
        start: Returns the mask with which the drawing begins, of the size of `screen_picture`, or None.
        key: Key of the widget.
    Returns:
        PNG of the size of `screen_picture`, whose alpha is the mask; empty if nothing was drawn.
    Raises:
        ImageError: The picture cannot be used; the message says why.
    """
    version, brushes = f"{key} {zlib.crc32(photo)}", visit().brushes
    picture = screen_picture(photo).encoded
    if key not in brushes or brushes[key][0] != version:
        mask = start()
        brushes[key] = version, b"" if mask is None else _tint(mask)

    def take() -> None:
        if (sent := st.session_state[key].mask) is not None:
            brushes[key] = sent["version"], base64.b64decode(sent["picture"])

    data = brush_data(picture, brushes[key][1], drawn, version=version)
    _brush(data=data, on_mask_change=take, key=key)
    return brushes[key][1]


def choose_snapping(key: str) -> bool:
    """Show whether brushed regions take over the edges of the picture; the address keeps it."""
    return st.toggle(
        "Snap to edges",
        value=keep_switch(key),
        key=key,
        persist_state="session",
        help="The borders of what you brushed move onto edges of the picture that are near.",
    )


def brush_data(picture: bytes, mask: bytes, drawn: Drawn = Drawn(), *, version: str) -> dict[str, object]:
    """What the component needs: an encoded picture, what was drawn so far, and a text for each picture."""
    with Image.open(io.BytesIO(picture)) as image:
        width, height = image.size
    return {
        "folder": browser_folder(),
        "photo": data_url(picture),
        "alt": drawn.alt,
        "label": f"{drawn.label}. {KEYS}",
        "mask": data_url(mask) if mask else "",
        "tint": TINT,
        "colors": [{"name": name, "color": color} for name, color in drawn.colors.items()],
        "width": width,
        "height": height,
        "version": version,
    }


def tinted(photo: Image.Image, mask: Image.Image) -> Image.Image:
    """A photo with a tint where a mask of its size is."""
    tint = Image.new("RGB", photo.size, TINT)
    return Image.composite(tint, photo.convert("RGB"), mask.point(lambda value: round(OPACITY * value)))


def _tint(mask: Image.Image) -> bytes:
    """A mask as the component draws it."""
    picture = Image.new("RGBA", mask.size, ImageColor.getrgb(TINT))
    picture.putalpha(mask)
    return encode_image(picture, "PNG")
