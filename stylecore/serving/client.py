"""Client of a painting server, with Python's own HTTP alone."""

from __future__ import annotations

import http.client
import json
import math
import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from types import MappingProxyType
from urllib.parse import urlsplit

from PIL import Image

from stylecore.errors import ImageError, ServerError, StyleTransferError
from stylecore.host.jobs import UnknownJobError
from stylecore.serving.painting_request import MEDIA_TYPES, FileFormat, Painted, PaintSettings
from stylecore.serving.raw_pictures import read_raw, write_raw
from stylecore.styles.blends import format_blend
from stylecore.styles.catalog import ready_made_styles
from stylecore.styles.files import encode_style_file
from stylecore.styles.style import Style

SERVER_VARIABLE = "IMPASTO_SERVER"  # environment variable with the address of the server
TOKEN_VARIABLE = "IMPASTO_TOKEN"  # environment variable with its token
CONNECT_S = 3.0  # seconds until a server that does not answer counts as away
ANSWER_S = 150.0  # seconds until one that answers no more does; above the server's own limit
REST_S = 20.0  # seconds for which a server that was away is not asked again

# Values by name; and of each file the name of the field, the file name and the contents.
Form = tuple[Mapping[str, str], Sequence[tuple[str, str, bytes]]]


class PaintingServer:
    """A painting server, which paints as `FastStylizer` does. Safe to call from several threads.

    Args:
        url: Its address, such as `http://127.0.0.1:8600`.
        token: What it asks for, if it does.
    Raises:
        ValueError: Not the address of a server.
    """

    def __init__(self, url: str, token: str = "") -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is no address of a server: http://HOST:PORT is needed")
        self._connection = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        self._host, self._port, self._path = parts.hostname, parts.port, parts.path.rstrip("/")
        self._token = token
        self._lock = threading.Lock()
        self._rests_until = -math.inf

    @property
    def is_away(self) -> bool:
        """Whether the server did not answer a moment ago; it is not asked then."""
        with self._lock:
            return time.monotonic() < self._rests_until

    def paint(
        self,
        photo: bytes,
        styles: Mapping[Style, float],
        settings: PaintSettings = PaintSettings(),
        file_format: FileFormat = "jpeg",
    ) -> Painted:
        """Paint an encoded photo.

        Args:
            photo: The encoded photo, or its pixels, see `raw_pictures`.
            styles: Styles with weights; those that the project does not ship travel with the request.
            settings: See `FastStylizer.stylize`.
            file_format: Of the painting.
        Raises:
            StyleTransferError: The photo, a style or a setting cannot be used.
            ServerError: The server is away or busy, refuses the token, or answers in another form.
        """
        named, files = {}, [("photo", "photo", photo)]
        ready_made = {style.name: style for style in ready_made_styles()}
        for place, (style, weight) in enumerate(styles.items()):
            if ready_made.get(style.name) == style:
                named[style.name] = weight
            else:
                named[f"{place}.impasto"] = weight
                files.append(("style_file", f"{place}.impasto", encode_style_file(style)))
        fields = {"style": format_blend(named), "file_format": file_format}
        fields |= {name: str(value) for name, value in asdict(settings).items() if value is not None}
        response, body = self.ask("/v1/paint", form=(fields, files))
        if (kind := response.getheader("Content-Type", "")) != MEDIA_TYPES[file_format]:
            raise ServerError(f"the painting server answers with {kind or 'no type'} instead of a picture")
        duration = response.getheader("Server-Timing", "").partition("dur=")[2]
        return Painted(
            body,
            float(duration or 0) / 1000,
            response.getheader("Impasto-Device", ""),
            response.getheader("Impasto-Device-Note", ""),
            response.getheader("Impasto-Notice", ""),
        )

    def stylize(
        self, image: Image.Image, styles: Mapping[Style, float], settings: PaintSettings = PaintSettings()
    ) -> tuple[Image.Image, Painted]:
        """Paint a picture without loss; also returns how it was made. Raises as `paint` does."""
        painted = self.paint(write_raw(image), styles, settings, "npy")
        try:
            picture = read_raw(painted.picture)
        except ImageError as error:
            raise ServerError(f"the painting server answered with no picture: {error}") from error
        picture.info = image.info.copy()
        return picture, painted

    def ask(
        self,
        path: str,
        *,
        form: Form | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
        timeout_s: float = ANSWER_S,
    ) -> tuple[http.client.HTTPResponse, bytes]:
        """Send a request; returns the answer and its body.

        Args:
            path: Path and query.
            form: Fields and files to send.
            body: What to send instead of a form; without either, the request is a GET.
            headers: Of the request.
            timeout_s: Seconds until a server that answers no more counts as away.
        Raises:
            StyleTransferError: The server finds fault with the request.
            UnknownJobError: There is nothing at this path.
            ServerError: It is away or busy, or refuses the token.
        """
        if self.is_away:
            raise ServerError("the painting server was away a moment ago")
        sent = dict(headers)
        if form is not None:
            sent["Content-Type"], body = _multipart(*form)
        if self._token:
            sent["Authorization"] = f"Bearer {self._token}"
        connection = self._connection(self._host, self._port, timeout=CONNECT_S)
        try:
            connection.connect()
            connection.sock.settimeout(timeout_s)
            connection.request("GET" if body is None else "POST", self._path + path, body, sent)
            response = connection.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException) as error:
            with self._lock:
                self._rests_until = time.monotonic() + REST_S
            raise ServerError(f"the painting server is away: {error or type(error).__name__}") from error
        finally:
            connection.close()
        if not 200 <= response.status < 300:
            _raise_refusal(response.status, answer)
        return response, answer


def _raise_refusal(status: int, answer: bytes) -> None:
    """Raise the error that a server's answer stands for."""
    try:
        message = str(json.loads(answer)["error"])
    except (ValueError, KeyError, TypeError):
        message = "its answer gives no reason"
    if status == 400:
        raise StyleTransferError(message)
    if status == 404:
        raise UnknownJobError(message)
    error = ServerError(f"the painting server answers with status {status}: {message}")
    error.status = status
    raise error


def _multipart(fields: Mapping[str, str], files: Sequence[tuple[str, str, bytes]]) -> tuple[str, bytes]:
    """Content type and body of a form, RFC 7578; see `Form`."""
    boundary = secrets.token_hex(16)
    parts = [(f'name="{name}"', value.encode()) for name, value in fields.items()]
    parts += [(f'name="{name}"; filename="{_escaped(file_name)}"', data) for name, file_name, data in files]
    body = bytearray()
    for disposition, data in parts:
        body += f"--{boundary}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n".encode()
        body += data + b"\r\n"
    body += f"--{boundary}--\r\n".encode()
    return f"multipart/form-data; boundary={boundary}", bytes(body)


def _escaped(name: str) -> str:
    """A file name as a form holds it. Source: HTML standard, 4.10.21.8, multipart form data."""
    return name.replace("\n", "%0A").replace("\r", "%0D").replace('"', "%22")
