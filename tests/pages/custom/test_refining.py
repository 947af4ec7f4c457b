"""A run from its start to its painting."""

import io
import time
from dataclasses import replace

import pytest

from pages.shared import long_jobs, refining
from stylecore import load_image
from stylecore.host.job_queue import JobQueue
from stylecore.host.jobs import JobState
from stylecore.serving import progress, working
from tests.conftest import encoded, make_photo
from tests.pages.custom.conftest import (
    TINY,
    captions,
    is_painted,
    is_refined,
    job_of,
    recipe_of,
    run_until,
)

pytestmark = pytest.mark.usefixtures("clear_caches")


def test_a_painting_is_there_at_once(app):
    assert is_painted(app)
    assert app.button(key="refine").label.startswith("Refine (about")


def test_refining_ends_with_picture_downloads_and_snapshots(app):
    app.button(key="refine").click().run()
    run_until(app, lambda: is_refined(app))
    assert job_of(app).state is JobState.DONE
    assert app.download_button(key="download_refined").label == "Download (64 x 43)"
    assert app.download_button(key="download_recipe").label == "Recipe"
    assert recipe_of(app)["config"]["steps"] == 4
    token = app.session_state.visit.tokens["run"]
    assert app.select_slider(key=f"snapshot_{token}").options == ["1", "2", "3", "4"]
    assert any("4 steps in" in caption.value for caption in app.caption)


def test_a_run_is_stopped_and_keeps_the_best(app):
    app.segmented_control(key="quality").set_value("endless").run()
    app.button(key="refine").click().run()
    job = job_of(app)
    run_until(app, lambda: job.progress is not None)
    assert app.button(key="refine").disabled
    app.button(key="cancel").click().run()
    assert job.wait(60)
    run_until(app, lambda: is_refined(app))
    assert job.state is JobState.CANCELLED
    assert any("Stopped" in info.value for info in app.info)


def test_the_run_survives_other_changes_on_the_page(app):
    app.segmented_control(key="quality").set_value("endless").run()
    app.button(key="refine").click().run()
    job = job_of(app)
    run_until(app, lambda: job.progress is not None)
    app.toggle(key="custom_preserve_color").set_value(True).run()
    assert job_of(app) is job
    assert job.state is JobState.RUNNING
    job.cancel()
    assert job.wait(60)


def test_a_run_that_begins_with_noise_shows_the_photo_until_it_has_a_picture(app, monkeypatch):
    queue = JobQueue()
    monkeypatch.setattr(long_jobs, "job_queue", lambda: queue)
    blocking = queue.submit(lambda job: [time.sleep(0.01) for _ in iter(job.should_stop, True)])
    monkeypatch.setitem(refining.QUALITIES, "quick", replace(TINY, start="mixed_noise"))
    app.run()
    app.button(key="refine").click().run()
    assert "Your photo" in captions(app)
    assert "The instant painting" not in captions(app)
    blocking.cancel()
    run_until(app, lambda: is_refined(app))


def test_a_failed_run_shows_its_best_picture(app, monkeypatch):
    optimize = working.optimize_image

    def fail_late(photo, styles, config, **callbacks):
        result = optimize(photo, styles, replace(config, steps=2), **callbacks)
        return replace(result, error=MemoryError("no memory left"))

    monkeypatch.setattr(working, "optimize_image", fail_late)
    app.button(key="refine").click().run()
    run_until(app, lambda: is_refined(app))
    assert "It ended early: too little memory was free" in app.warning[0].value
    assert app.download_button(key="download_refined").label == "Download (64 x 43)"
    assert recipe_of(app)["stopped_at"] == 2


def test_what_is_chosen_during_a_run_is_painted(app):
    app.segmented_control(key="quality").set_value("endless").run()
    app.button(key="refine").click().run()
    run_until(app, lambda: job_of(app).progress is not None)
    app.button(key="style_picture_sample_triangle").click().run()
    assert "Style: Mosaic" in captions(app)
    assert "Your new choice, painted at once" in captions(app)
    assert any("keeps its pictures and settings" in caption.value for caption in app.caption)
    app.button(key="cancel").click().run()
    assert job_of(app).wait(60)


def test_changed_settings_show_their_instant_painting_above_the_refined_one(app):
    app.button(key="refine").click().run()
    run_until(app, lambda: is_refined(app))
    assert not is_painted(app)
    app.toggle(key="custom_preserve_color").set_value(True).run()
    assert is_refined(app)
    downloads = [button.key for button in app.download_button]
    assert downloads.index("download") < downloads.index("download_refined")
    assert is_painted(app)


def test_refining_again_keeps_the_earlier_painting(app):
    app.button(key="refine").click().run()
    run_until(app, lambda: is_refined(app))
    first = app.session_state.visit.tokens["run"]
    app.toggle(key="custom_preserve_color").set_value(True).run()
    app.button(key="refine").click().run()
    run_until(app, lambda: is_refined(app) and app.session_state.visit.tokens["run"] != first)
    app.button(key=f"show_{first}").click().run()
    assert app.session_state.visit.tokens["run"] == first
    assert is_refined(app)


def test_the_classic_recipe_ends_in_a_row(app, monkeypatch):
    monkeypatch.setitem(refining.QUALITIES, "classic", replace(TINY, steps=2))
    app.run()
    app.segmented_control(key="quality").set_value("classic").run()
    app.button(key="refine").click().run()
    run_until(app, lambda: is_refined(app))
    assert {"Content", "Style", "Generated"} <= set(captions(app))


def test_snapshots_are_kept_at_screen_size(monkeypatch):
    monkeypatch.setattr(progress, "WORKING_SIDE", 48)
    pictures = encoded(make_photo(80, 60)), ((encoded(make_photo(64, 64, seed=1)), 1.0),)
    token = refining.start_run(
        *pictures, TINY, quality="quick", words="quick", names=("photo", "style"), instant=b""
    )
    job = long_jobs.job_queue().find(token)
    assert job.wait(60)
    assert {load_image(io.BytesIO(jpeg)).size for _, jpeg in job.progress.snapshots} == {(48, 36)}
    assert job.result.image.size == (64, 48)
