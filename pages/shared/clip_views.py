"""The views of clips: the choice of a part and of a file format, a running job, the painted clip."""

from __future__ import annotations

import math

import streamlit as st

from pages.shared.address import forget, keep_choice
from pages.shared.clip_files import (
    DOWNLOAD_FORMATS,
    TRANSPARENT_FORMATS,
    Clip,
    PaintedClip,
    clip_limits,
    read_still,
)
from pages.shared.clip_painting import MEGABYTE, ClipJob
from pages.shared.entrance import why_stopped
from pages.shared.job_views import REFRESH_S, show_progress
from pages.shared.limits import limits
from pages.shared.pictures import duration, plain
from pages.shared.streamlit_workarounds import show_animation
from pages.shared.visit import visit
from stylecore.errors import describe
from stylecore.host.jobs import JobState

FORMAT_KEYS = {f"{state}{kind}_format" for state in ("", "transparent_") for kind in ("clip", "animation")}
STEP_S = 0.1  # of the slider
TRIAL_S = 3.0  # seconds, length of a trial
WHOLE, TRIAL = "whole", "trial"
# Larger files can only be downloaded: videos are held in memory while they are shown, and animations are
# part of the page.
PLAYED_BYTES = {"video": 100 * MEGABYTE, "image": 20 * MEGABYTE}
# Animations play by themselves, but not for visitors whose device asks for less motion.
STILL_CSS = """
.st-key-animation_still { display: none; }
@media (prefers-reduced-motion: reduce) {
  .st-key-animation { display: none; }
  .st-key-animation_still { display: flex; }
}
"""


def choose_part(clip: Clip, most_s: float) -> tuple[float, float | None]:
    """Show a slider for the part to paint; returns its start in seconds, and its end if that is chosen.

    Args:
        clip: The clip.
        most_s: Seconds that can be painted at most.
    """
    length = clip.info.duration_s or most_s
    steps = math.ceil(round(length / STEP_S, 3))
    if steps < 2:
        return 0.0, None
    last = round(steps * STEP_S, 1)
    start, end = st.slider(
        "From and to",
        min_value=0.0,
        max_value=last,
        value=(0.0, min(last, most_s)),
        step=STEP_S,
        format="%.1f s",
        key=f"clip_part_{clip.checksum}",
        help="The part of the clip that is painted.",
        persist_state="session",
    )
    return start, None if end == last else end


def choose_clip_format(clip: Clip, *, is_transparent: bool = False) -> str:
    """Show the formats of `DOWNLOAD_FORMATS`; returns the chosen one. Animations become animations.

    Args:
        clip: The clip.
        is_transparent: Whether a part becomes transparent, which not all formats can be.
    """
    key, default = "clip_format", "WebM" if is_transparent else "MP4"
    if clip.is_animation:
        key, default = "animation_format", "GIF" if clip.ending == ".gif" else "WebP"
    if is_transparent:
        key = f"transparent_{key}"
    for name in FORMAT_KEYS - {key}:
        forget(name)
    names = [name for name in DOWNLOAD_FORMATS if not is_transparent or name in TRANSPARENT_FORMATS]
    return st.segmented_control(
        "File",
        names,
        default=keep_choice(key, default, {name: name for name in names}),
        required=True,
        key=key,
        help="MP4 plays everywhere, WebM is smaller; both keep the sound. GIF and WebP play by themselves in "
        "chats, without sound. All but MP4 can be transparent.",
        persist_state="session",
    )


def show_kept_clip(clip: Clip) -> None:
    """Show the name of a clip that was chosen before a change of page, and a button that removes it."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(plain(f"Still chosen: {clip.name}{clip.ending}"))
        st.button(
            "Remove",
            key="remove_clip",
            icon=":material/close:",
            type="tertiary",
            on_click=visit().forget_clip,
        )


def still_of(clip: Clip, at_s: float) -> bytes:
    """The frame at a time, encoded at screen size; the visit keeps the last one.

    Raises:
        ClipError: There is none.
    """
    kept = visit().clip_still
    if kept is None or kept[0] is not clip or kept[1] != at_s:
        kept = visit().clip_still = clip, at_s, read_still(clip, at_s)
    return kept[2]


def offer_to_start(
    label: str, length_s: float, expected_s: float, *, icon: str, is_answered: bool, is_busy: bool
) -> str | None:
    """Show the buttons that start a clip; returns `WHOLE`, `TRIAL`, or None while none is pressed.

    Args:
        label: Of the button for all of the chosen part.
        length_s: Seconds of that part.
        expected_s: Seconds that it will take.
        icon: Of the same button.
        is_answered: Whether what is chosen was made already.
        is_busy: Whether a clip of the visitor is being made.
    """
    most_s = clip_limits().seconds
    is_too_long = length_s > most_s + 0.5
    if is_too_long:
        st.warning(f"At most {duration(most_s)} can be painted at once: choose a shorter part.")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        # Callbacks would start with the settings of the previous script run.
        is_trial = length_s > TRIAL_S and st.button(
            f"Try {TRIAL_S:.0f} seconds", key="try_clip", icon=":material/timer:", disabled=is_busy
        )
        is_whole = st.button(
            f"{label} (about {duration(max(1, expected_s))})",
            key="paint_clip",
            type="secondary" if is_answered else "primary",
            icon=icon,
            disabled=is_busy or is_too_long,
        )
    if is_trial:
        return TRIAL
    return WHOLE if is_whole else None


@st.fragment(run_every=REFRESH_S)
def show_newest_frame(job: ClipJob, *, key: str = "painting") -> None:
    """Show the newest frame of a running job next to its painting; only this part is refreshed.

    Args:
        job: The job.
        key: Key of the container.
    """
    state = job.progress
    has_frames = state is not None and state.frames > 0
    shown = state if has_frames else job.about
    with st.container(key=key), st.grid(2, min_column_width=120, gap="xxsmall"):
        st.image(shown.still, width="stretch", alt="The newest frame" if has_frames else "A frame")
        st.image(shown.painted_still, width="stretch", alt="The same frame painted")


@st.fragment(run_every=REFRESH_S)
def show_clip_progress(job: ClipJob) -> None:
    """Show the progress of a job, and the button that stops it; only this part is refreshed."""
    job.touch()
    if job.is_finished:
        st.rerun()
    state, share, done = job.progress, None, ""
    if state is not None and state.done:
        share, done = state.share, state.done
    show_progress(job, share, done, verb="painted", kept="what is done", unit="frame", key="stop_clip")


def show_clip_failure(job: ClipJob) -> None:
    """Show why a finished job has no painted clip, if it has none."""
    if job.error is not None:
        st.error(f"Painting failed: {plain(describe(job.error))}.", icon=":material/error:")
    elif job.result is None:
        before = "it started" if job.progress is None else "its first frame"
        st.info(f"{why_stopped(job)}Stopped before {before}.")
    elif job.result.is_gone:
        st.info("Your painted clip is gone: clips are kept only for a while. Start again.")


def show_clip_result(job: ClipJob, *, key: str) -> None:
    """Show a painted clip, and why it ends early or has no painted part if that is so.

    Args:
        job: A finished job with a result.
        key: Key of the container.
    """
    painted = job.result
    if job.state is JobState.CANCELLED:
        st.info(f"{why_stopped(job)}Stopped: this is what was painted.")
    elif not painted.result.is_complete:
        most = f"{limits().painted_megabytes} MB"
        st.info(f"It ends early: the file has reached {most}. Choose a shorter part, or MP4.")
    if not painted.result.is_found:
        st.info(f"No subject was found in it: {job.about.not_found}.")
    with st.container(key=key):
        mime = DOWNLOAD_FORMATS[job.about.file_format][1]
        _play(painted, mime, job.about.painted_still, alt=job.about.alt)


def offer_clip_download(job: ClipJob, *, is_primary: bool) -> None:
    """Show the download of a painted clip, and what it is."""
    result, size = job.result.result, max(job.result.size / MEGABYTE, 0.1)
    ending, mime = DOWNLOAD_FORMATS[job.about.file_format]
    st.download_button(
        f"Download {job.about.file_format} ({size:.1f} MB)",
        data=job.result.read,
        file_name=f"{job.about.name}.{ending}",
        mime=mime,
        type="primary" if is_primary else "secondary",
        icon=":material/download:",
        on_click="ignore",
        key="download_clip",
    )
    kind = "The first seconds. " if job.about.is_trial else ""
    sound = ", with sound" if result.has_sound else ""
    st.caption(
        f"{kind}{plain(job.about.made)}, {result.duration_s:.1f} s in {result.frames} frames of "
        f"{result.width} x {result.height}{sound}. Anyone who has the address of this page can see it for a "
        "while."
    )


def _play(painted: PaintedClip, mime: str, still: bytes, *, alt: str) -> None:
    kind = mime.partition("/")[0]
    if painted.size > PLAYED_BYTES[kind]:
        st.info("This file is too large to be played here: download it.")
    elif kind == "video":
        st.video(painted.read(), format=mime, loop=True, alt=alt)
    else:
        st.html(f"<style>{STILL_CSS}</style>")
        with st.container(key="animation"):
            show_animation(painted.read(), mime, alt=alt)
        with st.container(key="animation_still"):
            st.image(still, width="stretch", alt=alt)
            st.caption("Your device asks for less motion, so it does not play here. The download does.")
