"""What visitors can come back to: the last jobs of all of them, found again by the page's address."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from typing import Generic, Protocol, TypeVar

import streamlit as st

from pages.shared import address
from pages.shared.entrance import keep_watching
from stylecore.jobs import Job


class HasJob(Protocol):
    job: Job


Run = TypeVar("Run", bound=HasJob)


class Kept(Generic[Run]):
    """Runs by token, in memory only; the oldest finished ones make room.

    Args:
        limit: Finished runs that are kept, and as many of those that left nothing: they hold no memory,
            and must not push out what somebody may still want.
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
            finished = [
                (token, kept.job.result) for token, kept in self._runs.items() if kept.job.is_finished
            ]
            for is_empty in (False, True):
                alike = [token for token, result in finished if (result is None) == is_empty]
                for old in alike[: max(0, len(alike) - self.limit)]:
                    del self._runs[old]
        return token

    def find(self, token: str | None) -> Run | None:
        """The run of a token, or None when it is gone or there is no token."""
        with self._lock:
            return self._runs.get(token) if token else None


def come_back(kept: Kept[Run], name: str) -> Run | None:
    """The visitor's run, found by the session after a change of page, by the address after a reload.

    Args:
        kept: Where it is kept.
        name: Of its token in the session and the address.
    """
    state = st.session_state
    token = state.get(name) or next(iter(address.asked_for(name)), None)
    run = kept.find(token)
    if run is None:
        state.pop(name, None)
        if token:
            st.info("What was painted here is gone: paintings are kept for a while only. Start again.")
        return None
    state[name] = token
    address.put(name, token)
    if not run.job.is_finished:
        keep_watching(run.job)
    return run


def offer_to_stop(job: Job, label: str, stopping: str, *, key: str) -> None:
    """A button that cancels a job; once pressed, its label is `stopping`."""
    is_stopping = job.should_stop()
    st.button(
        stopping if is_stopping else label,
        key=key,
        icon=":material/stop:",
        on_click=job.cancel,
        disabled=is_stopping,
    )
