"""The views that running jobs have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import streamlit as st

from pages.shared.keeping import offer_to_stop
from pages.shared.long_jobs import has_stayed_here, wait_for_others
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


def show_progress(
    job: Job, share: float | None, done: str, *, verb: str, kept: str, unit: str, key: str
) -> None:
    """Show the place in line or the progress of a running job, and the button that stops it.

    Args:
        job: The job; its progress has `remaining_s`.
        share: Of the work that is done; None before the first step.
        done: What is done, in words: `Step 3 of 20`.
        verb: What is done with a job, for `a shorter one is painted`.
        kept: What a stopped job keeps, for `Stop and keep`.
        unit: What is finished before it stops: `step`.
        key: Key of the button.
    """
    place = job.place
    if place:
        show_place(place)
    elif share is None:
        st.progress(0.0, "Starting ...")
    else:
        remaining_s = job.progress.remaining_s
        left = "" if remaining_s is None else f", about {duration(remaining_s)} left"
        if job.state is JobState.PAUSED:
            left = f", paused while a shorter one is {verb}"
        st.progress(min(1.0, share), done + left)
    if job.is_away:
        st.info(
            "The painting server does not answer: this is how far it was. It goes on when it answers again.",
            icon=":material/cloud_off:",
        )
    label = "Leave the line" if place else f"Stop and keep {kept}"
    offer_to_stop(job, label, f"Stopping after this {unit} ...", key=key)


def show_steps(job: Job[object, Progress, object], *, verb: str, key: str) -> None:
    """As `show_progress`, for a job that counts steps."""
    progress, share, done = job.progress, None, ""
    if progress is not None and progress.step:
        share = progress.step / max(1, progress.steps)
        done = f"Step {progress.step} of {progress.steps}"
    show_progress(job, share, done, verb=verb, kept="the best so far", unit="step", key=key)


@st.fragment(run_every=REFRESH_S)
def show_running(job: Job[Request, Progress, object]) -> None:
    """Show a running job; only this part of the page is refreshed."""
    job.touch()
    if job.is_finished:
        st.rerun()
    shown = job.progress
    with st.container(key="painting"):
        if shown is not None and shown.picture is not None:
            picture, caption = shown.picture, "The painting so far"
        elif job.about.first is not None:
            picture, caption = job.about.first, "The instant painting"
        else:
            picture, caption = job.about.photo, "Your photo"
        st.image(picture, caption=caption, width="stretch", alt=caption)
        show_steps(job, verb="painted", key="cancel")
        if has_stayed_here(job):
            st.caption("The painting server did not take this one, so this app makes it by itself.")
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
