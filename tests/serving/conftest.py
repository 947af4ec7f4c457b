import asyncio
import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import pytest

from stylecore.serving.config import ServingConfig
from stylecore.serving.job_board import JobBoard
from stylecore.serving.painting_request import Painted, PaintRequest


class LocalJobs:
    """The methods of a `JobBoard`, each in a thread."""

    def __init__(self, board: JobBoard) -> None:
        self._board = board

    def __getattr__(self, name: str) -> Callable:
        return partial(asyncio.to_thread, getattr(self._board, name))


@dataclass
class LocalService:
    """Paints in this process, or raises `failure`."""

    failure: Exception | None = None
    jobs: LocalJobs | None = None
    requests: list[PaintRequest] = field(default_factory=list)
    painter: object = None

    async def paint(self, request: PaintRequest) -> Painted:
        from stylecore.serving.painting import PhotoPainter

        self.requests.append(request)
        if self.failure is not None:
            raise self.failure
        self.painter = self.painter or PhotoPainter("cpu")
        return await asyncio.to_thread(self.painter.paint, request)

    async def run_network(self, model: str, feed: dict) -> object:
        from stylecore.serving.painting import PhotoPainter

        self.painter = self.painter or PhotoPainter("cpu")
        return await asyncio.to_thread(self.painter.run_network, model, feed)

    async def count_replicas(self) -> int:
        return 0 if self.failure else 1


@pytest.fixture
def service() -> LocalService:
    return LocalService()


@contextmanager
def serving(service: LocalService, **settings: object) -> Iterator[str]:
    """Address of a painting server without Ray."""
    import uvicorn

    from stylecore.serving.http_api import http_api

    api = http_api(service, ServingConfig(**settings))
    server = uvicorn.Server(uvicorn.Config(api, port=0, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
        host, port = server.servers[0].sockets[0].getsockname()
        yield f"http://{host}:{port}"
    finally:
        server.should_exit = True
        thread.join()


def ask(
    url: str, path: str, fields: dict | None = None, files: list | None = None, **headers: str
) -> tuple[int, dict, bytes]:
    """Status, headers and body of an answer; with fields or files, a form is sent."""
    from stylecore.serving.client import _multipart

    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=300)
    if fields is None and files is None:
        connection.request("GET", path, headers=headers)
    else:
        kind, body = _multipart(fields or {}, files or [])
        connection.request("POST", path, body, {"Content-Type": kind, **headers})
    answer = connection.getresponse()
    result = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    connection.close()
    return result


def error_of(answer: tuple[int, dict, bytes]) -> tuple[int, str]:
    """Status and message of an answer in JSON."""
    status, headers, body = answer
    assert headers["content-type"] == "application/json"
    error = json.loads(body)
    assert error["status"] == status
    return status, error["error"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
