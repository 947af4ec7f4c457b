"""A snapshot, painted at once; the style changes without taking it again."""

import streamlit as st

from pages.shared.choosing import UPLOAD_TYPES, Choice
from pages.shared.entrance import come_in
from pages.shared.showing import show_painting
from pages.shared.styling import choose_look, choose_style

RESOLUTIONS = {"480p": "small", "720p": "medium", "1080p": "large"}

come_in()
st.html("<style>.stMainBlockContainer { padding-top: 2.5rem; }</style>")
st.header("A snapshot, painted", anchor=False)

camera_column, style_column = st.columns(2)
with camera_column:
    resolution = st.segmented_control(
        "Size of the snapshot",
        list(RESOLUTIONS),
        format_func=lambda lines: f"{RESOLUTIONS[lines].capitalize()} ({lines})",
        default="720p",
        required=True,
        key="camera_resolution",
        persist_state="session",
    )
    snapshot = st.camera_input(
        "Take a snapshot",
        key="camera",
        resolution=resolution,
        help="On a phone, the button in the corner turns the camera.",
    )
    with st.expander("No picture from the camera?"):
        st.markdown(
            "Browsers lend the camera only to pages whose address begins with `https://` or "
            "`http://localhost`, and only when you allow it: look for a camera symbol beside the address. "
            "You can always take the photo with your phone's own camera app and choose it here."
        )
        upload = st.file_uploader("Choose a photo in its place", type=UPLOAD_TYPES, key="camera_upload")
with style_column:
    style = choose_style()
look = choose_look(style)
if snapshot is not None:
    show_painting(Choice(snapshot.getvalue(), "snapshot"), look)
elif upload is not None:
    show_painting(Choice(upload.getvalue(), upload.name.rpartition(".")[0]), look)
else:
    st.info("Take a snapshot above: it is painted at once, and never saved.", icon=":material/photo_camera:")
