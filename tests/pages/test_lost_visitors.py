"""Visitors whose network is lost, with short times: what they hold is freed soon."""

import asyncio
import contextlib
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from streamlit.runtime.caching.ttl_cache import TTLCache

from pages.shared import streamlit_workarounds as workarounds
from tests.browsing import ROOT, wait_for_server
from tests.load.session import Session
from tests.pages.test_isolation import uploaded_bytes

PING_S, ANSWER_S, KEPT_S = 2, 2, 1
LONG_S = 12  # far more than they make together
# A page that sends more than fits into the buffers of a connection, next to the app's own life of the server.
SCRIPT = """
import secrets, sys
import streamlit as st
sys.path.insert(0, {root!r})
from pages.shared import streamlit_workarounds as workarounds
from pages.shared.server_life import server_life
if __name__ != "__main__":
    workarounds.ANSWER_S = {answer_s}
    if {is_mended}:
        workarounds.cut_off_lost_visitors()
    app = st.App(__file__, lifespan=server_life)
else:
    st.file_uploader("File", key="file")
    for _ in range(10):
        st.text(secrets.token_hex(1_000_000))
"""


async def lose_network(url: str, *, patience_s: float) -> float:
    """Seconds until the server has freed what a visitor held who no longer answers."""
    with ThreadPoolExecutor(1) as threads:
        session = Session(url, threads)
        await session.open()
        await session.upload("file", "a.txt", b"dear diary")
        assert uploaded_bytes(url)
        running = asyncio.create_task(session.run(on_element=lambda element: session.stop_reading()))
        await asyncio.wait([running])  # the first of the page has come, the rest is on its way
        began = time.monotonic()
        while uploaded_bytes(url) and time.monotonic() - began < patience_s:
            await asyncio.sleep(0.2)
        seconds = time.monotonic() - began
        with contextlib.suppress(ConnectionError):
            await session.close()
        return seconds


@pytest.mark.slow
@pytest.mark.parametrize("is_mended", [False, True])
def test_a_visitor_whose_network_is_lost_in_the_middle_of_a_picture_is_noticed(
    tmp_path, monkeypatch, is_mended
):
    script = tmp_path / "app.py"
    script.write_text(SCRIPT.format(root=str(ROOT), answer_s=ANSWER_S, is_mended=is_mended))
    monkeypatch.setenv("STREAMLIT_SERVER_WEBSOCKET_PING_INTERVAL", str(PING_S))
    monkeypatch.setenv("STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL", str(KEPT_S))
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.headless", "true"]
    with wait_for_server(command, folder=tmp_path) as (url, _), ThreadPoolExecutor(1) as threads:
        lost = lose_network(url, patience_s=60 if is_mended else LONG_S)
        seconds = threads.submit(lambda: asyncio.run(lost)).result()
    if is_mended:
        assert ANSWER_S < seconds < 60
    else:
        assert seconds >= LONG_S


def test_a_session_that_cannot_be_shut_down_does_not_keep_the_others(monkeypatch, caplog):
    kept, ended = TTLCache(maxsize=8, ttl=0.01), []
    manager = SimpleNamespace(_session_storage=SimpleNamespace(_cache=kept))
    runtime = SimpleNamespace(_session_mgr=manager)
    monkeypatch.setattr(workarounds.runtime, "get_instance", lambda: runtime)
    monkeypatch.setattr(workarounds, "SWEEP_S", 0.02)

    def fail():
        raise RuntimeError("a cache of it is broken")

    async def sweep():
        sweeping = asyncio.create_task(workarounds.free_ended_sessions())
        kept["broken"] = SimpleNamespace(session=SimpleNamespace(shutdown=fail))
        while not caplog.records:
            await asyncio.sleep(0.02)
        kept["sound"] = SimpleNamespace(session=SimpleNamespace(shutdown=lambda: ended.append("sound")))
        while not ended and not sweeping.done():
            await asyncio.sleep(0.02)
        sweeping.cancel()

    with ThreadPoolExecutor(1) as threads:  # the browser tests leave an event loop in this one
        threads.submit(lambda: asyncio.run(asyncio.wait_for(sweep(), 20))).result()
    assert ended == ["sound"]
    assert "could not be shut down" in caplog.text
