"""Entrance of the app: page settings and navigation, nothing slow."""

import streamlit as st

st.set_page_config(page_title="Impasto: your photo, painted", page_icon=":material/brush:", layout="wide")
st.session_state.has_entered = True  # pages/shared/entrance.py asks for it
st.navigation(
    [
        st.Page("pages/gallery.py", title="Instant styles", icon=":material/palette:", default=True),
        st.Page("pages/camera.py", title="Camera", icon=":material/photo_camera:"),
        st.Page("pages/batch.py", title="Several photos", icon=":material/photo_library:"),
        st.Page("pages/custom.py", title="Your own style", icon=":material/brush:"),
    ],
    position="top",
).run()
