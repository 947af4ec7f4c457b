"""What runs next to the server from its start to its end."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import FrameType

import streamlit as st

from pages.shared.long_jobs import unfinished_jobs
from pages.shared.streamlit_workarounds import free_ended_sessions, open_browser
from stylecore.errors import StyleTransferError
from stylecore.host.extras import has_extra
from stylecore.host.gpu import missing_gpu

STOP_S = 6.0  # after a signal to stop; container hosts kill after ten
logger = logging.getLogger(__name__)


@asynccontextmanager
async def server_life(app: st.App) -> AsyncIterator[None]:
    """Open the browser, free ended sessions, and stop in time."""
    async with open_browser(app):
        freeing = asyncio.create_task(free_ended_sessions())
        threading.Thread(target=warm_up, name="warm-up", daemon=True).start()
        with stopping_in_time():
            try:
                yield
            finally:
                freeing.cancel()


def warm_up() -> None:
    """Load the engine and what it needs for the first picture, if there is a GPU.

    On other machines nothing is even imported for it, so that the first page is as fast.
    """
    if missing_gpu() or not has_extra("onnxruntime"):
        return
    from pages.shared.painting import stylizer
    from pages.shared.painting_server import painting_server

    if painting_server() is None:
        try:
            stylizer().warm_up()
        except StyleTransferError as error:  # the pages say so, too
            logger.warning("the engine cannot be warmed up: %s", error)


@contextmanager
def stopping_in_time() -> Iterator[None]:
    """After SIGTERM or Ctrl-C, end within `STOP_S` seconds even if paintings are still at work."""
    if threading.current_thread() is not threading.main_thread():  # only there signals can be handled
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def stop(number: int, frame: FrameType | None) -> None:
        logger.warning("stopping; %d long jobs are given up", len(unfinished_jobs()))
        last = threading.Timer(STOP_S, os._exit, (128 + number,))
        last.daemon = True
        last.start()
        if callable(before[number]):
            before[number](number, frame)

    for number in before:
        signal.signal(number, stop)
    yield
