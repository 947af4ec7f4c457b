"""Any style picture: an instant sketch, then an optimization that refines it before one's eyes."""

import importlib.util
import json
from dataclasses import asdict, replace

import streamlit as st

from pages.shared.choosing import choose_picture
from pages.shared.pictures import SAMPLES, STYLE_SAMPLES
from stylecore import StyleTransferError, load_image
from stylecore.images import encode_image

REFRESH_S = 1.0

st.html("<style>.stMainBlockContainer { padding-top: 2.5rem; }</style>")
st.header("Any picture as the style", anchor=False)
if importlib.util.find_spec("torch") is None:
    st.warning(
        "This page needs torch, which is not installed here: `pip install -r requirements.txt`. "
        "The instant styles work without it."
    )
    st.stop()

from pages.shared import refining  # noqa: E402 - needs torch

state = st.session_state
st.markdown(
    "Choose a photo and any painting, drawing or texture. A sketch comes at once; refine what you like."
)

photo_column, style_column = st.columns(2)
with photo_column:
    photo = choose_picture("Your photo", SAMPLES, key="content")
with style_column:
    style = choose_picture("Your style picture", STYLE_SAMPLES, key="style_picture")

settings = st.container(horizontal=True, vertical_alignment="bottom")
quality = settings.segmented_control(
    "Quality",
    list(refining.QUALITIES),
    format_func=str.capitalize,
    default="quick",
    required=True,
    key="quality",
)
preserve_color = settings.toggle("Keep the photo's colors", key="custom_preserve_color")

pictures = {}
for name, choice, next_step in (("photo", photo, "photo"), ("style", style, "style picture")):
    try:
        pictures[name] = load_image(choice.data)
    except StyleTransferError as error:
        st.error(f"{error}. Choose another {next_step} above.", icon=":material/image_not_supported:")
        st.stop()
try:
    sketch, milliseconds = refining.sketch(photo.data, style.data, preserve_color)
except StyleTransferError as error:
    st.error(str(error), icon=":material/error:")
    st.stop()

config = replace(refining.QUALITIES[quality], preserve_color=preserve_color)
job = state.get("job")
expected_s = refining.expected_seconds(pictures["photo"].size, config)


def start() -> None:
    state.pop("job_error", None)
    try:
        state.job = refining.start_refinement(pictures["photo"], pictures["style"], config)
        state.job_recipe = {"content": photo.name, "style": style.name, "config": asdict(config)}
    except StyleTransferError as error:
        state.job_error = str(error)


is_busy = job is not None and not job.is_finished
settings.button(
    f"Refine (about {expected_s:.0f} s)",
    key="refine",
    type="primary",
    icon=":material/brush:",
    disabled=is_busy,
    on_click=start,
)
if "job_error" in state:
    st.error(state.job_error, icon=":material/hourglass:")


@st.fragment(run_every=REFRESH_S if is_busy else None)
def show_run() -> None:
    """The running job: refreshed alone, without the rest of the page."""
    job.touch()
    if job.is_finished:
        st.rerun()
    place = refining.job_queue().place(job)
    shown = job.progress
    if place:
        st.info(f"Place {place} in line: another painting is being made.", icon=":material/hourglass:")
    elif shown is None:
        st.progress(0.0, "Starting ...")
    else:
        newest = shown.newest
        left = f"about {newest.remaining_s:.0f} s left"
        st.progress(newest.step / newest.steps, f"Step {newest.step} of {newest.steps}, {left}")
    st.button("Stop and keep the best so far", key="cancel", icon=":material/stop:", on_click=job.cancel)
    picture = shown.snapshots[-1][1] if shown and shown.snapshots else sketch
    with st.grid(2, min_column_width=300, gap="small"):
        st.image(picture, caption="The painting so far", width="stretch", alt="The painting so far")
        if shown:
            st.line_chart({"total loss": shown.losses}, height=260)


def show_result() -> None:
    result, shown = job.result, job.progress
    if result.is_diverged:
        st.warning("The optimization lost its way; this is the last good picture. Try another quality.")
    elif result.is_stopped:
        st.info("Stopped: this is the best picture so far.")
    png = encode_image(result.image, "PNG")
    with st.grid(2, min_column_width=300, gap="small"):
        st.image(png, caption="Refined", width="stretch", alt="Your photo in your style, refined")
        st.image(photo.data, caption="Original", width="stretch", alt="Your photo as it was")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            f"Download ({result.image.width} x {result.image.height})",
            data=png,
            file_name=f"{state.job_recipe['content']}_{state.job_recipe['style']}.png",
            mime="image/png",
            type="primary",
            icon=":material/download:",
            on_click="ignore",
            key="download_refined",
        )
        st.download_button(
            "Recipe",
            data=json.dumps(state.job_recipe, indent=2),
            file_name=f"{state.job_recipe['content']}_{state.job_recipe['style']}.json",
            mime="application/json",
            icon=":material/description:",
            help="The settings, to make the same picture again.",
            on_click="ignore",
            key="download_recipe",
        )
        st.caption(f"{len(result.iterates)} steps in {result.iterates[-1].elapsed_s:.0f} s.")
    if shown and len(shown.snapshots) > 1:
        steps = [step for step, _ in shown.snapshots]
        step = st.select_slider("How it came about: step", steps, value=steps[-1], key="snapshot")
        st.image(dict(shown.snapshots)[step], width=360, alt=f"The painting after step {step}")


if is_busy:
    show_run()
elif job is not None and job.error is not None:
    st.error(f"The optimization failed: {job.error}", icon=":material/error:")
elif job is not None and job.result is not None:
    show_result()
if not is_busy:
    with st.grid(2, min_column_width=300, gap="small"):
        caption = f"Instant sketch, {milliseconds} ms"
        st.image(sketch, caption=caption, width="stretch", alt="A quick sketch of your photo in your style")
        st.image(style.data, caption="Style", width="stretch", alt="The style picture")
