"""Refuses requests that are too large, without holding them in memory."""

from __future__ import annotations

from fastapi.responses import JSONResponse
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class BodyLimit:
    """ASGI middleware that answers requests above `max_bytes` with status 413.

    A request that states its length is read and dropped, another is refused as soon as it has sent more.
    """

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app, self._max_bytes = app, max_bytes
        self._error = f"the request is too large: at most {max_bytes / 1e6:g} MB are accepted"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        stated = Headers(scope=scope).get("content-length", "")
        if stated.isdecimal() and int(stated) > self._max_bytes:
            # A client that still sends when the connection ends would not see the answer.
            while (await receive()).get("more_body"):
                pass
            refusal = JSONResponse({"error": self._error, "status": 413}, 413)
            await refusal(scope, receive, send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._max_bytes:
                raise HTTPException(413, self._error)
            return message

        await self._app(scope, counted, send)
