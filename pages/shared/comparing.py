"""A before/after slider that has the size of the picture before the picture is loaded."""

from __future__ import annotations

import base64
import io

import streamlit as st
from PIL import Image

HTML = """
<div class="mat"><div class="compare">
  <img class="after"><img class="before">
  <span class="tag left"></span><span class="tag right"></span>
  <div class="line"><div class="knob" aria-hidden="true">&#8596;</div></div>
  <input type="range" min="0" max="100" step="1">
</div></div>
"""

CSS = """
.mat { background: var(--st-background-color); }
.compare { --at: 50%; position: relative; container-type: inline-size; width: 100%; margin: 0 auto;
           overflow: hidden; border-radius: 0.5rem;
           background: var(--st-secondary-background-color); touch-action: pan-y; }
.compare img { position: absolute; inset: 0; width: 100%; height: 100%; display: block; }
.after { background: repeating-conic-gradient(#b8b8b8 0 25%, #f2f2f2 0 50%) 0 0 / 20px 20px; }
.before { clip-path: inset(0 calc(100% - var(--at)) 0 0); }
.line { position: absolute; top: 0; bottom: 0; left: var(--at); width: 2px; margin-left: -1px;
        background: white; box-shadow: 0 0 4px rgb(0 0 0 / 60%); pointer-events: none; }
.knob { position: absolute; top: 50%; left: 50%; width: 40px; height: 40px; margin: -20px;
        border-radius: 50%; background: white; color: #222; font: 20px/40px sans-serif;
        text-align: center; box-shadow: 0 1px 6px rgb(0 0 0 / 50%); }
.tag { position: absolute; bottom: 8px; padding: 2px 8px; border-radius: 4px; color: white;
       background: rgb(0 0 0 / 60%); font: 13px/1.4 var(--st-font, sans-serif); pointer-events: none; }
.left { left: 8px; } .right { right: 8px; }
@container (max-width: 170px) { .left { bottom: auto; top: 8px; } }
@container (max-width: 90px) { .tag { display: none; } .knob { transform: scale(0.6); } }
.compare input { position: absolute; inset: 0; width: 100%; height: 100%; margin: 0; opacity: 0;
                 cursor: ew-resize; touch-action: pan-y; }
.compare:has(input:focus-visible) .knob { outline: 3px solid var(--st-primary-color); outline-offset: 2px; }
"""

JS = """
export default function ({ data, parentElement }) {
  const root = parentElement.querySelector('.compare');
  const [after, before] = root.querySelectorAll('img');
  const range = root.querySelector('input');
  root.style.aspectRatio = `${data.width} / ${data.height}`;
  // Not taller than the window, or than `--compare-height` of the page.
  root.style.maxWidth = `calc(var(--compare-height, 85vh) * ${data.width / data.height})`;
  before.src = data.before;  before.alt = data.beforeAlt;
  after.src = data.after;  after.alt = data.afterAlt;
  root.querySelector('.left').textContent = data.beforeTag;
  root.querySelector('.right').textContent = data.afterTag;
  range.setAttribute('aria-label', `Slide between ${data.beforeTag} and ${data.afterTag}`);
  if (data.isSought) root.scrollIntoView({ behavior: 'smooth', block: 'center' });
  range.oninput = () => root.style.setProperty('--at', `${range.value}%`);
}
"""

_slider = st.components.v2.component("before_after", html=HTML, css=CSS, js=JS)


def compare(
    before: bytes,
    after: bytes,
    *,
    before_alt: str,
    after_alt: str,
    before_tag: str = "Photo",
    after_tag: str = "Painting",
    is_sought: bool = False,
    key: str,
) -> None:
    """Show two encoded pictures of the same proportions on both sides of a line that can be moved.

    Args:
        before: JPEG, PNG or WebP of screen size, shown on the left.
        after: The same, shown on the right.
        before_alt: Alternative text of the left picture.
        after_alt: Alternative text of the right picture.
        before_tag: Label on the left picture.
        after_tag: Label on the right picture.
        is_sought: Whether the page scrolls to the slider.
        key: Key of the widget.
    """
    with Image.open(io.BytesIO(after)) as image:
        width, height = image.size
    _slider(
        data={
            "before": data_url(before),
            "after": data_url(after),
            "beforeAlt": before_alt,
            "afterAlt": after_alt,
            "beforeTag": before_tag,
            "afterTag": after_tag,
            "width": width,
            "height": height,
            "isSought": is_sought,
        },
        key=key,
    )


def data_url(picture: bytes) -> str:
    """Address with the contents of an encoded picture."""
    with Image.open(io.BytesIO(picture)) as image:
        mime = Image.MIME[image.format]
    return f"data:{mime};base64,{base64.b64encode(picture).decode()}"
