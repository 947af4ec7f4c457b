"""Buttons and styles that the components to draw on share; their script is `browser/strokes.mjs`."""

from __future__ import annotations

from pages.shared.browser_painting import BUTTON_CSS

# For the label of the canvas.
KEYS = (
    "Draw with mouse, pen or finger; or move the brush with the arrow keys, and put it down or lift it with "
    "the space bar."
)

STROKES_CSS = f"""
{BUTTON_CSS}
.bar, .tools, .sizes, .acts {{ display: flex; flex-wrap: wrap; gap: 0.375rem; }}
.sizes button {{ width: 2.5rem; padding: 0; }}
.sizes i {{ display: block; width: var(--size); height: var(--size); margin: auto; border-radius: 50%;
            background: currentColor; }}
.colors {{ display: flex; flex-wrap: wrap; gap: 0.375rem; }}
.colors button {{ width: 2.5rem; padding: 0; background: var(--color); }}
.colors button[aria-pressed=true] {{ outline: 3px solid var(--st-primary-color); outline-offset: 1px; }}
.desk {{ position: relative; line-height: 0; }}
.sheet {{ cursor: crosshair; }}
.cursor {{ position: absolute; width: 18px; height: 18px; margin: -9px; border: 2px solid #d1322e;
           border-radius: 50%; box-shadow: 0 0 0 2px white; pointer-events: none; }}
.cursor.down {{ background: #d1322e; }}
@media (max-width: 640px) {{
  button {{ padding: 0.25rem 0.5rem; }}
  :is(.sizes, .colors) button {{ width: 2.25rem; min-height: 2.25rem; }}
}}
"""


def sizes_html(thin: int, medium: int, thick: int) -> str:
    """Buttons for the size of the brush, in pixels of the canvas; medium is chosen."""
    return f"""<div class="sizes" role="group" aria-label="Size of the brush">
    <button type="button" value="{thin}" aria-label="Thin"><i style="--size: 5px"></i></button>
    <button type="button" value="{medium}" aria-label="Medium" aria-pressed="true"><i
      style="--size: 10px"></i></button>
    <button type="button" value="{thick}" aria-label="Thick"><i style="--size: 18px"></i></button>
  </div>"""
