"""The views of the page Your own style: the sketch, the running job, the painting, earlier ones."""

from __future__ import annotations

import json
from collections.abc import Sequence

import streamlit as st

from pages.shared import refining, sketching
from pages.shared.choosing import Choice
from pages.shared.comparing import compare
from pages.shared.entrance import AWAY
from pages.shared.keeping import offer_to_stop
from pages.shared.painting import DOWNLOAD_FORMATS
from pages.shared.pictures import duration, least_wait, sample_title
from pages.shared.sharing import offer_share
from pages.shared.showing import choose_format
from pages.shared.streamlit_workarounds import line_chart
from pages.shared.visit import visit
from stylecore.errors import describe
from stylecore.host.jobs import JobState
from stylecore.images.colors import is_transparent

REFRESH_S = 1.0


def show_sketch(
    photo: Choice, styles: Sequence[Choice], mix: sketching.StyleBytes, *, preserve_color: bool
) -> None:
    """Show the sketch of the chosen photo and styles.

    Args:
        photo: The photo.
        styles: The style pictures.
        mix: The style pictures, encoded, with weights.
        preserve_color: Whether the photo's colors are kept.
    """
    sketch, file_format, milliseconds = sketching.sketch(photo.data, mix, preserve_color)
    ending, mime = DOWNLOAD_FORMATS[file_format]
    names = [style.name for style in styles]
    with st.grid(2, min_column_width=300, gap="small"):
        with st.container(gap="xsmall"):
            compare(
                sketching.screen_picture(photo.data).encoded,
                sketch,
                before_alt="Your photo as it was",
                after_alt="A quick sketch of your photo in your style",
                after_tag="Sketch",
                key="compare_sketch",
            )
            with st.container(horizontal=True, vertical_alignment="center"):
                st.download_button(
                    "Download the sketch",
                    data=sketch,
                    file_name=f"{'_'.join([photo.name, *names])}_sketch.{ending}",
                    mime=mime,
                    icon=":material/download:",
                    on_click="ignore",
                    key="download_sketch",
                )
                st.caption(
                    f"Instant sketch, painted in {milliseconds / 1000:.1f} s. Refining adds finer "
                    "strokes: quick at 384 px, good at 512 px, best at 1280 px."
                )
        with st.container(gap="xsmall"):
            _show_styles([sketching.screen_picture(style.data).encoded for style in styles], names)


@st.fragment(run_every=REFRESH_S)
def show_run(run: refining.RefinementJob) -> None:
    """Show the running job; only this part of the page is refreshed."""
    run.touch()
    if run.is_finished:
        st.rerun()
    place = run.place
    shown = run.progress
    if place:
        others = [running.progress for running in refining.job_queue().running]
        wait = least_wait([other.newest.remaining_s for other in others if other and other.newest])
        message = f"You are number {place} in line: another painting is being made{wait}."
        st.info(message, icon=":material/hourglass:")
    elif shown is None or shown.newest is None:
        st.progress(0.0, "Starting ...")
    else:
        newest = shown.newest
        left = f"about {duration(newest.remaining_s)} left"
        if run.state is JobState.PAUSED:
            left = "paused while a shorter one is painted"
        st.progress(newest.step / newest.steps, f"Step {newest.step} of {newest.steps}, {left}")
    label = "Leave the line" if place else "Stop and keep the best so far"
    offer_to_stop(run, label, "Stopping after this step ...", key="cancel")
    with st.grid(2, min_column_width=300, gap="small"):
        if shown is not None and shown.picture is not None:
            picture, caption = shown.picture, "The painting so far"
        elif run.about.sketch is not None:
            picture, caption = run.about.sketch, "The sketch it starts from"
        else:
            picture, caption = run.about.photo, "Your photo"
        st.image(picture, caption=caption, width="stretch", alt=caption)
        with st.container(gap="xsmall"):
            _show_styles(run.about.styles, run.about.names[1:])
            if shown and len(shown.losses) > 1:
                _show_losses(run)


def show_failure(run: refining.RefinementJob) -> None:
    """Show why a job ended without a painting."""
    if run.error is not None:
        st.error(f"Refining failed: {describe(run.error)}. Start it again.", icon=":material/error:")
    else:
        st.info(f"{AWAY if run.is_abandoned else ''}Stopped before it started.")


def show_result(run: refining.RefinementJob) -> None:
    """Show the painting, its downloads, and how it was painted."""
    result, shown = run.result, run.progress
    if result.error is not None:
        st.warning(f"It ended early: {describe(result.error)}. This is the best picture up to then.")
    elif result.is_stopped:
        st.info(f"{AWAY if run.is_abandoned else ''}Stopped: this is the best picture so far.")
    if shown.changes:
        st.info(f"Little memory was free, so the settings were reduced: {', '.join(shown.changes)}.")
    painting = shown.snapshots[-1][1]
    if run.about.quality == "classic":
        styles = [("Style", picture) for picture in run.about.styles]
        row = [("Content", run.about.photo), *styles, ("Generated", painting)]
        with st.grid(len(row), min_column_width=200, gap="small"):
            for caption, picture in row:
                st.image(picture, caption=caption, width="stretch", alt=caption)
    with st.grid(2, min_column_width=300, gap="small"):
        with st.container(gap="xsmall"):
            compare(
                run.about.photo,
                painting,
                before_alt="Your photo as it was",
                after_alt="Your photo in your style, refined",
                is_sought=visit().take_sought(),
                key=f"compare_{run.token}",
            )
            st.caption(f"Refined ({run.about.words}): slide to compare")
        with st.container(gap="xsmall"):
            _show_styles(run.about.styles, run.about.names[1:])
    _offer_downloads(run)
    if len(shown.snapshots) > 1:
        with st.grid(2, min_column_width=300, gap="small"):
            with st.container():
                steps = [step for step, _ in shown.snapshots]
                step = st.select_slider(
                    "How it was painted: step", steps, value=steps[-1], key=f"snapshot_{run.token}"
                )
                alt = f"The painting after step {step}"
                st.image(dict(shown.snapshots)[step], width="stretch", alt=alt)
            _show_losses(run)


def _offer_downloads(run: refining.RefinementJob) -> None:
    result = run.result
    names = "_".join(run.about.names)
    with st.container(horizontal=True, vertical_alignment="center"):
        file_format = choose_format(result.image.size, is_transparent=is_transparent(result.image))
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
    found = [(token, refining.job_queue().find(token)) for token in reversed(tokens)]
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


def _show_styles(pictures: Sequence[bytes], names: Sequence[str]) -> None:
    """Show style pictures with their titles."""
    with st.grid(2, gap="xsmall"):
        for picture, name in zip(pictures, names, strict=True):
            title = sample_title(name)
            st.image(picture, caption=f"Style: {title}", width="stretch", alt=f"The style picture {title}")


def _show_losses(run: refining.RefinementJob) -> None:
    x_label = "step; each larger size begins with a jump" if run.about.config.is_coarse_to_fine else "step"
    line_chart(run.progress.losses, x_label=x_label, y_label="total loss", height=260)
