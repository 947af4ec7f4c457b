"""The queue of refinements, learnings and clips, which all visitors share, and the limits of all queues."""

from __future__ import annotations

from functools import cache

from pages.shared.limits import limits
from pages.shared.pictures import least_wait
from stylecore.host.job_queue import JobQueue
from stylecore.host.jobs import Job
from stylecore.host.sizes import held_bytes

KEPT_RUNS = 24  # finished runs that are kept, if their memory allows
ABANDONED_S = 180.0  # a job that no page has shown for this long ends when others wait
MEGABYTE = 10**6
_queues: list[JobQueue] = []


@cache  # not `st.cache_resource`, which any visitor can empty by a message of Streamlit's protocol
def job_queue() -> JobQueue:
    return new_queue(noun="paintings", workers=limits().jobs, kept=KEPT_RUNS)


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
