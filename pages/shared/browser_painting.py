"""Painting in the visitor's browser, with the networks of `FastStylizer` and ONNX Runtime for browsers."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce

import numpy as np

from pages.shared.browser_files import browser_folder
from pages.shared.browser_networks import keep_network
from pages.shared.own_styles import is_shared
from pages.shared.painting import Look
from stylecore.instant.blends import resolve_styles
from stylecore.instant.stylizer import WORKING_SIDE
from stylecore.styles.style import Style

# Of the buttons inside components, which look like Streamlit's own.
BUTTON_CSS = """
button, .clip { box-sizing: border-box; min-height: 2.5rem; padding: 0.25rem 0.75rem;
         border: 1px solid var(--st-border-color);
         border-radius: var(--st-button-radius); background: var(--st-background-color);
         color: var(--st-text-color); font: 400 0.875rem/1.6 var(--st-font); cursor: pointer; }
button:hover { border-color: var(--st-primary-color); color: var(--st-primary-color); }
:is(button, .clip, canvas):focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 2px; }
button[aria-pressed=true] { border-color: var(--st-primary-color); font-weight: 600;
                            box-shadow: inset 0 0 0 1px var(--st-primary-color); }
button:disabled { opacity: 0.5; cursor: default; }
[hidden] { display: none !important; }
"""


@dataclass(frozen=True)
class Seen:
    """A picture that was painted in the browser.

    Attributes:
        data: The encoded picture at its full size.
        stroke_scale: Size of the strokes as the browser painted them, see `FastStylizer.stylize`.
    """

    data: bytes
    stroke_scale: float


def seen(answer: dict | None) -> Seen | None:
    """Read what a component of the browser's painting sent: a picture, and the side at which it was seen."""
    if answer is None:
        return None
    return Seen(base64.b64decode(answer["picture"]), WORKING_SIDE / answer["side"])


def style_data(look: Look) -> dict[str, object]:
    """What `Painter.paint` of `painter.mjs` needs to paint in the styles of a look.

    A blend is painted with the mean of the styles' rows: with the fast network if they share one, otherwise
    with the finer one, which has all of them. A style with a network of its own is not blended.
    """
    parts = resolve_styles(dict(look.styles))
    own = next((style for style in parts if not is_shared(style)), None)
    network, rows = _shared_network(parts) if own is None else (keep_network(own), _own_rows(own))
    return {
        "folder": browser_folder(),
        "network": network,
        "rows": base64.b64encode(rows.tobytes()).decode(),
        "strength": look.strength,
        "preserveColor": look.preserve_color,
    }


def _shared_network(parts: Mapping[Style, float]) -> tuple[str, np.ndarray]:
    """File name of the network in `weights/` that has all styles, and the mean of their rows."""
    is_across = len({style.model for style in parts}) > 1
    networks = {style.network(fine=is_across)[0] for style in parts}
    weighted = [style.network(fine=is_across)[1] * np.float32(weight) for style, weight in parts.items()]
    return networks.pop(), reduce(np.add, weighted)


def _own_rows(style: Style) -> np.ndarray:
    """Rows of a style with a network of its own; an imported network takes none."""
    return np.zeros(0, np.float32) if style.foreign_network else style.network(fine=False)[1]


def component_js(script: str) -> str:
    """JavaScript of a Streamlit component whose default function is in a script of the folder.

    The component's data needs the `folder` of `style_data`.
    """
    return f"""
export default async (component) => {{
  const script = await import(new URL(component.data.folder + '{script}', new URL('./', location.href)));
  return script.default(component);
}};
"""
