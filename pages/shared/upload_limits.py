"""Limits of the memory that uploads take: of one visit, of all visits, and of the host."""

from __future__ import annotations

import asyncio
import re
from collections import Counter, OrderedDict

import streamlit as st
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages.shared.limits import limits
from stylecore.host.memory import free_memory

MEGABYTE = 10**6
# Of free memory, left to what is being painted. A file is held two to three times while it comes in.
RESERVED_BYTES = 300 * MEGABYTE
COPIES = 3
STALLED_S = 30.0  # after which an upload of which nothing arrives is given up
MOST_REFUSALS = 1000  # sessions whose refusal is kept until their page shows it
UPLOAD_PATH = re.compile(r"/_stcore/upload_file/([^/]+)/[^/]+$")

_refusals: OrderedDict[str, str] = OrderedDict()  # by session


def show_refusal() -> None:
    """Show why the visitor's last upload was refused, once."""
    reason = _refusals.pop(get_script_run_ctx().session_id, "")
    if reason:
        st.warning(f"Your last upload was not taken: {reason}.", icon=":material/hourglass:")


class StalledError(Exception):
    """Nothing of an upload has arrived for `STALLED_S`: the network was lost, and its end will not come."""


class UploadLimits:
    """ASGI middleware that takes no upload beyond the limits; `show_refusal` then shows the reason.

    The browser is told that all is well, for Streamlit would show a refused upload as the number of an HTTP
    status.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._arriving: Counter[str] = Counter()  # bytes by session

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_put = scope["type"] == "http" and scope["method"] == "PUT"
        found = UPLOAD_PATH.search(scope["path"]) if is_put else None
        if found is None or not runtime.get_instance().is_active_session(found[1]):
            await self._app(scope, receive, send)
            return
        session, size = found[1], _length(scope)
        if reason := self._reason(session, size):
            _refusals[session] = reason
            if len(_refusals) > MOST_REFUSALS:
                _refusals.popitem(last=False)
            await _discard(receive, send)
            return
        self._arriving[session] += size
        try:
            await self._app(scope, _arriving(receive), send)
        except StalledError:
            await _answer(send, 408)
        finally:
            self._arriving[session] -= size
            self._arriving += Counter()  # without those that are zero

    def _reason(self, session: str, size: int) -> str:
        """Why an upload is not taken; empty if it is."""
        held = _held() + self._arriving
        own, most = held[session] + size, limits().visit_megabytes * MEGABYTE
        if own > most:
            return (
                f"your pictures would have {own / MEGABYTE:.0f} MB together, and the most for one visit is "
                f"{most / MEGABYTE:.0f} MB. Reload this page to begin anew"
            )
        if held.total() + size > limits().upload_megabytes * MEGABYTE:
            return "the pictures of all visitors take all the room there is. Try again in a few minutes"
        if free_memory() < RESERVED_BYTES + COPIES * (self._arriving.total() + size):
            return "too little memory is free here at the moment. Try again in a few minutes"
        return ""


def _held() -> Counter[str]:
    """Bytes of the uploads that Streamlit holds, by session."""
    storage = runtime.get_instance().uploaded_file_mgr.file_storage
    return Counter(
        {session: sum(len(file.data) for file in [*files.values()]) for session, files in [*storage.items()]}
    )


def _length(scope: Scope) -> int:
    """Bytes of a request's body; the most that is accepted where it is not known."""
    given = dict(scope["headers"]).get(b"content-length", b"")
    return int(given) if given.isdigit() else st.get_option("server.maxUploadSize") * 2**20


async def _discard(receive: Receive, send: Send) -> None:
    """Read a request's body to its end, without keeping it, and answer."""
    message: Message = {"more_body": True}
    try:
        while message.get("more_body"):
            message = await _arriving(receive)()
    except StalledError:
        await _answer(send, 408)
        return
    await _answer(send, 204)


def _arriving(receive: Receive) -> Receive:
    """Receive a request's body; raises StalledError where it no longer arrives."""

    async def receive_in_time() -> Message:
        try:
            async with asyncio.timeout(STALLED_S):
                return await receive()
        except TimeoutError as error:
            raise StalledError from error

    return receive_in_time


async def _answer(send: Send, status: int) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"connection", b"close")]})
    await send({"type": "http.response.body"})
