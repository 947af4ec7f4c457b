"""What visitors can come back to: the last jobs of all of them, found again by the page's address."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from typing import Generic, Protocol, TypeVar

from stylecore.jobs import Job


class HasJob(Protocol):
    job: Job


Run = TypeVar("Run", bound=HasJob)


class Kept(Generic[Run]):
    """Runs by token, in memory only; the oldest finished ones make room.

    Args:
        limit: Finished runs that are kept.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._runs: OrderedDict[str, Run] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, run: Run) -> str:
        """Keep a run; returns the token that finds it."""
        token = secrets.token_hex(8)
        with self._lock:
            self._runs[token] = run
            finished = [token for token, kept in self._runs.items() if kept.job.is_finished]
            for old in finished[: max(0, len(finished) - self.limit)]:
                del self._runs[old]
        return token

    def find(self, token: str | None) -> Run | None:
        """The run of a token, or None when it is gone or there is no token."""
        with self._lock:
            return self._runs.get(token) if token else None
