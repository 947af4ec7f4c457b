"""Workarounds for faults of Streamlit and of Starlette.

Each states the version in which the fault was seen, and the reason.
`tests/pages/test_streamlit_workarounds.py` shows every fault without its workaround: if a test there fails,
its workaround can be removed.
"""

from __future__ import annotations

import asyncio
import base64
import gc
import logging
import sys
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.formparsers import MultiPartParser
from starlette.responses import HTMLResponse
from starlette.routing import Route
from streamlit import cli_util, file_util, runtime
from streamlit.delta_generator import DeltaGenerator
from streamlit.navigation.page import StreamlitPage
from streamlit.runtime import media_file_manager, memory_media_file_storage
from streamlit.runtime.media_file_manager import MediaFileMetadata
from streamlit.runtime.media_file_storage import MediaFileKind
from streamlit.runtime.pages_manager import PagesManager
from streamlit.web.server import server_util
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from stylecore.host.memory import return_freed_memory

SWEEP_S = 2.0  # from one look at the ended sessions to the next
FETCHED_S = 30.0  # for a browser to ask for a file that was made for it
ANSWER_S = 20.0  # for the answer to a ping of the websocket, which waits behind pictures on slow lines
logger = logging.getLogger(__name__)

# --- The server, before it starts ---


def keep_uploads_in_memory() -> None:
    """Starlette 1.10: an upload above 1 MB is written to a temporary file; photos must stay in memory."""
    MultiPartParser.spool_max_size = st.get_option("server.maxUploadSize") * 2**20


def tell_files_apart() -> None:
    """Streamlit 1.67: of files above 1 MB three parts are compared; a visitor could get another's file."""
    memory_media_file_storage._PARTIAL_HASH_THRESHOLD = sys.maxsize


def keep_files_until_fetched() -> None:
    """Streamlit 1.67: a file made at a click is deleted after two script runs, of any visitors.

    Among twenty visitors that comes before the browser has asked for it, and the download fails with 404.
    """

    class Metadata(MediaFileMetadata):
        def __init__(self, kind: MediaFileKind = MediaFileKind.MEDIA) -> None:
            super().__init__(kind)
            self.until = time.monotonic() + FETCHED_S

        def mark_for_delete(self) -> None:
            if time.monotonic() > self.until:
                super().mark_for_delete()

    media_file_manager.MediaFileMetadata = Metadata


def cut_off_lost_visitors() -> None:
    """Streamlit 1.67: the answer to a ping has as long as pings are apart: too little on slow lines.

    uvicorn 0.54: a visitor without an answer stays until all that was being sent has arrived, which is never
    if the network was lost in the middle of a picture.
    """
    start, give_up = WebSocketsSansIOProtocol.start_keepalive, WebSocketsSansIOProtocol.keepalive_timeout

    def start_keepalive(self: WebSocketsSansIOProtocol) -> None:
        self.ping_timeout = ANSWER_S
        start(self)

    def keepalive_timeout(self: WebSocketsSansIOProtocol) -> None:
        give_up(self)
        self.transport.abort()

    WebSocketsSansIOProtocol.start_keepalive = start_keepalive
    WebSocketsSansIOProtocol.keepalive_timeout = keepalive_timeout


def ignore_pages_folder() -> None:
    """Streamlit 1.67: a page opened by its address runs without navigation until the app has run once."""
    PagesManager.uses_pages_directory = False


def page_routes(pages: Iterable[str]) -> list[Route]:
    """Streamlit 1.67: a page opened by its address first looks for the server below that address.

    The console shows two requests answered with 404. These routes serve the same HTML with the server's
    address in it.

    Args:
        pages: Addresses of the pages, without slashes.
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
    """Streamlit 1.67: the browser is opened for a script, but not for an `st.App`."""
    if not st.get_option("server.headless"):
        address = st.get_option("server.address") or st.get_option("browser.serverAddress")
        url = server_util.get_url(server_util.get_display_address(address))
        asyncio.get_running_loop().call_later(0.5, cli_util.open_browser, url)
    yield


async def free_ended_sessions() -> None:
    """Streamlit 1.67: an ended session stays in memory after its time, until another one ends."""
    sessions = runtime.get_instance()._session_mgr._session_storage._cache
    while True:
        await asyncio.sleep(SWEEP_S)
        before = dict(sessions._data)
        sessions.expire()
        ended = [info.session for token, info in before.items() if token not in sessions._data]
        del before
        if ended:
            while ended:
                try:
                    ended.pop().shutdown()
                except Exception:  # of one session; the next ones are to be freed as well
                    logger.exception("an ended session could not be shut down")
            await asyncio.to_thread(gc.collect)  # a session is part of cycles
            return_freed_memory()


# --- The page ---

# Streamlit 1.67: with a page icon that is not a file, browsers fetch a font or a picture from another host.
PAGE_ICON = Path(__file__).parent / "tiles" / "starry_night.jpg"

# Streamlit 1.67: chosen values are small text in the primary color, with too little contrast.
READABLE_CHOICE_CSS = """
button[data-selected=true], button[data-selected=true] *, [data-testid=stSliderThumbValue] {
  color: inherit !important; font-weight: 600; }"""

# Streamlit 1.67: a link to a page has no outline when it has the keyboard's focus.
VISIBLE_FOCUS_CSS = """
[data-testid=stPageLink] a:focus-visible { outline: 2px solid; outline-offset: -2px; }"""

# Streamlit 1.67: the reason why a file is refused is visible to screen readers only.
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
    """Add the CSS that every page needs."""
    st.html(f"<style>{READABLE_CHOICE_CSS}{VISIBLE_FOCUS_CSS}{VISIBLE_REFUSAL_CSS}</style>")


def keep_one_history_entry() -> None:
    """Keep one entry for each page in the browser's history, however often its address is rewritten."""
    _one_entry(key="one_entry")


def hidden_place(key: str) -> DeltaGenerator:
    """Streamlit 1.67: after an element is added or removed, all that follow are drawn again; the page jumps.

    Elements in this hidden container, which is always there, do not move the others.
    """
    st.html(f"<style>:has(> .st-key-{key}) {{ display: none; }}</style>")
    return st.container(key=key)


def link_pages(groups: Mapping[str, Sequence[StreamlitPage]], current: StreamlitPage) -> None:
    """Streamlit 1.67: on phones its own menu is hidden under a button; these links are always visible.

    A second row has the pages of the current group, if there are several.

    Args:
        groups: Pages of the app by the label of their group.
        current: The page that is shown.
    """
    with st.container(horizontal=True, gap="xsmall", key="page_groups"):
        for label, pages in groups.items():
            st.page_link(
                current if current in pages else pages[0], label=label, icon=pages[0].icon, width="content"
            )
    pages = next(pages for pages in groups.values() if current in pages)
    if len(pages) > 1:
        with st.container(horizontal=True, gap="xsmall", key="page_group"):
            for page in pages:
                st.page_link(page, width="content")


# --- Elements ---


def picture_is_button(tiles: str, chosen: str) -> str:
    """Streamlit 1.67: a picture is no button, and a button that becomes primary loses the focus.

    Returns CSS with which a tap on a picture presses the button below it.

    Args:
        tiles: Selector of the container of the pictures and buttons.
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
    """Streamlit 1.67: a row that scrolls has space above for its pictures' toolbar, even if there is none.

    Args:
        key: Key of the row.
    """
    return f".st-key-{key} {{ padding-top: 0 !important; }}"


def show_animation(data: bytes, mime: str, *, alt: str) -> None:
    """Streamlit 1.67: of an animated WebP, and of a GIF wider than the page, only the first frame is shown.

    Args:
        data: The encoded animation, which becomes part of the page.
        mime: Its MIME type.
        alt: Alternative text.
    """
    st.image(f"data:{mime};base64,{base64.b64encode(data).decode()}", width="stretch", alt=alt)


def drop_unknown_options(key: str, options: Sequence[Any]) -> None:
    """Streamlit 1.67: a browser may send options that a widget no longer has, which raises an error.

    Args:
        key: Key of a widget that takes several options.
        options: The options that it will have.
    """
    chosen = st.session_state.get(key, [])
    if any(value not in options for value in chosen):
        st.session_state[key] = [value for value in chosen if value in options]


def line_chart(values: Sequence[float], *, x_label: str, y_label: str, height: int) -> None:
    """Streamlit 1.67: `st.line_chart` is first drawn without data, and Vega warns in the console.

    With the extents of the axes given, Vega does not warn.

    Args:
        values: Values at the steps 1, 2, ...; at least one.
        x_label: Title of the x axis.
        y_label: Title of the y axis.
        height: Height in pixels.
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
