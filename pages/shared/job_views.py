"""The views that running refinements and learnings have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import streamlit as st

from pages.shared.keeping import offer_to_stop
from pages.shared.long_jobs import wait_for_others
from pages.shared.pictures import duration, sample_title
from pages.shared.streamlit_workarounds import line_chart
from stylecore.host.jobs import Job, JobState

REFRESH_S = 1.0


class Request(Protocol):
    """What a job is about."""

    photo: bytes  # encoded at screen size
    first: bytes | None  # encoded picture that is shown until there is a newer one
    styles: tuple[bytes, ...]  # style pictures, encoded at screen size
    names: tuple[str, ...]  # of the photo and the styles
    loss_label: str  # title of the x axis of the losses


class Progress(Protocol):
    """What a job reports."""

    picture: bytes | None  # the newest, encoded at screen size
    losses: tuple[float, ...]  # total loss after every report
    step: int  # 0 before the first
    steps: int
    remaining_s: float | None  # seconds; None before the first step


def show_place(place: int) -> None:
    """Show the place in line of a job that waits, and how long the others take."""
    message = f"You are number {place} in line: another one is being made{wait_for_others()}."
    st.info(message, icon=":material/hourglass:")


@st.fragment(run_every=REFRESH_S)
def show_running(job: Job[Request, Progress, object]) -> None:
    """Show a running job; only this part of the page is refreshed."""
    job.touch()
    if job.is_finished:
        st.rerun()
    place, shown = job.place, job.progress
    with st.container(key="painting"):
        if shown is not None and shown.picture is not None:
            picture, caption = shown.picture, "The painting so far"
        elif job.about.first is not None:
            picture, caption = job.about.first, "The instant painting"
        else:
            picture, caption = job.about.photo, "Your photo"
        st.image(picture, caption=caption, width="stretch", alt=caption)
        if place:
            show_place(place)
        elif shown is None or not shown.step:
            st.progress(0.0, "Starting ...")
        else:
            left = f"about {duration(shown.remaining_s)} left"
            if job.state is JobState.PAUSED:
                left = "paused while a shorter one is painted"
            share = min(1.0, shown.step / max(1, shown.steps))
            st.progress(share, f"Step {shown.step} of {shown.steps}, {left}")
        label = "Leave the line" if place else "Stop and keep the best so far"
        offer_to_stop(job, label, "Stopping after this step ...", key="cancel")
    show_style_pictures(job.about.styles, job.about.names[1:])
    if shown is not None and len(shown.losses) > 1:
        show_losses(job)


def show_style_pictures(pictures: Sequence[bytes], names: Sequence[str]) -> None:
    """Show style pictures with their titles."""
    with st.grid(max(4, len(pictures)), gap="xsmall"):
        for picture, name in zip(pictures, names, strict=True):
            title = sample_title(name)
            st.image(picture, caption=f"Style: {title}", width="stretch", alt=f"The style picture {title}")


def show_losses(job: Job[Request, Progress, object]) -> None:
    line_chart(job.progress.losses, x_label=job.about.loss_label, y_label="total loss", height=260)
