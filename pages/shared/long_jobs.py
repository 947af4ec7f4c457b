"""The queue of refinements, learnings and clips, which all visitors share."""

from __future__ import annotations

import streamlit as st

from pages.shared.limits import limits
from pages.shared.pictures import least_wait
from stylecore.host.job_queue import JobQueue

KEPT_RUNS = 24  # finished runs that are kept; each holds up to 10 MB of memory
ABANDONED_S = 180.0  # a run that no page has shown for this long ends when others wait


@st.cache_resource(max_entries=1)
def job_queue() -> JobQueue:
    own = limits()
    return JobQueue(
        noun="paintings", workers=own.jobs, capacity=own.queue, kept=KEPT_RUNS, abandoned_s=ABANDONED_S
    )


def wait_for_others() -> str:
    """The least waiting time in line as text, see `least_wait`."""
    reports = [running.progress for running in job_queue().running]
    return least_wait([report.remaining_s for report in reports if report is not None])
