from streamlit.testing.v1 import AppTest

from tests.browsing import ROOT


def open_app() -> AppTest:
    """The app as a new visitor gets it, before its first run."""
    return AppTest.from_file(ROOT / "streamlit_app.py", default_timeout=120)
