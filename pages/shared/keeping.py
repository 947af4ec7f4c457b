"""Finding the visitor's job again by the page's address, and stopping it."""

from __future__ import annotations

import streamlit as st

from pages.shared import address
from pages.shared.entrance import keep_watching
from pages.shared.visit import visit
from stylecore.host.job_queue import JobQueue
from stylecore.host.jobs import Job


def come_back(queue: JobQueue, name: str) -> Job | None:
    """Find the visitor's job: by the session after a change of page, by the address after a reload.

    Args:
        queue: Queue of the job.
        name: Name of the job's token in the visit and in the address.
    """
    tokens = visit().tokens
    token = tokens.get(name) or next(iter(address.asked_for(name)), None)
    job = queue.find(token)
    if job is None:
        tokens.pop(name, None)
        if token:
            st.info("The painting that was here is gone: paintings are kept only for a while. Start again.")
        return None
    tokens[name] = token
    address.put(name, token)
    if not job.is_finished:
        keep_watching(job)
    return job


def offer_to_stop(job: Job, label: str, stopping: str, *, key: str) -> None:
    """Show a button that cancels a job; once pressed, its label is `stopping`."""
    st.button(
        stopping if job.is_stopping else label,
        key=key,
        icon=":material/stop:",
        on_click=job.cancel,
        disabled=job.is_stopping,
    )
