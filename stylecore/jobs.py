"""Long work of several visitors on one device: a bounded queue, progress, cancel."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import Generic, TypeVar

from stylecore.errors import StyleTransferError
from stylecore.memory import return_freed_memory

Progress = TypeVar("Progress")
Result = TypeVar("Result")

logger = logging.getLogger(__name__)


class QueueFullError(StyleTransferError):
    """The queue takes no further job; the message says why."""


class JobState(Enum):
    """Where a job is in its life; the last three are final."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


FINAL_STATES = frozenset({JobState.DONE, JobState.CANCELLED, JobState.FAILED})


class Job(Generic[Progress, Result]):
    """One piece of work. All attributes may be read from any thread at any time.

    Attributes:
        state: Waiting, running, or how it ended.
        progress: What the work reported last, or None.
        result: What the work returned; a cancelled job has one, too, when the work returned it.
        error: Why it failed, or None.
        is_abandoned: Whether it was cancelled because nobody watched while others waited.
    """

    def __init__(self, work: Callable[[Job[Progress, Result]], Result]) -> None:
        self.state = JobState.WAITING
        self.progress: Progress | None = None
        self.result: Result | None = None
        self.error: Exception | None = None
        self.is_abandoned = False
        self._work: Callable[[Job[Progress, Result]], Result] | None = work
        self._cancel = threading.Event()
        self._finished = threading.Event()
        self._last_seen = time.monotonic()

    def report(self, progress: Progress) -> None:
        """For the work: publish the newest progress."""
        self.progress = progress

    def should_stop(self) -> bool:
        """For the work: whether to return as soon as it can with what it has."""
        return self._cancel.is_set()

    def cancel(self) -> None:
        """Ask the work to stop. A waiting job never starts."""
        self._cancel.set()

    def touch(self) -> None:
        """Say that somebody still watches; a job that nobody watches makes room when others wait."""
        self._last_seen = time.monotonic()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Block until the job has ended; False when the time ran out first."""
        return self._finished.wait(timeout_s)

    @property
    def is_finished(self) -> bool:
        return self.state in FINAL_STATES

    @property
    def unseen_s(self) -> float:
        """Seconds since somebody last watched."""
        return time.monotonic() - self._last_seen

    def _run(self) -> None:
        work, self._work = self._work, None  # the closure holds pictures: let go of it
        if self.should_stop():
            self._end(JobState.CANCELLED)
            return
        self.state = JobState.RUNNING
        try:
            self.result = work(self)
            state = JobState.CANCELLED if self.should_stop() else JobState.DONE
        except Exception as error:
            if not isinstance(error, StyleTransferError):
                logger.exception("a job failed")
            error.__cause__ = error.__context__ = None  # their frames and its own hold pictures
            self.error = error.with_traceback(None)
            state = JobState.FAILED
        del work
        return_freed_memory()  # before anybody hears of the end and starts the next
        self._end(state)

    def _end(self, state: JobState) -> None:
        self._work = None
        self.state = state
        self._finished.set()


class JobQueue:
    """Runs jobs in the order in which they came.

    Args:
        workers: Jobs that run at once.
        capacity: Jobs that may wait beside the running ones.
        abandoned_s: A job that nobody has watched for this long, in seconds, is cancelled when a
            watched one waits.
    """

    def __init__(self, *, workers: int = 1, capacity: int = 8, abandoned_s: float = 60.0) -> None:
        if workers < 1 or capacity < 0:
            raise ValueError(f"{workers} workers and a capacity of {capacity}: at least 1 and 0 are needed")
        self.workers = workers
        self.capacity = capacity
        self.abandoned_s = abandoned_s
        self._waiting: deque[Job] = deque()
        self._running: list[Job] = []
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []

    def submit(self, work: Callable[[Job[Progress, Result]], Result]) -> Job[Progress, Result]:
        """Queue a piece of work.

        Args:
            work: Called with its job in the queue's thread. It calls `job.report`, and asks
                `job.should_stop` often enough to be cancelled soon.
        Raises:
            QueueFullError: No place is left, or the host has no thread left.
        """
        job: Job[Progress, Result] = Job(work)
        with self._changed:
            self._drop_unwanted(has_newcomer=True)
            free = self.workers - len(self._running)
            if len(self._waiting) >= self.capacity + free:
                raise QueueFullError(
                    f"{len(self._waiting)} paintings are waiting already, which is all there is room for: "
                    "try again in a few minutes"
                )
            self._start_threads()
            self._waiting.append(job)
            self._changed.notify_all()
        return job

    def _start_threads(self) -> None:
        """Those that do not run yet; a host that has no thread left is asked again for the next job."""
        for target in [self._look_after, *[self._work_off] * self.workers][len(self._threads) :]:
            thread = threading.Thread(target=target, name="job-queue", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:
                raise QueueFullError(
                    "the machine has no thread left for a painting: try again in a few minutes"
                ) from error
            self._threads.append(thread)

    def place(self, job: Job) -> int:
        """Place in line: 0 when running or ended, 1 for the next one."""
        with self._changed:
            self._drop_unwanted()
            return self._waiting.index(job) + 1 if job in self._waiting else 0

    @property
    def running(self) -> tuple[Job, ...]:
        """The jobs that run now."""
        with self._changed:
            return tuple(self._running)

    @property
    def is_busy(self) -> bool:
        """Whether a job runs or waits."""
        with self._changed:
            self._drop_unwanted()
            return bool(self._running or self._waiting)

    def _drop_unwanted(self, *, has_newcomer: bool = False) -> None:
        is_crowded = has_newcomer or self._has_watched()
        for job in list(self._waiting):
            job.is_abandoned = is_crowded and self._is_unseen(job)
            if job.is_abandoned or job.should_stop():
                self._waiting.remove(job)
                job._end(JobState.CANCELLED)

    def _has_watched(self) -> bool:
        """Whether a job waits that somebody watches."""
        return any(not (job.should_stop() or self._is_unseen(job)) for job in self._waiting)

    def _is_unseen(self, job: Job) -> bool:
        return job.unseen_s > self.abandoned_s

    def _stop_abandoned(self) -> None:
        for job in self._running:
            if self._is_unseen(job) and self._has_watched() and not job.should_stop():
                job.is_abandoned = True
                job.cancel()

    def _work_off(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
                self._drop_unwanted()
                if not self._waiting:
                    continue
                job = self._waiting.popleft()
                self._running.append(job)
            job._run()
            with self._changed:
                self._running.remove(job)
            del job

    def _look_after(self) -> None:
        """End waiting jobs that were cancelled, and stop running ones that are abandoned."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._running)
                self._drop_unwanted()
                self._stop_abandoned()
            time.sleep(min(1.0, self.abandoned_s / 4))
