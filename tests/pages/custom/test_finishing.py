"""A drawing that is refined on the page Draw, color by color."""

import importlib.util
import io
import zlib

import numpy as np
import pytest
from PIL import Image, ImageDraw
from streamlit.testing.v1 import AppTest

from pages.shared.choosing import Choice
from pages.shared.drawing import COLORS
from pages.shared.painting import screen_picture
from stylecore.host.jobs import JobState
from tests.conftest import encoded
from tests.pages.conftest import captions
from tests.pages.custom.conftest import is_refined, run_until

pytestmark = pytest.mark.usefixtures("clear_caches")


def draw_landscape(app: AppTest) -> None:
    """The page Draw with an own style, on which a drawing of a sky, a meadow and a sun was painted large."""
    app.button(key="keep_style").click().run()
    app.switch_page("pages/draw.py").run()
    sheet = Image.new("RGB", (320, 240), COLORS["Light blue"])
    ImageDraw.Draw(sheet).rectangle((0, 140, 320, 240), COLORS["Green"])
    ImageDraw.Draw(sheet).ellipse((200, 20, 280, 100), COLORS["Yellow"])
    drawing = Choice(encoded(sheet), "drawing")
    app.session_state.visit.photo[:] = [drawing]
    app.session_state.visit.seen_live = drawing, 2.67
    app.run()
    assert not app.exception


def infos(app: AppTest) -> str:
    return " | ".join(info.value for info in app.info)


def test_a_drawing_is_refined_color_by_color_in_the_queue(app):
    draw_landscape(app)
    assert "Nothing is marked, so each color of your drawing takes the style of what is nearest" in infos(app)
    assert "Your picture in full size" in [subheader.value for subheader in app.subheader]
    visit = app.session_state.visit
    picture = next(iter(visit.own_styles.values())).picture
    with Image.open(io.BytesIO(screen_picture(picture).encoded)) as shown:
        strokes = Image.new("RGBA", shown.size)
    strokes.paste(COLORS["Green"], (0, 0, strokes.width // 2, strokes.height))
    visit.brushes["color_marks"] = f"color_marks {zlib.crc32(picture)}", encoded(strokes)
    app.run()
    assert infos(app) == (
        "Not marked: light blue and yellow; they take the style of what is left of the style picture."
    )
    app.button(key="refine").click().run()
    job = visit.watched_jobs[-1]
    assert app.query_params["drawn"] in (visit.tokens["drawn"], [visit.tokens["drawn"]])
    assert job.about.regions == "brush"
    run_until(app, lambda: is_refined(app))
    assert job.state is JobState.DONE
    assert app.download_button(key="download_refined").label == "Download (64 x 48)"
    assert "place with place" in captions(app)

    app.segmented_control(key="quality").set_value("endless").run()
    assert "Your last refined drawing" in [subheader.value for subheader in app.subheader]
    app.button(key="refine").click().run()
    job = visit.watched_jobs[-1]
    run_until(app, lambda: job.progress is not None and job.progress.step > 0)
    app.button(key="cancel").click().run()
    assert job.wait(60)
    run_until(app, lambda: any("Stopped" in info.value for info in app.info))


def test_a_picture_that_is_no_drawing_is_taken_whole(app):
    draw_landscape(app)
    noise = np.random.default_rng(0).integers(0, 255, (64, 96, 3), np.uint8)
    photo = Choice(encoded(Image.fromarray(noise)), "drawing")
    app.session_state.visit.photo[:] = [photo]
    app.session_state.visit.seen_live = photo, 2.67
    app.run()
    assert not app.exception
    assert "Your drawing has no flat colors: 1 to 8 are needed, one for each part." in infos(app)
    assert not app.button(key="refine").disabled


def test_without_torch_a_sentence_says_what_to_install(app, monkeypatch):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "torch" else find_spec(name, *rest)
    )
    draw_landscape(app)
    assert "Refining is not installed here." in captions(app)
    assert "refine" not in [button.key for button in app.button]
