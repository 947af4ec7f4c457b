"""A style is learned in the queue of refinements, and becomes one of the visitor's own."""

import threading
from dataclasses import replace

import pytest

from pages.shared import long_jobs
from stylecore import LearningProgress, encode_style
from stylecore.errors import StyleError
from stylecore.host.jobs import JobState
from stylecore.serving import working
from tests.conftest import make_photo
from tests.pages.conftest import open_app
from tests.pages.custom.conftest import captions, is_painted, open_custom_page, run_until

pytestmark = pytest.mark.usefixtures("clear_caches")


@pytest.fixture(scope="module")
def learned():
    return encode_style(make_photo(64, 64))


@pytest.fixture
def is_over(monkeypatch, learned) -> threading.Event:
    """Set to end the learnings, which only report."""
    event = threading.Event()

    def learn(pictures, config, *, photos, sample, on_progress, should_stop):
        assert len(photos) == 1
        for step in range(1, 4):
            on_progress(LearningProgress(step, 100, 1.0, 0.5, 3.0 / step, step, 100 - step, sample))
        while not (event.is_set() or should_stop()):
            event.wait(0.05)
        return replace(learned, title=config.title, origin=f"learned in {config.minutes:g}")

    monkeypatch.setattr(working, "learn_style", learn)
    yield event
    event.set()
    assert all(job.wait(60) for job in long_jobs.job_queue().jobs)


def started(app, key: str = "learn"):
    app.button(key=key).click().run()
    assert not app.exception
    job = long_jobs.job_queue().find(app.session_state.visit.tokens["learning"])
    run_until(app, lambda: job.progress is not None and job.progress.step == 3)
    return job


def own_styles(app) -> list:
    return list(app.session_state.visit.own_styles.values())


def test_a_learning_shows_sample_losses_and_time_and_ends_as_a_tile(app, is_over):
    app.segmented_control(key="learning_minutes").set_value(1.0).run()
    job = started(app)
    app.run()
    assert "The painting so far" in captions(app)
    assert app.get("progress")[0].proto.text == "Step 3 of 100, about 97 s left"
    assert app.get("vega_lite_chart") or app.get("arrow_vega_lite_chart")
    assert app.button(key="refine").disabled
    is_over.set()
    assert job.wait(60)
    run_until(app, lambda: own_styles(app))
    [style] = own_styles(app)
    assert (style.name, style.title, style.origin) == ("mosaic_2", "Mosaic", "learned in 1")
    assert is_painted(app)
    app.switch_page("pages/gallery.py").run()
    assert app.button(key="style_mosaic_2")


def test_a_fit_paints_this_photo_anew_and_is_kept_only_if_asked(app, is_over):
    job = started(app, "fit")
    assert job.about.config.is_for_photos
    assert "fit" not in [button.key for button in app.button]
    is_over.set()
    assert job.wait(60)
    run_until(app, lambda: app.session_state.visit.fitted)
    assert is_painted(app)
    assert [style.origin for style in app.session_state.visit.fitted.values()] == ["learned in 0"]
    assert (own_styles(app), app.button(key="keep_style").label) == ([], "Keep it as it is")
    assert "fit" not in [button.key for button in app.button]
    app.button(key="keep_style").click().run()
    assert [style.origin for style in own_styles(app)] == ["learned in 0"]


def test_cancel_keeps_the_best_so_far(app, is_over):
    job = started(app)
    app.button(key="cancel").click().run()
    assert job.wait(60)
    assert job.state is JobState.CANCELLED
    run_until(app, lambda: own_styles(app))


def test_a_style_that_is_learned_while_its_visitor_is_elsewhere_is_a_tile_there(app, is_over):
    job = started(app)
    app.switch_page("pages/gallery.py").run()
    app.button(key="style_fire").click().run()
    is_over.set()
    assert job.wait(60)
    app.run()
    assert app.button(key="style_mosaic_2")
    assert app.session_state.visit.style == "fire"  # what is chosen stays chosen


def test_after_a_reload_the_address_leads_to_the_learning_and_its_style(app, is_over):
    job = started(app)
    assert app.query_params["learning"] in (job.token, [job.token])
    again = open_app()
    again.query_params["learning"] = job.token
    again.switch_page("pages/custom.py").run()
    assert "The painting so far" in captions(again)
    is_over.set()
    assert job.wait(60)
    run_until(again, lambda: own_styles(again))
    third = open_app()
    third.query_params["learning"] = job.token
    third.switch_page("pages/custom.py").run()
    assert [style.name for style in own_styles(third)] == ["mosaic_2"]


def test_a_learning_waits_in_line_with_refinements(app, is_over):
    app.segmented_control(key="quality").set_value("endless").run()
    app.button(key="refine").click().run()
    other = open_custom_page()
    other.button(key="learn").click().run()
    other.run()
    assert "number 1 in line" in other.info[0].value
    assert "The instant painting" in captions(other)
    other.button(key="cancel").click().run()
    run_until(other, lambda: any("Stopped before it started" in info.value for info in other.info))
    long_jobs.job_queue().find(app.session_state.visit.tokens["run"]).cancel()


def test_a_learning_that_fails_says_why(app, monkeypatch):
    def fail(*arguments, **settings):
        raise StyleError("this picture cannot be read as a style")

    monkeypatch.setattr(working, "learn_style", fail)
    app.button(key="learn").click().run()
    run_until(app, lambda: bool(app.error))
    assert "Learning failed: this picture cannot be read as a style. Start it again." in app.error[0].value
    assert is_painted(app)


def test_the_token_of_a_learning_is_no_refinement(app, is_over):
    token = started(app).token
    again = open_app()
    again.query_params["run"] = token
    again.switch_page("pages/custom.py").run()
    assert not again.exception
    assert any("is gone" in info.value for info in again.info)
