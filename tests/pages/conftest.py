import pytest
from streamlit.testing.v1 import AppTest

from pages.shared.painting import Look
from stylecore import FastStylizer
from stylecore.instant.stylizer import working_size
from tests.browsing import ROOT


def open_app() -> AppTest:
    """The app as a new visitor gets it, before its first run."""
    return AppTest.from_file(ROOT / "streamlit_app.py", default_timeout=120)


@pytest.fixture
def app() -> AppTest:
    return open_app()


@pytest.fixture
def painted(monkeypatch) -> list[Look]:
    """The looks that the page asked to be painted, newest last; strokes for a picture of 1024 px."""
    looks = []
    stylize = FastStylizer.stylize

    def spy(self, image, style, *, strength, preserve_color, stroke_scale, fine):
        working_side = max(working_size(image.size, stroke_scale))
        looks.append(Look(tuple(style.items()), strength, preserve_color, round(1024 / working_side, 2)))
        settings = {"strength": strength, "preserve_color": preserve_color, "stroke_scale": stroke_scale}
        return stylize(self, image, style, **settings, fine=fine)

    monkeypatch.setattr(FastStylizer, "stylize", spy)
    return looks


def captions(app: AppTest) -> str:
    return " | ".join(caption.value for caption in app.caption)


def look(name: str, *settings: float) -> Look:
    return Look(((name, 1.0),), *settings)
