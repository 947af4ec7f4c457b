"""The custom runs of a server: which wait, which run, and what they made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stylecore.host.job_queue import JobQueue
from stylecore.host.jobs import Job, RunningJob, UnfinishedJobError, UnknownJobError
from stylecore.host.sizes import held_bytes
from stylecore.optimization.iterates import OptimizationResult
from stylecore.serving.config import ServingConfig
from stylecore.serving.job_status import job_status
from stylecore.serving.orders import LearningOrder, Order, RefinementOrder
from stylecore.serving.progress import LearningState, Refinement
from stylecore.styles.style import Style

KEPT_JOBS = 100  # finished ones that can be found again, if their memory allows
ABANDONED_S = 180.0  # a job for which nobody has asked for this long ends when others wait
MEGABYTE = 10**6
KINDS = {RefinementOrder: "refinement", LearningOrder: "learning"}

Progress = Refinement | LearningState
Result = OptimizationResult | Style
RunOrder = Callable[[Order, RunningJob], Result]


@dataclass(frozen=True)
class JobAbout:
    """What a job is.

    Attributes:
        kind: `refinement` or `learning`.
        names: File names of the style pictures, for the metadata of the painting.
        shares: Their weights.
        note: What the client keeps with the job, for those that find it again.
    """

    kind: str
    names: tuple[str, ...]
    shares: tuple[float, ...]
    note: bytes


class JobBoard:
    """Keeps the custom runs of a server, in the order in which they came. Safe in many threads.

    Args:
        config: Settings of the server.
        run_order: Called in a thread with an order and its job, to work it off.
    """

    def __init__(self, config: ServingConfig, run_order: RunOrder) -> None:
        self._run_order = run_order
        self._queue = JobQueue(
            noun="custom runs",
            workers=config.jobs,
            capacity=config.job_queue,
            capacity_bytes=10 * config.megabytes * MEGABYTE,
            own=config.own_jobs,
            kept=KEPT_JOBS,
            kept_bytes=config.kept_megabytes * MEGABYTE,
            size_of=lambda job: held_bytes(job.about, job.progress, job.result),
            abandoned_s=ABANDONED_S,
            longest_s=60 * config.job_minutes,
        )

    def start(self, order: Order, about: JobAbout, owner: str = "") -> dict[str, Any]:
        """Queue an order; returns its status, see `job_status`.

        Args:
            order: The work.
            about: What it is.
            owner: Whose it is, for the limit of jobs of one owner; empty for nobody's.
        Raises:
            QueueFullError: No place is left, or the owner has too many jobs.
        """
        job = self._queue.submit(
            lambda job: self._run_order(order, job),
            about=about,
            owner=owner,
            held_bytes=held_bytes(order, about),
        )
        return job_status(job)

    def status(self, job_id: str, losses_from: int = 0) -> dict[str, Any]:
        """The state of a job; notes that somebody watches it.

        Raises:
            UnknownJobError: There is no such job, or it was forgotten; so do all methods below.
        """
        job = self._find(job_id)
        job.touch()
        return job_status(job, losses_from=losses_from)

    def picture(self, job_id: str, step: int | None = None) -> bytes:
        """The newest picture of a job, encoded, or the one after a step.

        Raises:
            UnfinishedJobError: There is none yet, or none of that step.
        """
        progress = self._find(job_id).progress
        picture = None if progress is None else progress.picture
        if step is not None:
            picture = dict(getattr(progress, "snapshots", ())).get(step)
        if picture is None:
            raise UnfinishedJobError(
                "there is no picture yet" if step is None else f"there is no picture of step {step}"
            )
        return picture

    def about(self, job_id: str) -> JobAbout:
        """What a job is."""
        return self._find(job_id).about

    def result(self, job_id: str) -> tuple[JobAbout, Progress, Result]:
        """What a job is, its last progress, and what it made.

        Raises:
            UnfinishedJobError: It has no result, yet or at all.
        """
        job = self._find(job_id)
        if not job.is_finished:
            raise UnfinishedJobError(f"the job is {job.state.value}: its result comes at its end")
        if job.result is None:
            raise UnfinishedJobError(f"the job is {job.state.value}, and has no result")
        return job.about, job.progress, job.result

    def cancel(self, job_id: str) -> dict[str, Any]:
        """Ask a job to stop; returns its status."""
        job = self._find(job_id)
        job.cancel()
        return job_status(job)

    def report(self, job_id: str, progress: Progress) -> bool:
        """Take the progress of a job that runs in another process; returns whether it has to stop."""
        job: Any = self._find(job_id)  # a job of this process is a `RunningJob`, too
        job.report(progress)
        return job.should_stop()

    def _find(self, job_id: str) -> Job:
        job = self._queue.find(job_id)
        if job is None:
            raise UnknownJobError("there is no such job, or it was forgotten: jobs are kept for a while only")
        return job
