import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from pages.shared import painting, refining
from pages.shared.painting import Look
from stylecore.instant import stylizer
from stylecore.styles.catalog import get_style
from tests.browsing import ROOT


def open_app() -> AppTest:
    """The app as a new visitor gets it, before its first run."""
    return AppTest.from_file(ROOT / "streamlit_app.py", default_timeout=120)


@pytest.fixture(autouse=True)
def known_pace(monkeypatch) -> None:
    """Timing the machine takes seconds; these tests take the usual pace."""
    monkeypatch.setattr(refining, "slowness", lambda photo: 1.0)


@pytest.fixture
def small_paintings(monkeypatch) -> None:
    """Paint at 400 px instead of 1024 px: what the pages do is the same."""
    for module in (painting, stylizer):
        monkeypatch.setattr(module, "WORKING_SIDE", 400)


@pytest.fixture
def app(small_paintings) -> AppTest:
    return open_app()


@pytest.fixture
def painted(monkeypatch) -> list[Look]:
    """The looks that the page asked to be painted, newest last; strokes relative to the picture."""
    looks = []
    stylize = stylizer.FastStylizer.stylize

    def spy(self, image, style, *, strength, preserve_color, stroke_scale, **others):
        working_side = max(stylizer.working_size(image.size, stroke_scale))
        relative = round(stylizer.WORKING_SIDE / working_side, 2)
        looks.append(Look(tuple(style.items()), strength, preserve_color, relative))
        settings = {"strength": strength, "preserve_color": preserve_color, "stroke_scale": stroke_scale}
        return stylize(self, image, style, **settings, **others)

    monkeypatch.setattr(stylizer.FastStylizer, "stylize", spy)
    return looks


def make_sky() -> Image.Image:
    """A picture in which no subject is found."""
    return Image.linear_gradient("L").resize((64, 48)).convert("RGB")


def captions(app: AppTest) -> str:
    return " | ".join(caption.value for caption in app.caption)


def look(name: str, *settings: float) -> Look:
    return Look(((get_style(name), 1.0),), *settings)


def shares(look: Look) -> dict[str, float]:
    """Weights of a look's styles by name."""
    return {style.name: weight for style, weight in look.styles}
