"""Several visitors' runs, one after another."""

import threading
import time

import pytest

from pages.shared import long_jobs
from stylecore.host.job_queue import JobQueue
from stylecore.host.jobs import JobState
from tests.pages.custom.conftest import captions, is_painted, is_refined, job_of, open_custom_page, run_until

pytestmark = pytest.mark.usefixtures("clear_caches")


def test_a_second_visitor_waits_in_line(app):
    app.segmented_control(key="quality").set_value("endless").run()
    app.button(key="refine").click().run()
    first = job_of(app)
    other = open_custom_page()
    other.segmented_control(key="quality").set_value("endless").run()
    other.button(key="refine").click().run()
    other.run()
    assert any("number 1 in line" in info.value for info in other.info)
    run_until(other, lambda: any("for at least" in info.value for info in other.info))
    assert "The instant painting" in captions(other)
    first.cancel()
    run_until(other, lambda: job_of(other).state is JobState.RUNNING)
    job_of(other).cancel()
    run_until(other, lambda: is_refined(other))


def test_a_run_says_that_it_is_paused_for_a_shorter_one(app):
    app.segmented_control(key="quality").set_value("endless").run()
    app.button(key="refine").click().run()
    is_open = threading.Event()
    shorter = long_jobs.job_queue().submit(lambda job: is_open.wait(60), expected_s=0.001)
    run_until(app, lambda: job_of(app).state is JobState.PAUSED)
    app.run()
    assert "paused while a shorter one is painted" in app.get("progress")[0].proto.text
    is_open.set()
    assert shorter.wait(10)
    run_until(app, lambda: job_of(app).state is JobState.RUNNING)
    job_of(app).cancel()
    assert job_of(app).wait(60)


def test_a_visitor_who_leaves_the_line_has_the_instant_painting_again(app):
    app.segmented_control(key="quality").set_value("endless").run()
    app.button(key="refine").click().run()
    other = open_custom_page()
    other.segmented_control(key="quality").set_value("endless").run()
    other.button(key="refine").click().run()
    other.run()
    assert other.button(key="cancel").label == "Leave the line"
    other.button(key="cancel").click().run()
    run_until(other, lambda: any("Stopped before it started" in info.value for info in other.info))
    assert is_painted(other)
    job_of(app).cancel()
    assert job_of(app).wait(60)


def test_a_full_queue_is_reported(app, monkeypatch):
    queue = JobQueue(capacity=0)
    monkeypatch.setattr(long_jobs, "job_queue", lambda: queue)
    blocking = queue.submit(lambda job: [time.sleep(0.01) for _ in iter(job.should_stop, True)])
    app.button(key="refine").click().run()
    assert "try again in a few minutes" in app.error[0].value
    blocking.cancel()
