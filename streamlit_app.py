"""The app's script: server, page settings and navigation, nothing slow."""

from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from pages.shared import streamlit_workarounds as workarounds
from pages.shared.browser_files import browser_routes
from pages.shared.entrance import show_pages
from pages.shared.pictures import sentence
from pages.shared.response_headers import ResponseHeaders
from pages.shared.server_life import server_life
from pages.shared.upload_limits import UploadLimits
from stylecore.errors import WeightsError
from stylecore.host.extras import has_extra, missing_extra

PAGE_FILES = Path(__file__).parent / "pages"

workarounds.keep_uploads_in_memory()
workarounds.tell_files_apart()
if __name__ != "__main__":  # imported by `streamlit run`, which serves the `app` defined here
    workarounds.ignore_pages_folder()
    workarounds.cut_off_lost_visitors()
    workarounds.keep_files_until_fetched()
    app = st.App(
        __file__,
        routes=browser_routes() + workarounds.page_routes(path.stem for path in PAGE_FILES.glob("[!_]*.py")),
        lifespan=server_life,
        middleware=[Middleware(ResponseHeaders), Middleware(UploadLimits)],
    )
else:
    st.set_page_config(page_icon=str(workarounds.PAGE_ICON), layout="wide")
    home = st.Page("pages/gallery.py", title="Styles", icon=":material/palette:", default=True)
    groups = {  # at most six, so that the row of links fits a phone
        "Photo": [
            home,
            st.Page(
                "pages/look.py",
                title="Photo look",
                icon=":material/wb_twilight:",
                help="Give a photo the light and colors of another picture",
            ),
        ],
        "Camera": [
            st.Page(
                "pages/camera.py",
                title="Snapshot",
                icon=":material/photo_camera:",
                help="Take a picture and have it painted",
            ),
            st.Page(
                "pages/live.py",
                title="Live",
                icon=":material/videocam:",
                help="See yourself painted as you move, and film it",
            ),
        ],
        "Photos and clips": [
            st.Page(
                "pages/batch.py",
                title="Several photos",
                icon=":material/photo_library:",
                help="Paint a whole folder at once",
            ),
            st.Page(
                "pages/clip.py",
                title="A clip",
                icon=":material/movie:",
                help="Paint a video without flicker",
            ),
        ],
        "Draw": [
            st.Page(
                "pages/draw.py",
                title="Draw",
                icon=":material/draw:",
                help="Sketch with your finger and see every stroke painted",
            ),
        ],
        "Your own style": [
            st.Page(
                "pages/custom.py",
                title="Your own style",
                icon=":material/brush:",
                help="Paint like any picture you have",
            ),
        ],
        "How it works": [
            st.Page(
                "pages/how_it_works.py",
                title="How it works",
                icon=":material/school:",
                help="Look into the network that sees style",
            ),
        ],
    }
    all_pages = [each for pages in groups.values() for each in pages]
    page = st.navigation(all_pages, position="hidden")
    title = "Impasto: your photo, painted" if page is home else f"{page.title} - Impasto"
    st.set_page_config(page_title=title)
    workarounds.link_pages(groups, page)
    if not has_extra("onnxruntime"):
        st.error(sentence(missing_extra("onnxruntime")), icon=":material/download:")
        st.stop()
    try:
        page.run()
        if page is home:
            show_pages(all_pages[1:])
    except WeightsError as error:  # no styles at all; the other pages still work
        st.error(f"{error}. Please tell the person who runs this app.", icon=":material/error:")
