from dataclasses import replace

import pytest

from pages.shared import long_jobs, refining
from stylecore.optimization import planning
from tests.conftest import encoded, make_photo
from tests.pages.custom.conftest import (
    TINY,
    is_painted,
    is_refined,
    job_of,
    open_custom_page,
    run_until,
    upload,
)

pytestmark = pytest.mark.usefixtures("clear_caches")


def test_the_next_visitor_can_join_the_line_whatever_memory_is_left(app, monkeypatch):
    app.segmented_control(key="quality").set_value("endless").run()
    app.button(key="refine").click().run()
    run_until(app, lambda: job_of(app).progress is not None)
    monkeypatch.setattr(planning, "available_memory", lambda device: 0)
    other = open_custom_page()
    assert not other.error
    assert not other.button(key="refine").disabled
    job_of(app).cancel()
    assert job_of(app).wait(60)


def test_little_memory_makes_the_picture_smaller_and_says_so(app, monkeypatch):
    config = replace(TINY, max_side=512, steps=1)
    monkeypatch.setattr(refining, "QUALITIES", {"quick": config})
    needed = planning.peak_memory((512, 512), replace(config, max_side=181, stroke_size=181))
    monkeypatch.setattr(planning, "available_memory", lambda device: needed + planning.RESERVED_BYTES)
    upload(app, 0, make_photo(512, 512))
    assert "181 px instead of 512 px" in app.warning[0].value
    app.button(key="refine").click().run()
    run_until(app, lambda: is_refined(app))
    assert job_of(app).result.image.size == (181, 181)
    assert any("Little memory was free" in info.value for info in app.info)


def test_too_little_memory_is_reported(app, monkeypatch):
    monkeypatch.setattr(planning, "available_memory", lambda device: 0)
    app.run()
    assert "MB of free memory are needed" in app.error[0].value
    assert app.button(key="refine").disabled
    assert is_painted(app)


def test_a_running_job_is_shown_whatever_memory_is_left(app, monkeypatch):
    app.segmented_control(key="quality").set_value("endless").run()
    app.button(key="refine").click().run()
    run_until(app, lambda: job_of(app).progress is not None)
    monkeypatch.setattr(planning, "available_memory", lambda device: 0)
    app.run()
    assert not app.error
    app.button(key="cancel").click().run()
    run_until(app, lambda: job_of(app).is_finished)
    assert job_of(app).result.is_stopped


def test_memory_is_planned_when_the_job_begins(monkeypatch):
    monkeypatch.setattr(planning, "available_memory", lambda device: 0)
    pictures = encoded(make_photo(64, 64)), ((encoded(make_photo(64, 64, seed=1)), 1.0),)
    token = refining.start_run(
        *pictures, TINY, quality="quick", words="quick", names=("photo", "style"), instant=b""
    )
    job = long_jobs.job_queue().find(token)
    assert job.wait(60)
    assert "MB of free memory are needed" in str(job.error)
