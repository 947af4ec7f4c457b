"""The queue of refinements, learnings and clips, which all visitors share, and the limits of all queues."""

from __future__ import annotations

from functools import cache

from pages.shared.limits import limits
from pages.shared.painting_server import painting_server
from pages.shared.pictures import least_wait
from pages.shared.run_requests import LearningRequest, RefinementRequest
from stylecore.host.job_queue import JobQueue
from stylecore.host.jobs import Job
from stylecore.host.local_job import LocalJob
from stylecore.host.sizes import held_bytes
from stylecore.serving.served_queue import ServedQueue

KEPT_RUNS = 24  # finished runs that are kept, if their memory allows
ABANDONED_S = 180.0  # a job that no page has shown for this long ends when others wait
MEGABYTE = 10**6
ABOUTS = {"refinement": RefinementRequest, "learning": LearningRequest}  # of the jobs on a painting server
_queues: list[JobQueue] = []


@cache  # not `st.cache_resource`, which any visitor can empty by a message of Streamlit's protocol
def job_queue() -> JobQueue | ServedQueue:
    """The queue; with a painting server, refinements and learnings are there."""
    queue = new_queue(noun="paintings", workers=limits().jobs, kept=KEPT_RUNS)
    server = painting_server()
    return queue if server is None else ServedQueue(queue, server, ABOUTS)


def is_away() -> bool:
    """Whether the painting server, if there is one, does not answer now."""
    server = painting_server()
    return server is not None and server.is_away


def has_stayed_here(job: Job) -> bool:
    """Whether a job runs in this process although there is a painting server."""
    return painting_server() is not None and isinstance(job, LocalJob)


def runs_elsewhere() -> bool:
    """Whether refinements and learnings run on the painting server now."""
    return painting_server() is not None and not is_away()


def new_queue(*, noun: str, workers: int = 1, kept: int) -> JobQueue:
    """A queue with the limits of this host."""
    own = limits()
    queue = JobQueue(
        noun=noun,
        workers=workers,
        capacity=own.queue,
        capacity_bytes=own.upload_megabytes * MEGABYTE,
        own=own.own_jobs,
        kept=kept,
        kept_bytes=own.kept_megabytes * MEGABYTE,
        size_of=memory_of,
        abandoned_s=ABANDONED_S,
        longest_s=60 * own.job_minutes,
    )
    _queues.append(queue)
    return queue


def unfinished_jobs() -> list[Job]:
    """The jobs of all queues that wait or run."""
    return [job for queue in _queues for job in queue.jobs if not job.is_finished]


def memory_of(job: Job) -> int:
    """Bytes of the pictures and files that a job holds."""
    return held_bytes(job.about, job.progress, job.result)


def wait_for_others() -> str:
    """The least waiting time in line as text, see `least_wait`."""
    reports = [running.progress for running in job_queue().running]
    return least_wait([report.remaining_s for report in reports if report is not None])
