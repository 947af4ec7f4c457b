"""The download of a large photo: its start, its progress, and the file."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.shared.choosing import Choice
from pages.shared.entrance import keep_watching, why_stopped
from pages.shared.full_size import (
    FullSizeJob,
    FullSizeRequest,
    full_size_queue,
    full_size_request,
    start_full_size,
)
from pages.shared.job_views import REFRESH_S
from pages.shared.keeping import offer_to_stop, show_refusals
from pages.shared.painting import DOWNLOAD_FORMATS, Look
from pages.shared.pictures import duration, plain
from pages.shared.sharing import offer_share
from pages.shared.visit import visit
from stylecore.errors import describe

MEGABYTE = 10**6


def offer_full_size(
    photo: Choice, look: Look, size: tuple[int, int], *, title: str, file_format: str, row: DeltaGenerator
) -> None:
    """Show the button that paints a large photo in its own size, then the progress, then the file.

    Args:
        photo: The photo.
        look: How to paint it.
        size: Width and height of the photo in pixels.
        title: Titles of the look's styles.
        file_format: One of `DOWNLOAD_FORMATS`.
        row: Where the buttons go; what takes more room is shown here.
    """
    ending, _ = DOWNLOAD_FORMATS[file_format]
    request = full_size_request(photo, look, file_format, title=title, ending=ending)
    job = full_size_queue().find(visit().tokens.get("full_size"))
    if job is not None and not job.is_finished:
        keep_watching(job)
        _show_running(job)
        return
    is_answered = job is not None and job.about == request
    if is_answered and job.result is None:
        _show_failure(job)
    if job is not None and job.result is not None:
        with row:
            _offer_file(job, is_primary=is_answered)
    if is_answered and job.result is not None:
        return
    # A callback would start with the photo and the look of the previous script run.
    if row.button(
        f"Paint in full size ({size[0]} x {size[1]})",
        key="paint_full_size",
        type="primary",
        icon=":material/brush:",
    ):
        with show_refusals():
            visit().tokens["full_size"] = start_full_size(photo, look, request)
            st.rerun()


@st.fragment(run_every=REFRESH_S)
def _show_running(job: FullSizeJob) -> None:
    """Show how far a job is, and the button that stops it; only this part is refreshed."""
    job.touch()
    if job.is_finished:
        st.rerun()
    title, state = plain(job.about.title), job.progress
    if place := job.place:
        text = f"You are number {place} in line: other large photos are painted first."
        st.info(text, icon=":material/hourglass:")
    elif state is None or state.share is None:
        st.progress(0.0, f"{title} in full size: starting ...")
    elif state.share < 1:
        left = f"about {duration(state.remaining_s)} left"
        st.progress(state.share, f"{title} in full size: {state.share:.0%} painted, {left}")
    else:
        st.progress(1.0, f"{title} in full size: painted, the file is being made ...")
    offer_to_stop(job, "Leave the line" if place else "Stop", "Stopping ...", key="stop_full_size")


def _show_failure(job: FullSizeJob) -> None:
    """Show why a finished job has no file."""
    if job.error is not None:
        st.error(f"Painting failed: {plain(describe(job.error))}.", icon=":material/error:")
    else:
        st.info(f"{why_stopped(job)}Stopped: nothing is kept of it.")


def _offer_file(job: FullSizeJob, *, is_primary: bool) -> None:
    """Show the download of a painted file, and the share button if it is what is chosen now."""
    about: FullSizeRequest = job.about
    megabytes = max(len(job.result) / MEGABYTE, 0.1)
    mime = DOWNLOAD_FORMATS[about.file_format][1]
    st.download_button(
        f"Download {plain(about.title)} as {about.file_format} ({megabytes:.1f} MB)",
        data=lambda: job.result,
        file_name=about.file_name,
        mime=mime,
        type="primary" if is_primary else "secondary",
        icon=":material/download:",
        on_click="ignore",
        key="download_full_size",
    )
    if is_primary:
        offer_share(
            lambda: job.result,
            file_name=about.file_name,
            mime=mime,
            version=str(about),
            key="share_full_size",
        )
