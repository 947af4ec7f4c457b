import time
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from pages.shared import refining
from stylecore.jobs import JobQueue, JobState
from tests.conftest import encoded, make_photo

TINY = replace(refining.QUALITIES["quick"], steps=4, max_side=64, is_coarse_to_fine=False, preview_every=1)


pytestmark = pytest.mark.usefixtures("clear_caches")


@pytest.fixture
def app(monkeypatch) -> AppTest:
    monkeypatch.setattr(refining, "SKETCH_SIDE", 96)
    monkeypatch.setattr(refining, "QUALITIES", {"quick": TINY, "endless": replace(TINY, steps=100_000)})
    app = AppTest.from_file("../streamlit_app.py", default_timeout=120).run()
    app.switch_page("pages/custom.py").run()
    assert not app.exception
    return app


def run_until(app: AppTest, condition, timeout_s: float = 120) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "not within the time"
        time.sleep(0.05)
        app.run()
        assert not app.exception


def captions(app: AppTest) -> list[str]:
    return [caption for image in app.image for caption in image.captions if caption]


def upload(app: AppTest, place: int, image: Image.Image | bytes) -> None:
    data = image if isinstance(image, bytes) else encoded(image)
    app.file_uploader[place].upload("picture.png", data, "image/png").run()


def test_a_sketch_is_there_at_once(app):
    assert any("Instant sketch" in caption for caption in captions(app))
    assert "Style" in captions(app)
    assert app.button(key="refine").label.startswith("Refine (about")


def test_refining_ends_with_picture_downloads_and_snapshots(app):
    app.button(key="refine").click().run()
    run_until(app, lambda: "Refined" in captions(app))
    assert app.session_state.job.state is JobState.DONE
    assert app.download_button(key="download_refined").label == "Download (64 x 43)"
    assert app.download_button(key="download_recipe").label == "Recipe"
    assert app.session_state.job_recipe["config"]["steps"] == 4
    assert app.select_slider(key="snapshot").options == ["1", "2", "3", "4"]
    assert any("4 steps in" in caption.value for caption in app.caption)


def test_the_recipe_repeats_the_picture(app):
    app.button(key="refine").click().run()
    run_until(app, lambda: "Refined" in captions(app))
    settings = app.session_state.job_recipe["config"]
    config = refining.OptimizationConfig(**settings | {"style_layers": tuple(settings["style_layers"])})
    photo, style = (refining.load_image(sample.path) for sample in samples())
    again = refining.optimize_image(photo, style, config).image
    found = app.session_state.job.result.image
    assert np.abs(np.asarray(again, np.int16) - np.asarray(found, np.int16)).max() <= 2


def samples():
    from pages.shared.pictures import SAMPLES, STYLE_SAMPLES

    return next(iter(SAMPLES.values())), next(iter(STYLE_SAMPLES.values()))


def test_a_run_is_stopped_and_keeps_the_best(app):
    app.segmented_control(key="quality").set_value("endless").run()
    app.button(key="refine").click().run()
    job = app.session_state.job
    run_until(app, lambda: job.progress is not None)
    assert app.button(key="refine").disabled
    app.button(key="cancel").click().run()
    assert job.wait(60)
    run_until(app, lambda: "Refined" in captions(app))
    assert job.state is JobState.CANCELLED
    assert any("Stopped" in info.value for info in app.info)


def test_the_run_survives_other_changes_on_the_page(app):
    app.segmented_control(key="quality").set_value("endless").run()
    app.button(key="refine").click().run()
    job = app.session_state.job
    run_until(app, lambda: job.progress is not None)
    app.toggle(key="custom_preserve_color").set_value(True).run()
    assert app.session_state.job is job
    assert job.state is JobState.RUNNING
    job.cancel()
    assert job.wait(60)


def test_a_second_visitor_waits_in_line(app):
    app.segmented_control(key="quality").set_value("endless").run()
    app.button(key="refine").click().run()
    first = app.session_state.job
    other = AppTest.from_file("../streamlit_app.py", default_timeout=120).run()
    other.switch_page("pages/custom.py").run()
    other.button(key="refine").click().run()
    other.run()
    assert any("Place 1 in line" in info.value for info in other.info)
    first.cancel()
    run_until(other, lambda: "Refined" in captions(other))


def test_a_full_queue_is_said(app, monkeypatch):
    queue = JobQueue(capacity=0)
    monkeypatch.setattr(refining, "job_queue", lambda: queue)
    blocking = queue.submit(lambda job: [time.sleep(0.01) for _ in iter(job.should_stop, True)])
    time.sleep(0.1)
    app.button(key="refine").click().run()
    assert "try again in a few minutes" in app.error[0].value
    blocking.cancel()


@pytest.mark.parametrize(
    ("place", "picture", "message"),
    [
        (0, b"dear diary", "is not a picture"),
        (1, b"dear diary", "is not a picture"),
        (1, make_photo(20, 200), "at least 32 px"),
    ],
)
def test_bad_pictures_get_a_message_and_the_next_step(app, place, picture, message):
    upload(app, place, picture)
    assert message in app.error[0].value
    assert ("style picture" if place else "photo") in app.error[0].value
    assert "Choose another" in app.error[0].value


def test_a_style_of_one_color_is_told(app):
    upload(app, 1, Image.new("RGB", (64, 64), "red"))
    app.button(key="refine").click().run()
    run_until(app, lambda: app.session_state.job.is_finished and not app.button(key="refine").disabled)
    assert any("single color" in error.value for error in app.error)


def test_without_torch_the_page_says_what_to_install(monkeypatch):
    import importlib.util

    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "torch" else find_spec(name, *rest)
    )
    app = AppTest.from_file("../streamlit_app.py", default_timeout=120).run()
    app.switch_page("pages/custom.py").run()
    assert "requirements.txt" in app.warning[0].value
