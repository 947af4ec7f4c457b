"""What every page does first, and the watch over the visitor's jobs."""

import streamlit as st

from pages.shared.address import read_address
from pages.shared.streamlit_workarounds import hidden_place, mend_page
from pages.shared.visit import visit
from stylecore.host.jobs import Job

AWAY = "You were away for a while, and others waited. "  # why an abandoned job was stopped
CSS = "<style>.stMainBlockContainer { padding-top: 2.5rem; }</style>"
WATCH_S = 30.0  # far below the time after which a job counts as abandoned


def come_in() -> None:
    """Read the address, mend what Streamlit shows, and watch the visitor's jobs."""
    st.html(CSS)
    mend_page()
    with hidden_place("watch"):
        read_address()
        if visit().watched_jobs:
            _watch()


def keep_watching(job: Job) -> None:
    """Watch the visitor's job from every page, so that it does not count as abandoned."""
    if job not in visit().watched_jobs:
        visit().watched_jobs.append(job)


@st.fragment(run_every=WATCH_S)
def _watch() -> None:
    jobs = [job for job in visit().watched_jobs if not job.is_finished]
    visit().watched_jobs = jobs  # finished ones hold pictures
    for job in jobs:
        job.touch()
