"""Figures of a painting server for Prometheus."""

from __future__ import annotations

import time

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SECONDS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120)  # upper ends of the classes
MEASURED_PATHS = ("/v1/paint", "/v1/styles")


class Metrics:
    """Counts requests and their time.

    Attributes:
        media_type: Of `text`.
    """

    media_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            "impasto_requests", "Requests by path and status.", ("path", "status"), registry=registry
        )
        self._seconds = Histogram(
            "impasto_request_seconds",
            "Time from a request's first byte to its answer.",
            ("path",),
            buckets=SECONDS,
            registry=registry,
        )
        self.painting_seconds = Histogram(
            "impasto_painting_seconds",
            "Time in the engine, without waiting.",
            buckets=SECONDS,
            registry=registry,
        )
        self.in_progress = Gauge(
            "impasto_requests_in_progress", "Requests that wait or are painted.", registry=registry
        )
        self.replicas = Gauge("impasto_replicas", "Processes that can paint now.", registry=registry)

    def note(self, path: str, status: int, seconds: float) -> None:
        """Count a request; those to health, metrics and unknown paths are left out."""
        if path in MEASURED_PATHS:
            self._requests.labels(path, status).inc()
            self._seconds.labels(path).observe(seconds)

    def text(self) -> bytes:
        """All figures in the text format of Prometheus."""
        return generate_latest(self._registry)


class Measured:
    """ASGI middleware that counts requests in `Metrics`."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def noted(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            with self._metrics.in_progress.track_inprogress():
                await self._app(scope, receive, noted)
        finally:
            self._metrics.note(scope["path"], status, time.perf_counter() - started)
