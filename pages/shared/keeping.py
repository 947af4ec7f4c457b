"""Finding the visitor's job again by the page's address, and stopping it."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from pages.shared import address
from pages.shared.entrance import keep_watching
from pages.shared.long_jobs import is_away
from pages.shared.pictures import sentence
from pages.shared.visit import visit
from stylecore import StyleTransferError
from stylecore.host.job_queue import JobQueue
from stylecore.host.jobs import Job
from stylecore.serving.served_queue import ServedQueue

AWAY = "The painting server, which has what was here, does not answer now. Reload this page in a minute."


def is_expected(name: str) -> bool:
    """Whether the visit or the address has a token of that name, which `come_back` looks for."""
    return name in visit().tokens or name in visit().asked_for


def come_back(queue: JobQueue | ServedQueue, name: str, about: type = object) -> Job | None:
    """Find the visitor's job: by the session after a change of page, by the address after a reload.

    Args:
        queue: Queue of the job.
        name: Name of the job's token in the visit and in the address.
        about: Type of what the job is about; a job about anything else is not the one.
    """
    tokens = visit().tokens
    token = tokens.get(name) or next(iter(address.asked_for(name)), None)
    job = queue.find(token)
    if job is None and token and is_away():
        tokens[name] = token
        address.put(name, token)
        st.info(AWAY, icon=":material/cloud_off:")
        return None
    if job is None or not isinstance(job.about, about):
        tokens.pop(name, None)
        if token:
            st.info("What was here is gone: paintings and styles are kept only for a while. Start again.")
        return None
    tokens[name] = token
    address.put(name, token)
    if not job.is_finished:
        keep_watching(job)
    return job


@contextmanager
def show_refusals() -> Iterator[None]:
    """Show why a job could not be started."""
    try:
        yield
    except StyleTransferError as error:
        st.error(sentence(error), icon=":material/hourglass:")


def offer_to_stop(job: Job, label: str, stopping: str, *, key: str) -> None:
    """Show a button that cancels a job; once pressed, its label is `stopping`."""
    watched = weakref.ref(job)  # Streamlit holds callbacks until the visit ends, and jobs hold pictures

    def cancel() -> None:
        if (found := watched()) is not None:
            found.cancel()

    st.button(
        stopping if job.is_stopping else label,
        key=key,
        icon=":material/stop:",
        on_click=cancel,
        disabled=job.is_stopping,
    )
