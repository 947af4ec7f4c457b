"""The queue of this process: jobs run in its threads, one after another, and the last ones are kept."""

from __future__ import annotations

import logging
import math
import secrets
import threading
import time
from collections import OrderedDict, deque
from typing import Generic

from stylecore.errors import StyleTransferError
from stylecore.host.device_turns import may_pause
from stylecore.host.jobs import FINAL_STATES, About, Job, JobState, Progress, QueueFullError, Result, Work
from stylecore.host.memory import return_freed_memory

logger = logging.getLogger(__name__)


class LocalJob(Generic[About, Progress, Result]):
    """A job of this process; it is both the `Job` that is watched and the `RunningJob` of its work."""

    def __init__(
        self, queue: JobQueue, work: Work, about: About, *, expected_s: float, expected_bytes: int
    ) -> None:
        self.token = secrets.token_hex(16)
        self.about = about
        self.state = JobState.WAITING
        self.progress: Progress | None = None
        self.result: Result | None = None
        self.error: Exception | None = None
        self.is_abandoned = False
        self.expected_s = expected_s
        self.expected_bytes = expected_bytes
        self._queue = queue
        self._work: Work | None = work
        self._cancel = threading.Event()
        self._finished = threading.Event()
        self._last_seen = time.monotonic()
        self.paused_s = 0.0

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
        return_freed_memory()  # before the end is visible and the next job starts
        self._end(state)

    def _end(self, state: JobState) -> None:
        self._work = None
        self.state = state
        self._finished.set()


class JobQueue:
    """Runs jobs of this process in the order in which they came, and keeps the last ones.

    Args:
        noun: What the jobs are called in messages, in the plural.
        workers: Jobs that run at once.
        capacity: Jobs that may wait next to the running ones.
        kept: Finished jobs that can be found again, and as many of those that left no result: they hold
            no memory, and must not push out what somebody may still want.
        abandoned_s: A job that nobody has watched for this long, in seconds, is cancelled when a
            watched one waits.
    """

    def __init__(
        self,
        *,
        noun: str = "jobs",
        workers: int = 1,
        capacity: int = 8,
        kept: int = 8,
        abandoned_s: float = 60.0,
    ) -> None:
        if workers < 1 or capacity < 0:
            raise ValueError(f"{workers} workers and a capacity of {capacity}: at least 1 and 0 are needed")
        self.noun = noun
        self.workers = workers
        self.capacity = capacity
        self.kept = kept
        self.abandoned_s = abandoned_s
        self._jobs: OrderedDict[str, LocalJob] = OrderedDict()  # by token, all that can be found
        self._waiting: deque[LocalJob] = deque()
        self._running: list[LocalJob] = []
        self._paused: LocalJob | None = None
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []

    def submit(
        self,
        work: Work,
        *,
        about: About | None = None,
        expected_s: float = math.inf,
        expected_bytes: int = 0,
    ) -> Job[About, Progress, Result]:
        """Queue a piece of work.

        Args:
            work: Called with its job in the queue's thread. It calls `job.report`, and asks
                `job.should_stop` often enough to be cancelled soon.
            about: What it is made of, for those that find the job again.
            expected_s: Seconds that it will take alone, see `stylecore.host.device_turns`.
            expected_bytes: Memory that it needs for that.
        Raises:
            QueueFullError: No place is left, or the host has no thread left.
        """
        job = LocalJob(self, work, about, expected_s=expected_s, expected_bytes=expected_bytes)
        with self._changed:
            self._drop_unwanted(has_newcomer=True)
            free = self.workers - len(self._running)
            if len(self._waiting) >= self.capacity + free:
                raise QueueFullError(
                    f"{len(self._waiting)} {self.noun} are waiting already, which is all there is room for: "
                    "try again in a few minutes"
                )
            self._start_threads()
            self._waiting.append(job)
            self._jobs[job.token] = job
            self._forget_oldest()
            self._changed.notify_all()
        return job

    def find(self, token: str | None) -> Job | None:
        """The job of a token, or None when it is forgotten or there is no token."""
        with self._changed:
            self._forget_oldest()
            return self._jobs.get(token) if token else None

    @property
    def jobs(self) -> tuple[Job, ...]:
        """All that can be found, in the order in which they came."""
        with self._changed:
            return tuple(self._jobs.values())

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

    def _start_threads(self) -> None:
        """Those that do not run yet; a host that has no thread left is asked again for the next job."""
        for target in [self._look_after, *[self._work_off] * self.workers][len(self._threads) :]:
            thread = threading.Thread(target=target, name="job-queue", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:
                raise QueueFullError(
                    f"the machine has no thread left for more {self.noun}: try again in a few minutes"
                ) from error
            self._threads.append(thread)

    def _forget_oldest(self) -> None:
        finished = [job for job in self._jobs.values() if job.is_finished]
        for is_empty in (False, True):
            alike = [job for job in finished if (job.result is None) == is_empty]
            for old in alike[: max(0, len(alike) - self.kept)]:
                del self._jobs[old.token]

    def _place(self, job: LocalJob) -> int:
        with self._changed:
            self._drop_unwanted()
            return self._waiting.index(job) + 1 if job in self._waiting else 0

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

    def _is_unseen(self, job: LocalJob) -> bool:
        return job.unseen_s > self.abandoned_s

    def _stop_abandoned(self) -> None:
        for job in [*self._running, *([self._paused] if self._paused else [])]:
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

    def _run_shorter(self, job: LocalJob, share_left: float, free_bytes: float) -> None:
        """Run the first waiting job that is short enough, in the thread of `job`, which pauses meanwhile."""
        with self._changed:
            self._drop_unwanted()
            short = (other for other in self._waiting if job._may_pause_for(other, share_left, free_bytes))
            if self._paused is not None or (shorter := next(short, None)) is None:
                return
            self._waiting.remove(shorter)
            self._running[self._running.index(job)] = shorter
            self._paused, job.state = job, JobState.PAUSED
        began = time.monotonic()
        shorter._run()
        with self._changed:
            job.paused_s += time.monotonic() - began
            self._running[self._running.index(shorter)] = job
            self._paused, job.state = None, JobState.RUNNING

    def _look_after(self) -> None:
        """End waiting jobs that were cancelled, and stop running ones that are abandoned."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._running)
                self._drop_unwanted()
                self._stop_abandoned()
            time.sleep(min(1.0, self.abandoned_s / 4))
