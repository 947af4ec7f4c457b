"""Painting in the visitor's browser, with the networks of `FastStylizer` and ONNX Runtime for browsers."""

from __future__ import annotations

import base64
from functools import reduce

import numpy as np

from pages.shared.browser_files import browser_folder
from pages.shared.painting import Look
from stylecore.instant.stylizer import resolve_styles


def style_data(look: Look) -> dict[str, object]:
    """What `Painter.paint` of `painter.mjs` needs to paint in the styles of a look.

    A blend is painted with the mean of the styles' rows: with the fast network if they share one, otherwise
    with the finer one, which has all of them.
    """
    parts = resolve_styles(dict(look.styles))
    is_across = len({style.model for style in parts}) > 1
    networks = {style.network(fine=is_across)[0] for style in parts}
    weighted = [style.network(fine=is_across)[1] * np.float32(weight) for style, weight in parts.items()]
    return {
        "folder": browser_folder(),
        "network": networks.pop(),
        "rows": base64.b64encode(reduce(np.add, weighted).tobytes()).decode(),
        "strength": look.strength,
        "preserveColor": look.preserve_color,
    }


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
