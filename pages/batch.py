"""Several photos at once, in one style or in all, as one ZIP."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import streamlit as st

from pages.shared.address import keep_choice, keep_switch, write_address
from pages.shared.batches import Batch, Pair, batch_queue, request_of, start_batch
from pages.shared.choosing import UPLOAD_TYPES, Choice, show_kept
from pages.shared.entrance import come_in, why_stopped
from pages.shared.keeping import come_back, offer_to_stop
from pages.shared.limits import limits
from pages.shared.own_styles import known_styles
from pages.shared.painting import DOWNLOAD_FORMATS
from pages.shared.painting_server import show_if_away
from pages.shared.pictures import duration, least_wait, plain, sentence
from pages.shared.styling import choose_look, choose_style
from pages.shared.visit import visit
from pages.shared.where_choices import choose_where
from stylecore import StyleTransferError
from stylecore.errors import describe
from stylecore.host.jobs import JobState

REFRESH_S = 1.0
SHOWN_PAIRS = 24  # of a finished batch
NEWEST_PAIRS = 2  # while it runs

kept = visit().batch_photos
come_in()
st.header("Several photos, painted", anchor=False)
st.markdown(
    "Choose many photos or a whole folder. You get the paintings as one ZIP file. Photos are never saved."
)

# On phones, where the columns are stacked, the controls that start the work come last.
st.html("""<style>
@media (max-width: 640px) {
  .stColumn:has(.st-key-start), .stColumn:has(.st-key-start) > .stVerticalBlock { display: contents; }
  :has(> .st-key-start) { order: 1; width: 100%; }
}
</style>""")
photo_column, style_column = st.columns(2)
with photo_column:
    is_folder = st.toggle("A whole folder", key="is_folder", help="Works on computers, not on phones.")
    uploads = st.file_uploader(
        f"{'Your folder' if is_folder else 'Your photos'}, up to {limits().photos}",
        type=UPLOAD_TYPES,
        accept_multiple_files="directory" if is_folder else True,
        key="folder" if is_folder else "photos",
        on_change=kept.clear,
    )
    # Macs leave hidden `._` files next to photos.
    uploads = [upload for upload in uploads if not Path(upload.name).name.startswith(".")]
    if uploads:  # more than the limit would stay in memory for the whole visit
        kept[:] = [Choice.of_upload(upload) for upload in uploads[: limits().photos]]
    elif kept:
        # Streamlit empties uploaders when the visitor goes to another page.
        show_kept(kept, key="remove_photos")
    elif other_page := visit().photo:
        label = f"Use {plain(other_page[0].file_name)}, your photo on the other pages"
        st.button(
            label,
            key="take_photo",
            on_click=kept.extend,
            args=(other_page,),
            icon=":material/add_photo_alternate:",
        )
    start_place = st.container(key="start")
is_all_first = keep_switch("in_all_styles")
with style_column:
    if st.session_state.get("in_all_styles", is_all_first):
        st.info("Each photo is painted in every style, one after another.", icon=":material/palette:")
        look = choose_look(None)
    else:
        look = choose_look(choose_style())
    look = replace(look, where=choose_where(None, has_brush=False))
with start_place.container(horizontal=True, vertical_alignment="bottom"):
    with_all = st.toggle(
        f"In all {len(known_styles())} styles",
        value=is_all_first,
        key="in_all_styles",
        persist_state="session",
    )
    file_format = st.segmented_control(
        "Files",
        list(DOWNLOAD_FORMATS),
        default=keep_choice("batch_format", "JPEG", {name: name for name in DOWNLOAD_FORMATS}),
        required=True,
        key="batch_format",
        help="JPEG files are small; PNG keeps every pixel. Transparent photos become PNG instead of JPEG.",
        persist_state="session",
    )
all_styles = list(known_styles().values()) if with_all else []

most = min(limits().photos, max(1, limits().pictures // max(1, len(all_styles))))
photos = list(kept)
if (chosen := max(len(uploads), len(photos))) > most:
    start_place.warning(
        f"You chose {chosen} photos. At most {most} can be painted at once, so only the first {most} will be."
    )
    photos = photos[:most]

job = come_back(batch_queue(), "batch")
write_address()
is_busy = job is not None and not job.is_finished
count = len(photos) * max(1, len(all_styles))
request = request_of(photos, look, all_styles, file_format)
is_answered = job is not None and job.is_finished and (not photos or request == job.about)
# A callback would start with the photos and the look of the previous script run.
if start_place.button(
    f"Make {count} painting{'s' * (count != 1)}" if photos else "Choose photos first",
    key="paint_batch",
    type="secondary" if is_answered else "primary",  # a finished batch has its ZIP as the primary button
    icon=":material/brush:",
    disabled=is_busy or not photos,
):
    try:
        visit().tokens["batch"] = start_batch(photos, look, all_styles, file_format)
        st.rerun()
    except StyleTransferError as error:
        start_place.error(sentence(error), icon=":material/hourglass:")


def show_pairs(pairs: Sequence[Pair]) -> None:
    with st.grid("auto", min_column_width=280, gap="small"):
        for pair in pairs:
            alt = f"The photo next to the painting {pair.file_name}"
            st.image(pair.picture, caption=plain(pair.file_name), width="stretch", alt=alt)


def show_notes(batch: Batch) -> None:
    """Show which photos were skipped, and in which there was no subject."""
    for reason in batch.skipped:
        st.warning(f"Skipped: {plain(reason)}.", icon=":material/image_not_supported:")
    if batch.without_subject:
        names = plain(", ".join(batch.without_subject))
        st.info(f"No subject was found, so all of it is painted: {names}.", icon=":material/search_off:")


@st.fragment(run_every=REFRESH_S if is_busy else None)
def show_progress() -> None:
    job.touch()
    if job.is_finished:
        st.rerun()
    place = job.place
    batch = job.progress
    if place:
        others = [running.progress for running in batch_queue().running]
        wait = least_wait([other.remaining_s for other in others if other is not None])
        st.info(
            f"You are number {place} in line: other photos are being painted{wait}.",
            icon=":material/hourglass:",
        )
    elif batch is not None:
        left = "" if batch.remaining_s is None else f", about {duration(batch.remaining_s)} left"
        st.progress(batch.share, f"{len(batch.pairs)} of {batch.total} painted{left}")
    show_if_away()
    label = "Leave the line" if place else "Stop and keep what is painted"
    offer_to_stop(job, label, "Stopping ...", key="stop_batch")
    if batch is not None:
        show_notes(batch)
        show_pairs(batch.pairs[-NEWEST_PAIRS:])


def show_result() -> None:
    """Show how the batch ended, and its ZIP."""
    if job.error is not None:
        st.error(f"Painting failed: {describe(job.error)}. Start it again.", icon=":material/error:")
        return
    away = why_stopped(job)
    if job.progress is None:
        st.info(f"{away}Stopped before it started.")
        return
    if job.state is JobState.CANCELLED:
        st.info(f"{away}Stopped: these are the paintings so far.")
    if count := len(job.progress.pairs):
        st.download_button(
            f"Download {count} painting{'s' * (count != 1)} as ZIP",
            data=lambda: job.result,
            file_name="paintings.zip",
            mime="application/zip",
            type="primary" if is_answered else "secondary",
            icon=":material/download:",
            on_click="ignore",
            key="download_zip",
        )
    else:
        st.info("Nothing was painted.")
    show_notes(job.progress)


with start_place:
    if is_busy:
        show_progress()
    elif job is not None:
        if not is_answered:
            st.subheader("Your last paintings", anchor=False)
        show_result()
        if job.progress is not None:
            if job.progress.pairs:
                st.caption("Anyone who has the address of this page can see them for a while.")
            show_pairs(job.progress.pairs[-SHOWN_PAIRS:])
            if len(job.progress.pairs) > SHOWN_PAIRS:
                st.caption(f"These are the last {SHOWN_PAIRS} of {len(job.progress.pairs)}; the ZIP has all.")
