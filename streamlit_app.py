"""Entrance of the app: page settings and navigation, nothing slow."""

from pathlib import Path

import streamlit as st

from stylecore.extras import has_extra, missing_extra

# A picture of our own: browsers would fetch the icon of a font from its maker.
ICON = Path(__file__).parent / "pages" / "shared" / "tiles" / "starry_night.jpg"

st.set_page_config(page_icon=str(ICON), layout="wide")
PAGES = [
    st.Page("pages/gallery.py", title="Instant styles", icon=":material/palette:", default=True),
    st.Page("pages/camera.py", title="Camera", icon=":material/photo_camera:"),
    st.Page("pages/batch.py", title="Several photos", icon=":material/photo_library:"),
    st.Page("pages/custom.py", title="Your own style", icon=":material/brush:"),
    st.Page("pages/how_it_works.py", title="How it works", icon=":material/school:"),
]
st.session_state.has_entered = True  # pages/shared/entrance.py asks for it
page = st.navigation(PAGES, position="hidden")
title = "Impasto: your photo, painted" if page is PAGES[0] else f"{page.title} - Impasto"
st.set_page_config(page_title=title)
# Streamlit's own menu hides behind a button on phones and stays open over the page.
with st.container(horizontal=True, gap="xsmall"):
    for link in PAGES:
        st.page_link(link, width="content")
if not has_extra("onnxruntime"):
    st.error(f"{missing_extra('onnxruntime')}.", icon=":material/download:")
    st.stop()
page.run()
