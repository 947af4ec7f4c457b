"""A snapshot, painted at once; another style needs no new snapshot."""

from dataclasses import replace

import streamlit as st

from pages.shared.address import write_address
from pages.shared.choosing import UPLOAD_TYPES, Choice, forget_photo, keep_photo
from pages.shared.entrance import come_in
from pages.shared.showing import offer_download, paint_photo, show_credits, show_painting
from pages.shared.styling import choose_look, choose_style
from pages.shared.visit import visit
from pages.shared.where_choices import choose_where

RESOLUTIONS = {"480p": "Small", "720p": "Medium", "1080p": "Large"}  # lines of the picture

come_in()
st.header("A snapshot, painted", anchor=False)


def note(source: str) -> None:
    """Remember whether the snapshot or the upload is newer: that one is painted."""
    visit().is_upload_newer = source == "upload"
    if visit().snapshot is not None:
        forget_photo(visit().snapshot)
        visit().snapshot = None


painting_column, choice_column = st.columns([3, 2])
with choice_column:
    resolution = st.segmented_control(
        "Size of the snapshot",
        list(RESOLUTIONS),
        format_func=RESOLUTIONS.get,
        default="720p",
        required=True,
        key="camera_resolution",
        help="Applies to the next snapshot.",
        persist_state="session",
    )
    snapshot = st.camera_input(
        "Take a snapshot",
        key="camera",
        on_change=note,
        args=("snapshot",),
        resolution=resolution,
        help="On a phone, the button in the corner switches between the cameras.",
    )
    upload = st.session_state.get("camera_upload")  # of the widget below
    if snapshot is not None and (upload is None or not visit().is_upload_newer):
        photo = Choice(snapshot.getvalue(), "snapshot")
    elif upload is not None:
        photo = Choice.of_upload(upload)
    else:
        photo = visit().snapshot  # taken before a change of page, which empties the camera
    style = choose_style()
    look = replace(choose_look(style), where=choose_where(photo))
write_address()
is_new = photo is not visit().snapshot
visit().snapshot = photo
painting = None
with painting_column:
    if photo is None:
        st.info("Take a snapshot: it is painted at once and never saved.", icon=":material/photo_camera:")
    else:
        painting = paint_photo(photo, look)
    if painting is not None:
        show_painting(painting, look)
        if is_new:
            keep_photo(photo)
        offer_download(photo, look, painting)
    with st.expander("No picture from the camera?", key="no_camera"):
        st.markdown(
            "Browsers allow the camera only on pages whose address begins with `https://` or "
            "`http://localhost`, and only after you agree: look for a camera symbol next to the address. "
            "You can always take the photo with your phone's own camera app and choose it here."
        )
        st.file_uploader(
            "Choose a photo instead",
            type=UPLOAD_TYPES,
            key="camera_upload",
            on_change=note,
            args=("upload",),
        )
if painting is not None:
    show_credits(painting, look)
