"""A job of a `JobQueue` of this process."""

from __future__ import annotations

import logging
import math
import secrets
import threading
import time
from typing import TYPE_CHECKING, Generic

from stylecore.errors import StoppedError, StyleTransferError
from stylecore.host.device_turns import may_pause
from stylecore.host.jobs import FINAL_STATES, About, JobState, Progress, Result, Work
from stylecore.host.memory import return_freed_memory

if TYPE_CHECKING:
    from stylecore.host.job_queue import JobQueue

logger = logging.getLogger(__name__)


class LocalJob(Generic[About, Progress, Result]):
    """A job of this process; it is both the `Job` that is watched and the `RunningJob` of its work."""

    def __init__(
        self,
        queue: JobQueue,
        work: Work,
        about: About,
        *,
        expected_s: float,
        expected_bytes: int,
    ) -> None:
        self.token = secrets.token_hex(16)
        self.about = about
        self.owner = ""
        self.state = JobState.WAITING
        self.progress: Progress | None = None
        self.result: Result | None = None
        self.error: Exception | None = None
        self.is_abandoned = self.is_overdue = self.is_away = False
        self.expected_s = expected_s
        self.expected_bytes = expected_bytes
        self._queue = queue
        self._work: Work | None = work
        self._cancel = threading.Event()
        self._finished = threading.Event()
        self._last_seen = time.monotonic()
        self._began = math.inf
        self.paused_s = 0.0
        self.held_bytes = 0  # while it waits
        self.size = 0  # bytes of memory, once it has ended

    @property
    def place(self) -> int:
        return self._queue._place(self)

    @property
    def is_finished(self) -> bool:
        return self.state in FINAL_STATES

    @property
    def is_stopping(self) -> bool:
        return self._cancel.is_set()

    @property
    def unseen_s(self) -> float:
        """Seconds since somebody last watched."""
        return time.monotonic() - self._last_seen

    @property
    def ran_s(self) -> float:
        """Seconds since it began, without pauses; 0 before."""
        return max(0.0, time.monotonic() - self._began - self.paused_s)

    def touch(self) -> None:
        self._last_seen = time.monotonic()

    def cancel(self) -> None:
        self._cancel.set()

    def wait(self, timeout_s: float | None = None) -> bool:
        return self._finished.wait(timeout_s)

    def report(self, progress: Progress) -> None:
        self.progress = progress

    def should_stop(self) -> bool:
        return self._cancel.is_set()

    def yield_turn(self, share_left: float, *, free_bytes: float = math.inf) -> None:
        if not self.should_stop():
            self._queue._run_shorter(self, share_left, free_bytes)

    def _may_pause_for(self, other: LocalJob, share_left: float, free_bytes: float) -> bool:
        return other.expected_bytes <= free_bytes and may_pause(
            other_s=other.expected_s, own_s=self.expected_s, share_left=share_left, paused_s=self.paused_s
        )

    def _run(self) -> None:
        work, self._work = self._work, None  # it holds pictures
        if self.should_stop():
            self._end(JobState.CANCELLED)
            return
        self.state, self._began = JobState.RUNNING, time.monotonic()
        state = JobState.FAILED
        try:
            self.result = work(self)
            state = JobState.CANCELLED if self.should_stop() else JobState.DONE
        except StoppedError:  # before there was anything to keep
            state = JobState.CANCELLED
        except Exception as error:
            if not isinstance(error, StyleTransferError):
                logger.exception("a job failed")
            error.__cause__ = error.__context__ = None  # their frames and its own hold pictures
            self.error = error.with_traceback(None)
        finally:  # whatever ends the thread, nobody waits for this job for ever
            if state is JobState.FAILED and self.error is None:
                self.error = StyleTransferError("its thread ended in the middle")
            del work
            return_freed_memory()  # before the end is visible and the next job starts
            self._end(state)

    def _end(self, state: JobState) -> None:
        self._work = None
        self.size = self._queue.size_of(self)
        self.state = state
        self._finished.set()
