"""The widgets for learning a style, and why a learning ended without one."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.shared.entrance import why_stopped
from pages.shared.learning import FIT_S, MINUTES, LearningJob
from pages.shared.pictures import duration
from stylecore import LearningConfig, fitting_config
from stylecore.errors import describe
from stylecore.host.jobs import JobState


def offer_learning(title: str, weights: Sequence[float], *, is_disabled: bool) -> LearningConfig | None:
    """Show the button that starts a learning; returns its settings once it is pressed.

    Args:
        title: Title of the style.
        weights: Shares of the style pictures.
        is_disabled: Whether the button cannot be pressed now.
    """
    st.caption(
        "Or let it be learned: some minutes bring it closer to your picture, and it paints as fast."
        + (" All pictures count alike in it." if len(set(weights)) > 1 else "")
    )
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        minutes = st.segmented_control(
            "Minutes",
            MINUTES,
            default=LearningConfig().minutes,
            required=True,
            key="learning_minutes",
            label_visibility="collapsed",
            format_func=lambda minutes: f"{minutes:g} min",
            persist_state="session",
        )
        is_pressed = st.button(
            "Keep as an instant style",
            key="learn",
            type="primary",
            icon=":material/school:",
            disabled=is_disabled,
        )
    return LearningConfig(minutes=minutes, title=title) if is_pressed else None


def offer_fit(title: str) -> LearningConfig | None:
    """Show the button that fits the style to the photo; returns the settings once it is pressed."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="fit_row"):
        is_pressed = st.button(
            f"Bring it closer (about {duration(FIT_S)})",
            key="fit",
            type="primary",
            icon=":material/auto_awesome:",
        )
        st.caption("Fits the style to this very photo: clearer strokes, truer colors.", width="stretch")
    return fitting_config(title=title) if is_pressed else None


def show_learning_failure(job: LearningJob) -> None:
    """Show why a finished job has no style, if it has none."""
    if job.error is not None:
        st.error(f"Learning failed: {describe(job.error)}. Start it again.", icon=":material/error:")
    elif job.state is JobState.CANCELLED and job.result is None:
        st.info(f"{why_stopped(job)}Stopped before it started.")
