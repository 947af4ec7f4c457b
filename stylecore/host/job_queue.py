"""The queue of this process: jobs run in its threads, one after another, and the last ones are kept."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from contextlib import suppress

from stylecore.host.jobs import About, Job, JobState, Progress, QueueFullError, Result, Work
from stylecore.host.local_job import LocalJob


class JobQueue:
    """Runs jobs of this process in the order in which they came, and keeps the last ones.

    Args:
        noun: What the jobs are called in messages, in the plural.
        workers: Jobs that run at once.
        capacity: Jobs that may wait next to the running ones.
        capacity_bytes: Memory that the waiting jobs may hold together.
        own: Jobs of one owner that may wait or run at once.
        kept: Finished jobs that can be found again, and as many of those that left no result: they hold
            no memory, and must not push out what somebody may still want.
        kept_bytes: Memory of the finished jobs that can be found again; the newest one is always kept.
        size_of: Returns the bytes of memory that a finished job takes.
        abandoned_s: A job that nobody has watched for this long, in seconds, is cancelled when a
            watched one waits.
        longest_s: A job that has run for this long, in seconds, is cancelled.
    """

    def __init__(
        self,
        *,
        noun: str = "jobs",
        workers: int = 1,
        capacity: int = 8,
        capacity_bytes: float = math.inf,
        own: int | None = None,
        kept: int = 8,
        kept_bytes: float = math.inf,
        size_of: Callable[[Job], int] = lambda job: 0,
        abandoned_s: float = 60.0,
        longest_s: float = math.inf,
    ) -> None:
        if workers < 1 or capacity < 0:
            raise ValueError(f"{workers} workers and a capacity of {capacity}: at least 1 and 0 are needed")
        self.noun = noun
        self.workers = workers
        self.capacity = capacity
        self.capacity_bytes = capacity_bytes
        self.own = own
        self.kept = kept
        self.kept_bytes = kept_bytes
        self.size_of = size_of
        self.abandoned_s = abandoned_s
        self.longest_s = longest_s
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
        owner: str = "",
        held_bytes: int = 0,
        expected_s: float = math.inf,
        expected_bytes: int = 0,
    ) -> Job[About, Progress, Result]:
        """Queue a piece of work.

        Args:
            work: Called with its job in the queue's thread. It calls `job.report`, and asks
                `job.should_stop` often enough to be cancelled soon.
            about: What it is made of, for those that find the job again.
            owner: Whose job it is, for `own`; empty for nobody's.
            held_bytes: Memory that it holds while it waits.
            expected_s: Seconds that it will take alone, see `stylecore.host.device_turns`.
            expected_bytes: Memory that it needs for that.
        Raises:
            QueueFullError: No place is left, the owner has too many jobs, or the host has no thread left.
        """
        job = LocalJob(self, work, about, expected_s=expected_s, expected_bytes=expected_bytes)
        job.owner, job.held_bytes = owner, held_bytes
        with self._changed:
            self._drop_unwanted(has_newcomer=True)
            self._check_room(job)
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

    def _check_room(self, newcomer: LocalJob) -> None:
        """Refuse a job for which there is no room."""
        mine = sum(job.owner == newcomer.owner for job in self._unfinished())
        if newcomer.owner and self.own is not None and mine >= self.own:
            raise QueueFullError(
                f"{mine} {self.noun} of yours are being made or waiting, which is the most for one visitor: "
                "wait until one is done"
            )
        free = self.workers - len(self._running)
        held = sum(job.held_bytes for job in self._waiting) + newcomer.held_bytes
        if len(self._waiting) >= self.capacity + free or (self._waiting and held > self.capacity_bytes):
            raise QueueFullError(
                f"{len(self._waiting)} {self.noun} are waiting already, which is all there is room for: "
                "try again in a few minutes"
            )

    def _unfinished(self) -> list[LocalJob]:
        return [*self._waiting, *self._running, *([self._paused] if self._paused else [])]

    def _start_threads(self) -> None:
        """Start those that do not run; a host that has no thread left is asked again for the next job."""
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        running = [thread.name for thread in self._threads]
        lacking = [self._work_off] * (self.workers - running.count("job-queue"))
        if "job-queue-watch" not in running:
            lacking.insert(0, self._look_after)
        for target in lacking:
            name = "job-queue-watch" if target == self._look_after else "job-queue"
            thread = threading.Thread(target=target, name=name, daemon=True)
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
                finished.remove(old)
        sizes = [job.size for job in finished]
        while len(sizes) > 1 and sum(sizes) > self.kept_bytes:
            del self._jobs[finished.pop(0).token], sizes[0]

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

    def _stop_unwanted(self) -> None:
        """Stop those that nobody watches while others wait, and those that have run too long."""
        for job in [*self._running, *([self._paused] if self._paused else [])]:
            if job.should_stop():
                continue
            job.is_abandoned = self._is_unseen(job) and self._has_watched()
            job.is_overdue = job.ran_s > self.longest_s
            if job.is_abandoned or job.is_overdue:
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
            try:
                job._run()
            finally:
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
        try:
            shorter._run()
        finally:
            with self._changed:
                job.paused_s += time.monotonic() - began
                self._running[self._running.index(shorter)] = job
                self._paused, job.state = None, JobState.RUNNING

    def _look_after(self) -> None:
        """End waiting jobs that were cancelled, stop running ones that are abandoned or run too long, and
        replace a thread that has died."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._running)
                self._drop_unwanted()
                self._stop_unwanted()
                with suppress(QueueFullError):  # no thread is left: asked again a second later
                    self._start_threads()
            time.sleep(min(1.0, self.abandoned_s / 4))
