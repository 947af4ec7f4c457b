"""HTTP headers that keep browsers from guessing types, and addresses and cookies from leaving the site."""

from __future__ import annotations

import re

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# The address of a page may hold the token of a painting, so it is not sent to other sites.
HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin"}
# Pictures and downloads that Streamlit serves: whatever is in them, nothing of it runs.
MEDIA_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
}
MEDIA_PATH = re.compile(r"/media/[^/]+$")


class ResponseHeaders:
    """ASGI middleware that adds the headers to every answer, and `Secure` to cookies behind a TLS proxy."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = dict(scope["headers"])
        is_https = scope["scheme"] == "https" or given.get(b"x-forwarded-proto", b"").lower() == b"https"
        added = HEADERS | (MEDIA_HEADERS if MEDIA_PATH.search(scope["path"]) else {})

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(added)
                if is_https:
                    message["headers"] = [_secured(*header) for header in message["headers"]]
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _secured(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    """A header; if it sets a cookie, one that is sent over TLS alone. Streamlit knows of its own TLS only."""
    is_open = name.lower() == b"set-cookie" and b"; secure" not in value.lower()
    return name, value + b"; Secure" if is_open else value
