"""The camera's pictures painted in the visitor's browser, in a component with its own buttons."""

from __future__ import annotations

import streamlit as st

from pages.shared.browser_painting import BUTTON_CSS, Seen, component_js, seen, style_data
from pages.shared.painting import Look

HTML = """
<div class="live">
  <div class="stage">
    <canvas class="painting" role="img" width="960" height="720"></canvas>
    <video class="camera" playsinline muted></video>
    <p class="message" role="status" hidden></p>
    <div class="bar">
      <button class="start" type="button">Start</button>
      <button class="snapshot" type="button">Take a picture</button>
      <button class="record" type="button">Record</button>
      <button class="turn" type="button">Other camera</button>
      <button class="mirror" type="button">Mirror</button>
      <button class="full" type="button">Full screen</button>
    </div>
  </div>
  <p class="figures"></p>
  <a class="clip" hidden></a>
</div>
"""

CSS = f"""
{BUTTON_CSS}
.live {{ font: 400 0.875rem/1.4 var(--st-font); color: var(--st-text-color); }}
.stage {{ position: relative; display: flex; flex-direction: column; gap: 0.5rem;
          background: var(--st-background-color); }}
.painting {{ width: 100%; max-height: 70vh; object-fit: contain; border-radius: 0.5rem;
             background: var(--st-secondary-background-color); }}
.camera {{ position: absolute; width: 1px; height: 1px; opacity: 0; pointer-events: none; }}
.message {{ position: absolute; top: 0; left: 0; right: 0; margin: 0.75rem; padding: 0.5rem 0.75rem;
            border-radius: 0.5rem; background: var(--st-background-color); font-size: 1rem; }}
.bar {{ display: flex; flex-wrap: wrap; gap: 0.5rem; }}
.snapshot {{ background: var(--st-primary-color); border-color: var(--st-primary-color); color: white; }}
.snapshot:hover {{ color: white; }}
.stage:fullscreen {{ justify-content: center; padding: 0.5rem; }}
.stage:fullscreen .painting {{ max-height: none; flex: 1; min-height: 0; }}
.figures {{ min-height: 1.4em; margin: 0.5rem 0; opacity: 0.8; }}
.clip {{ display: inline-flex; align-items: center; text-decoration: none; }}
@media (max-width: 640px) {{
  .painting {{ max-height: 42vh; }}
  button {{ padding: 0.25rem 0.5rem; }}
}}
"""

_live = st.components.v2.component("live_camera", html=HTML, css=CSS, js=component_js("live.mjs"))


def live_camera(look: Look, *, alt: str) -> Seen | None:
    """Show the camera painted in a look; returns a picture once, after the visitor took it.

    Args:
        look: How to paint; its strokes are those of the network at the size that the device manages.
        alt: Alternative text.
    """
    data = style_data(look) | {"name": look.name, "alt": alt}
    return seen(_live(data=data, on_picture_change=lambda: None, key="live").picture)
