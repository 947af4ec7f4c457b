"""Several photos at once, in one style or in all, as one ZIP."""

import streamlit as st

from pages.shared.batches import batch_queue, batches, start_batch
from pages.shared.choosing import UPLOAD_TYPES, Choice
from pages.shared.entrance import AWAY, come_in
from pages.shared.keeping import come_back
from pages.shared.limits import limits
from pages.shared.painting import DOWNLOAD_FORMATS
from pages.shared.styling import choose_look, choose_style
from stylecore import StyleTransferError, list_styles
from stylecore.errors import describe
from stylecore.jobs import JobState

REFRESH_S = 1.0
SHOWN_PAIRS = 24

state = st.session_state
come_in()
st.header("Several photos, painted", anchor=False)
st.markdown("Choose many photos or a whole folder; they come back as one ZIP. Photos are never saved.")

photo_column, style_column = st.columns(2)
with photo_column:
    is_folder = st.toggle("A whole folder", key="is_folder", help="Works on computers, not on phones.")
    uploads = st.file_uploader(
        f"{'Your folder' if is_folder else 'Your photos'}, up to {limits().photos}",
        type=UPLOAD_TYPES,
        accept_multiple_files="directory" if is_folder else True,
        key="folder" if is_folder else "photos",
    )
with style_column:
    style = choose_style()
look = choose_look(style)
with st.container(horizontal=True, vertical_alignment="bottom"):
    with_all = st.toggle(f"In all {len(list_styles())} styles", key="in_all_styles")
    file_format = st.segmented_control(
        "Files",
        list(DOWNLOAD_FORMATS),
        default="JPEG",
        required=True,
        key="batch_format",
        help="JPEG is small; PNG keeps every pixel. Transparent photos become PNG in place of JPEG.",
        persist_state="session",
    )
names = [other.name for other in list_styles()] if with_all else []

most = min(limits().photos, max(1, limits().pictures // max(1, len(names))))
if len(uploads) > most:
    st.warning(f"{len(uploads)} photos came; at most {most} can be painted at once, so the first {most} are.")
photos = [Choice.of_upload(upload) for upload in uploads[:most]]

run = come_back(batches(), "batch")
job = run and run.job
is_busy = job is not None and not job.is_finished
count = len(photos) * max(1, len(names))
# A callback would start with the photos and the look of the run before.
if st.button(
    f"Make {count} painting{'s' * (count != 1)}" if photos else "Choose photos first",
    key="paint_batch",
    type="primary",
    icon=":material/brush:",
    disabled=is_busy or not photos,
):
    try:
        state.batch = start_batch(photos, look, names, file_format)
        st.rerun()
    except StyleTransferError as error:
        st.error(f"{error}.", icon=":material/hourglass:")


def show_pairs(pairs: list) -> None:
    with st.grid("auto", min_column_width=280, gap="small"):
        for pair in pairs[-SHOWN_PAIRS:]:
            alt = f"The photo beside the painting {pair.file_name}"
            st.image(pair.picture, caption=pair.file_name, width="stretch", alt=alt)
    if len(pairs) > SHOWN_PAIRS:
        st.caption(f"The last {SHOWN_PAIRS} of {len(pairs)}; the ZIP has all.")


def show_skipped(skipped: list[str]) -> None:
    for reason in skipped:
        st.warning(f"Skipped: {reason}.", icon=":material/image_not_supported:")


@st.fragment(run_every=REFRESH_S if is_busy else None)
def show_progress() -> None:
    job.touch()
    if job.is_finished:
        st.rerun()
    place = batch_queue().place(job)
    batch = job.progress
    if place:
        st.info(f"Place {place} in line: other photos are being painted.", icon=":material/hourglass:")
    elif batch is not None:
        left = "" if batch.remaining_s is None else f", about {batch.remaining_s:.0f} s left"
        st.progress(batch.share, f"{len(batch.pairs)} of {batch.total} painted{left}")
    st.button("Stop and keep what is painted", key="stop_batch", icon=":material/stop:", on_click=job.cancel)
    if batch is not None:
        show_skipped(batch.skipped)
        show_pairs(batch.pairs)


if is_busy:
    show_progress()
elif job is not None and job.error is not None:
    st.error(f"Painting failed: {describe(job.error)}. Start it again.", icon=":material/error:")
elif job is not None and job.progress is None:
    st.info(f"{AWAY if job.is_abandoned else ''}Stopped before it began.")
elif job is not None:
    batch = job.progress
    if job.state is JobState.CANCELLED:
        st.info(f"{AWAY if job.is_abandoned else ''}Stopped: these are the paintings so far.")
    if batch.pairs:
        st.download_button(
            f"Download {len(batch.pairs)} painting{'s' * (len(batch.pairs) != 1)} as ZIP",
            data=lambda: job.result,
            file_name="paintings.zip",
            mime="application/zip",
            type="primary",
            icon=":material/download:",
            on_click="ignore",
            key="download_zip",
        )
    else:
        st.info("Nothing was painted.")
    show_skipped(batch.skipped)
    show_pairs(batch.pairs)
