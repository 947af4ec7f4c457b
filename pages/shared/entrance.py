"""The first steps of every page, and keeping the visitor's jobs alive."""

from collections.abc import Iterable

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from pages.shared.address import read_address
from pages.shared.adopting import adopt_learned_style, has_learned_style
from pages.shared.limits import limits
from pages.shared.pictures import duration
from pages.shared.streamlit_workarounds import hidden_place, mend_page
from pages.shared.upload_limits import show_refusal
from pages.shared.visit import visit
from stylecore.host.jobs import Job

CSS = "<style>.stMainBlockContainer { padding-top: 2.5rem; }</style>"
WATCH_S = 30.0  # far below the time after which a job counts as abandoned


def come_in() -> None:
    """Apply the workarounds, read the address, keep the visitor's jobs alive, and take what they learned."""
    st.html(CSS)
    mend_page()
    show_refusal()
    with hidden_place("watch"):
        read_address()
        adopt_learned_style()
        if visit().watched_jobs:
            _watch()


def show_pages(pages: Iterable[StreamlitPage]) -> None:
    """Show a link to each page with what it does, for first visits; the text is the page's `help`."""
    st.subheader("More to try", anchor=False)
    with st.grid("auto", min_column_width=280, gap="xsmall", key="more_pages"):
        for page in pages:
            st.page_link(page, label=page.help, help="")


def why_stopped(job: Job) -> str:
    """Return why a job was stopped, in front of what it left; empty if the visitor stopped it."""
    if job.is_overdue:
        return f"It had run for {duration(60 * limits().job_minutes)}, which is the longest here. "
    return "You were away for a while, and others were waiting. " if job.is_abandoned else ""


def keep_watching(job: Job) -> None:
    """Keep a job alive on every page, so that it does not count as abandoned."""
    if job not in visit().watched_jobs:
        visit().watched_jobs.append(job)


@st.fragment(run_every=WATCH_S)
def _watch() -> None:
    if has_learned_style():
        st.rerun()
    jobs = [job for job in visit().watched_jobs if not job.is_finished]
    visit().watched_jobs = jobs  # finished ones hold pictures
    for job in jobs:
        job.touch()
