"""What every page does first: come in through the entrance, and take its place below the links."""

import runpy
from pathlib import Path

import streamlit as st

ENTRANCE = Path(__file__).parents[2] / "streamlit_app.py"


def come_in() -> None:
    """Run the entrance, navigation and page settings, unless it is what runs this page.

    Until the entrance has run once in a process, Streamlit takes a page's address for the file in
    `pages/` of that name and runs it alone, bare of the navigation.
    """
    if "has_entered" not in st.session_state:
        runpy.run_path(str(ENTRANCE))
        st.stop()
    st.html("<style>.stMainBlockContainer { padding-top: 2.5rem; }</style>")
