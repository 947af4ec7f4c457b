"""What every page does first: come in through the entrance, and take its place below the links."""

import runpy
from pathlib import Path

import streamlit as st
from starlette.formparsers import MultiPartParser

from pages.shared.address import read_address
from stylecore.jobs import Job

ENTRANCE = Path(__file__).parents[2] / "streamlit_app.py"
AWAY = "You were away for a while, and others waited. "  # why an abandoned job was stopped
# Small text in the primary color would be hard to read, most of all on a dark page; and why a file is
# refused would be for screen readers alone.
CSS = """<style>
.stMainBlockContainer { padding-top: 2.5rem; }
:has(> .st-key-watch) { display: none; }
button[data-selected=true], button[data-selected=true] *, [data-testid=stSliderThumbValue] {
  color: inherit !important; font-weight: 600; }
[data-testid=stPageLink] a:focus-visible { outline: 2px solid; outline-offset: -2px; }
[data-testid=stFileChip]:has([role=alert]) { height: auto; max-width: 100%; flex-wrap: wrap; }
[data-testid=stFileChip] [role=alert] { position: static; clip: auto; width: 100%; height: auto; margin: 0;
                                        white-space: normal; font-size: 0.8rem; }
</style>"""
WATCH_S = 30.0  # far below the time after which a job counts as abandoned


def come_in() -> None:
    """Run the entrance, navigation and page settings, unless it is what runs this page.

    Until the entrance has run once in a process, Streamlit takes a page's address for the file in
    `pages/` of that name and runs it alone, bare of the navigation.
    """
    if "has_entered" not in st.session_state:
        runpy.run_path(str(ENTRANCE))
        st.stop()
    # Streamlit's server would write uploads of more than a megabyte to a temporary file on the way.
    MultiPartParser.spool_max_size = st.get_option("server.maxUploadSize") * 2**20
    st.html(CSS)
    # A place of its own, always: what follows would move by one and be drawn anew, the page at its top.
    with st.container(key="watch"):
        read_address()
        if st.session_state.get("watched_jobs"):
            _watch()


def keep_watching(job: Job) -> None:
    """Watch the visitor's job from every page, so that it does not count as abandoned."""
    watched = st.session_state.setdefault("watched_jobs", [])
    if job not in watched:
        watched.append(job)


@st.fragment(run_every=WATCH_S)
def _watch() -> None:
    jobs = [job for job in st.session_state.watched_jobs if not job.is_finished]
    st.session_state.watched_jobs = jobs  # finished ones hold pictures
    for job in jobs:
        job.touch()
