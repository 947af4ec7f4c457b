"""Long work on one device: jobs that wait in line, report progress, can be cancelled and found again.

    queue = JobQueue(noun="paintings")          # of `stylecore.host.job_queue`, once in a process

    def work(job):                              # runs in a thread of the queue
        for step in range(100):
            picture = improve(picture)
            job.report(step)                    # plain data that nobody changes afterwards
            job.yield_turn(1 - step / 100)      # a much shorter job may run first
            if job.should_stop():
                break
        return picture

    token = queue.submit(work, about="cat in mosaic", expected_s=60).token
    job = queue.find(token)                     # at every poll; None once it is forgotten
    job.touch()                                 # somebody still watches it
    print(job.state, job.place, job.progress)   # and at the end job.result or job.error
    job.cancel()                                # it ends after its step, with the picture so far

Watchers see only `Job`, and what a job reports and returns is data, without callbacks or references to
its submitter: a queue whose work runs in another process or on another machine can have the same
interface. `stylecore.host.job_queue` is the queue within this process, `stylecore.serving.remote_jobs` the
one on a painting server.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import Enum
from typing import Protocol, TypeVar

from stylecore.errors import StyleTransferError

About = TypeVar("About")
Progress = TypeVar("Progress")
Result = TypeVar("Result")


class QueueFullError(StyleTransferError):
    """The queue takes no further job; the message says why."""


class UnknownJobError(StyleTransferError):
    """No job has this token, or it is forgotten."""


class UnfinishedJobError(StyleTransferError):
    """A job has not yet made what was asked for, or never will."""


class JobState(Enum):
    """Where a job is in its life; the last three are final."""

    WAITING = "waiting"
    RUNNING = "running"
    PAUSED = "paused"  # for a shorter job, see `stylecore.host.device_turns`
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


FINAL_STATES = frozenset({JobState.DONE, JobState.CANCELLED, JobState.FAILED})


class Job(Protocol[About, Progress, Result]):
    """A job as its watchers see it, from any thread at any time."""

    token: str  # finds it again with `find` of its queue; random, so that nobody guesses it
    about: About  # what it was made of, as given to `submit`
    state: JobState
    place: int  # in line: 1 is the next one, 0 is running, paused or ended
    progress: Progress | None  # what it reported last
    result: Result | None  # what it returned; a cancelled job may have one, too
    error: Exception | None  # why it failed
    is_finished: bool  # whether its state is final
    is_stopping: bool  # whether it was asked to stop
    is_abandoned: bool  # whether it was cancelled because nobody watched it while others waited
    is_overdue: bool  # whether it was cancelled because it ran for too long
    is_away: bool  # whether the machine where it runs does not answer now, so that all of this may be old

    def touch(self) -> None:
        """Note that somebody watches it; an unwatched job is cancelled when others wait."""

    def cancel(self) -> None:
        """Ask it to stop. A waiting job never starts."""

    def wait(self, timeout_s: float | None = None) -> bool:
        """Block until it has ended; False when the time ran out first."""


class RunningJob(Protocol[Progress]):
    """A job as its work sees it."""

    progress: Progress | None  # what it reported last
    paused_s: float  # seconds that it has been paused

    def report(self, progress: Progress) -> None:
        """Publish the newest progress: data that is not changed afterwards."""

    def should_stop(self) -> bool:
        """Whether to return as soon as possible with what there is, or raise StoppedError for nothing."""

    def yield_turn(self, share_left: float, *, free_bytes: float = math.inf) -> None:
        """Between two steps: let a much shorter job that waits run first, see `stylecore.host.device_turns`.

        Args:
            share_left: Part of the work that is left, 0 to 1.
            free_bytes: Memory for the shorter job, next to what this one holds.
        """


Work = Callable[[RunningJob[Progress]], Result]
