"""Workarounds for faults of Streamlit and of what it is built on.

Each states the version it was seen in and the reason. `tests/test_streamlit_workarounds.py` shows every
fault without its workaround: a test there that fails says which workaround can go.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.formparsers import MultiPartParser
from starlette.responses import HTMLResponse
from starlette.routing import Route
from streamlit import cli_util, file_util
from streamlit.delta_generator import DeltaGenerator
from streamlit.navigation.page import StreamlitPage
from streamlit.runtime.pages_manager import PagesManager
from streamlit.web.server import server_util

# --- The server, before it starts ---


def keep_uploads_in_memory() -> None:
    """Starlette 1.10, streamlit 1.67: an upload above 1 MB goes through a temporary file; photos must not."""
    MultiPartParser.spool_max_size = st.get_option("server.maxUploadSize") * 2**20


def ignore_pages_folder() -> None:
    """Streamlit 1.67: until `st.navigation` has run once, a page opened by its address is run without it."""
    PagesManager.uses_pages_directory = False


def page_routes(pages: Iterable[str]) -> list[Route]:
    """Streamlit 1.67: a page opened by its address first looks for the server below that address.

    The console shows two requests answered with 404. These routes serve the same HTML with the server's
    address in it.

    Args:
        pages: Their addresses, without slashes.
    """
    html = (Path(file_util.get_static_dir()) / "index.html").read_text(encoding="utf-8")
    base = '<script>window.__streamlit = { BACKEND_BASE_URL: new URL("./", location.href).href }</script>'
    html = html.replace("<head>", f"<head>{base}", 1)
    prefix = st.get_option("server.baseUrlPath").strip("/")

    def serve(_: object) -> HTMLResponse:
        return HTMLResponse(html, headers={"Cache-Control": "no-cache"})

    return [Route(f"/{prefix}/{page}".replace("//", "/"), serve) for page in pages]


@asynccontextmanager
async def open_browser(_: st.App) -> AsyncIterator[None]:
    """Streamlit 1.67: opens the browser when it starts a script, but not when it starts an `st.App`."""
    if not st.get_option("server.headless"):
        address = st.get_option("server.address") or st.get_option("browser.serverAddress")
        url = server_util.get_url(server_util.get_display_address(address))
        asyncio.get_running_loop().call_later(0.5, cli_util.open_browser, url)
    yield


# --- The page ---

# Streamlit 1.67: a page icon that is no file makes browsers fetch a font or a picture from another host.
PAGE_ICON = Path(__file__).parent / "tiles" / "starry_night.jpg"

# Streamlit 1.67: what is chosen is small text in the primary color, of too little contrast.
READABLE_CHOICE_CSS = """
button[data-selected=true], button[data-selected=true] *, [data-testid=stSliderThumbValue] {
  color: inherit !important; font-weight: 600; }"""

# Streamlit 1.67: a link to a page does not show that the keyboard has reached it.
VISIBLE_FOCUS_CSS = """
[data-testid=stPageLink] a:focus-visible { outline: 2px solid; outline-offset: -2px; }"""

# Streamlit 1.67: why a file is refused is there for screen readers alone.
VISIBLE_REFUSAL_CSS = """
[data-testid=stFileChip]:has([role=alert]) { height: auto; max-width: 100%; flex-wrap: wrap; }
[data-testid=stFileChip] [role=alert] { position: static; clip: auto; width: 100%; height: auto; margin: 0;
                                        white-space: normal; font-size: 0.8rem; }"""

# Streamlit 1.67: writing the page's address adds an entry to the browser's history each time.
ONE_ENTRY_JS = """
export default function () {
  const history = window.history;
  if (history.hasOneEntryForEachPage) return;
  history.hasOneEntryForEachPage = true;
  const push = history.pushState.bind(history);
  history.pushState = (state, unused, url) => {
    const isSamePage = new URL(url, window.location.href).pathname === window.location.pathname;
    return isSamePage ? history.replaceState(state, unused, url) : push(state, unused, url);
  };
}
"""
_one_entry = st.components.v2.component("one_entry", js=ONE_ENTRY_JS)


def mend_page() -> None:
    """Apply what every page needs."""
    st.html(f"<style>{READABLE_CHOICE_CSS}{VISIBLE_FOCUS_CSS}{VISIBLE_REFUSAL_CSS}</style>")


def keep_one_history_entry() -> None:
    """Have the browser's history hold one entry for each page, whatever is written into its address."""
    _one_entry(key="one_entry")


def hidden_place(key: str) -> DeltaGenerator:
    """Streamlit 1.67: an element that comes or goes has all that follow it drawn anew, and the page jumps.

    A container that is always there, and not seen, keeps their places.
    """
    st.html(f"<style>:has(> .st-key-{key}) {{ display: none; }}</style>")
    return st.container(key=key)


def link_pages(pages: Iterable[StreamlitPage]) -> None:
    """Streamlit 1.67: its own menu is hidden behind a button on phones; these links are always in sight."""
    with st.container(horizontal=True, gap="xsmall"):
        for page in pages:
            st.page_link(page, width="content")


# --- Elements ---


def picture_is_button(tiles: str, chosen: str) -> str:
    """Streamlit 1.67: a picture cannot be pressed, and a button that turns primary loses its focus.

    CSS for pictures that have a button below: a tap on the picture presses it.

    Args:
        tiles: Selector of what holds the pairs of a picture and a button.
        chosen: Key of the button that is marked.
    """
    color = st.get_option("theme.light.primaryColor")
    return f"""
{tiles} .stVerticalBlock {{ position: relative; }}
{tiles} :is(:has(> .stButton), .stButton, .stButton button) {{ position: static; }}
{tiles} .stButton button::after {{ content: ""; position: absolute; inset: 0; }}
{tiles} .stElementToolbar {{ display: none; }}
.st-key-{chosen} button:is(:hover, :focus, *) {{
  background: {color}; border-color: {color}; color: white; }}"""


def flush_row(key: str) -> str:
    """Streamlit 1.67: a row that scrolls keeps room above itself for its pictures' toolbar, shown or not.

    Args:
        key: Of the row.
    """
    return f".st-key-{key} {{ padding-top: 0 !important; }}"


def drop_unknown_options(key: str, options: Sequence[Any]) -> None:
    """Streamlit 1.67: a browser that does not know a widget's new options yet sends text of others.

    Args:
        key: Of a widget that takes several.
        options: That it is about to have.
    """
    chosen = st.session_state.get(key, [])
    if any(value not in options for value in chosen):
        st.session_state[key] = [value for value in chosen if value in options]


def line_chart(values: Sequence[float], *, x_label: str, y_label: str, height: int) -> None:
    """Streamlit 1.67: `st.line_chart` draws itself without its data first; Vega warns in the console.

    The axes' extents are given here, which leaves nothing to warn of.

    Args:
        values: Of the steps 1, 2, ...; at least one.
        x_label: Below the chart.
        y_label: Next to it.
        height: In pixels.
    """
    x_axis = {"title": x_label, "grid": False, "tickMinStep": 1}
    encoding = {
        "x": {"field": "step", "axis": x_axis, "scale": {"domain": [1, max(2, len(values))]}},
        "y": {
            "field": "value",
            "axis": {"title": y_label},
            "scale": {"domain": [0, max(values) or 1], "nice": True},
        },
    }
    for channel in encoding.values():
        channel["type"] = "quantitative"
    data = {"step": list(range(1, len(values) + 1)), "value": list(values)}
    st.vega_lite_chart(data, {"mark": "line", "encoding": encoding, "height": height}, width="stretch")
