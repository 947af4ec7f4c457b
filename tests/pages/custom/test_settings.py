import importlib.util

import pytest

from pages.shared import refining
from pages.shared.pictures import plain
from stylecore.optimization import pacing
from stylecore.optimization.objective import is_mixed
from tests.pages.custom.conftest import TINY, is_painted, job_of, open_custom_page, recipe_of, run_until

pytestmark = pytest.mark.usefixtures("clear_caches")


def test_the_settings_outlive_another_page(app):
    app.segmented_control(key="quality").set_value("endless").run()
    app.select_slider(key="custom_strokes").set_value("coarse").run()
    app.switch_page("pages/how_it_works.py").run()
    app.switch_page("pages/custom.py").run()
    assert app.segmented_control(key="quality").value == "endless"
    assert app.select_slider(key="custom_strokes").value == "coarse"


def test_fine_tuning_reaches_the_optimizer(app):
    app.select_slider(key="custom_strokes").set_value("coarse").run()
    app.select_slider(key="likeness").set_value("closer to the style").run()
    app.selectbox(key="style_loss").set_value("wasserstein").run()
    app.button(key="refine").click().run()
    config = recipe_of(app)["config"]
    assert (config["stroke_size"], config["style_weight"], config["style_loss"]) == (96, 16.0, "wasserstein")
    assert job_of(app).about.words == "quick, coarse strokes, closer to the style, Wasserstein"


def test_the_time_is_that_of_this_machine(app, monkeypatch):
    before = refining.expected_seconds((400, 300), refining.QUALITIES["quick"])
    monkeypatch.setattr(refining, "slowness", lambda photo: 0.25)
    refining.timed_pace.clear()
    assert refining.expected_seconds((400, 300), refining.QUALITIES["quick"]) == before / 4


def test_the_time_of_one_style_loss_is_not_another_s(app):
    refining.timed_pace()[is_mixed(TINY), "patches"] = 1e6
    app.run()
    assert "min" not in app.button(key="refine").label
    app.selectbox(key="style_loss").set_value("patches").run()
    assert "min" in app.button(key="refine").label


def test_a_stopped_run_updates_the_pace(app):
    app.segmented_control(key="quality").set_value("endless").run()
    usual = dict(refining.pace())
    app.button(key="refine").click().run()
    run_until(app, lambda: len(job_of(app).progress.losses if job_of(app).progress else []) > 5)
    job_of(app).cancel()
    assert job_of(app).wait(60)
    known = pacing.kind_of(TINY)
    assert refining.pace()[known] != usual[known]
    assert refining.pace() | {known: usual[known]} == usual


def test_without_torch_the_page_paints_and_says_what_to_install(monkeypatch, small_paintings):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "torch" else find_spec(name, *rest)
    )
    app = open_custom_page()
    assert is_painted(app)
    command = plain("pip install 'impasto[custom]'")
    assert any(command in caption.value for caption in app.caption)
    app.button(key="keep_style").click().run()
    assert list(app.session_state.visit.own_styles) == ["mosaic_2"]
