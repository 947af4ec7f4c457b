"""The views of refined paintings: the result, how it was made, and earlier ones."""

from __future__ import annotations

import json
from collections.abc import Sequence

import streamlit as st

from pages.shared import refining
from pages.shared.comparing import compare
from pages.shared.entrance import why_stopped
from pages.shared.job_views import show_losses, show_style_pictures
from pages.shared.long_jobs import job_queue
from pages.shared.painting import DOWNLOAD_FORMATS
from pages.shared.pictures import duration
from pages.shared.sharing import offer_share
from pages.shared.showing import choose_format
from pages.shared.visit import visit
from stylecore.errors import describe
from stylecore.images.colors import is_transparent


def show_failure(run: refining.RefinementJob) -> None:
    """Show why a job ended without a painting."""
    if run.error is not None:
        st.error(f"Refining failed: {describe(run.error)}. Start it again.", icon=":material/error:")
    else:
        st.info(f"{why_stopped(run)}Stopped before it started.")


def show_result(run: refining.RefinementJob) -> None:
    """Show the painting and its downloads."""
    result, shown = run.result, run.progress
    if result.error is not None:
        st.warning(f"It ended early: {describe(result.error)}. This is the best picture up to then.")
    elif result.is_stopped:
        st.info(f"{why_stopped(run)}Stopped: this is the best picture so far.")
    if shown.changes:
        st.info(f"Little memory was free, so the settings were reduced: {', '.join(shown.changes)}.")
    compare(
        run.about.photo,
        shown.snapshots[-1][1],
        before_alt="Your photo as it was",
        after_alt="Your photo in your style, refined",
        is_sought=visit().take_sought(),
        key=f"compare_{run.token}",
    )
    st.caption(f"Refined ({run.about.words}): slide to compare")
    _offer_downloads(run)


def show_making(run: refining.RefinementJob) -> None:
    """Show how a finished painting was made."""
    shown = run.progress
    if run.about.quality == "classic":
        styles = [("Style", picture) for picture in run.about.styles]
        row = [("Content", run.about.photo), *styles, ("Generated", shown.snapshots[-1][1])]
        with st.grid(len(row), min_column_width=200, gap="small"):
            for caption, picture in row:
                st.image(picture, caption=caption, width="stretch", alt=caption)
    else:
        show_style_pictures(run.about.styles, run.about.names[1:])
    if len(shown.snapshots) > 1:
        with st.grid(2, min_column_width=300, gap="small"):
            with st.container():
                steps = [step for step, _ in shown.snapshots]
                step = st.select_slider(
                    "How it was painted: step", steps, value=steps[-1], key=f"snapshot_{run.token}"
                )
                alt = f"The painting after step {step}"
                st.image(dict(shown.snapshots)[step], width="stretch", alt=alt)
            show_losses(run)


def _offer_downloads(run: refining.RefinementJob) -> None:
    result = run.result
    names = "_".join(run.about.names)
    with st.container(horizontal=True, vertical_alignment="center"):
        file_format = choose_format(
            result.image.size, is_transparent=is_transparent(result.image), key="refined_format"
        )
        ending, mime = DOWNLOAD_FORMATS[file_format]
        st.download_button(
            f"Download ({result.image.width} x {result.image.height})",
            data=lambda: refining.encode_painting(run, file_format),
            file_name=f"{names}.{ending}",
            mime=mime,
            type="primary",
            icon=":material/download:",
            on_click="ignore",
            key="download_refined",
        )
        offer_share(
            lambda: refining.encode_painting(run, file_format),
            file_name=f"{names}.{ending}",
            mime=mime,
            version=f"{run.token} {file_format}",
            key="share_refined",
        )
        st.download_button(
            "Recipe",
            data=json.dumps(refining.recipe_of(run), indent=2),
            file_name=f"{names}.json",
            mime="application/json",
            icon=":material/description:",
            help="The settings. `impasto optimize PHOTO STYLE --recipe FILE` paints it again.",
            on_click="ignore",
            key="download_recipe",
        )
        if result.iterates:
            count = len(result.iterates)
            steps = f"{count} step{'s' * (count != 1)}"
            st.caption(
                f"{steps} in {duration(result.iterates[-1].elapsed_s)}. Anyone who has the address of this "
                "page can see this painting for a while."
            )


def show_earlier(
    tokens: Sequence[str], current: refining.RefinementJob | None, *, is_busy: bool
) -> str | None:
    """Show the visit's other paintings, the newest first; returns the token of one that is to be opened.

    Args:
        tokens: Tokens of all runs, the oldest first.
        current: The run that the page shows.
        is_busy: Whether none can be opened now.
    """
    found = [(token, job_queue().find(token)) for token in reversed(tokens)]
    finished = [(token, run) for token, run in found if run and run is not current and run.result]
    if not finished:
        return None
    st.subheader("Your earlier paintings", anchor=False)
    st.caption("They stay for a while, until you close or reload this page: download what you want to keep.")
    opened = None
    with st.grid("auto", min_column_width=160, gap="small"):
        for token, run in finished:
            with st.container(gap="xxsmall"):
                alt = f"{run.about.names[0]}, refined ({run.about.words})"
                st.image(run.progress.snapshots[-1][1], width="stretch", alt=alt)
                if st.button("Show", key=f"show_{token}", disabled=is_busy, width="stretch", help=alt):
                    opened = token
    return opened
