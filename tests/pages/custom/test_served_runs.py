"""Refinements and learnings on a painting server, which any process of the app shows."""

import pytest

from pages.shared import long_jobs
from pages.shared.painting_server import painting_server
from stylecore.host.jobs import JobState
from stylecore.host.local_job import LocalJob
from stylecore.serving.config import ServingConfig
from stylecore.serving.job_board import JobBoard
from stylecore.serving.remote_jobs import RemoteJob
from tests.pages.conftest import open_app
from tests.pages.custom.conftest import captions, is_refined, job_of, run_until
from tests.serving.conftest import LocalJobs, LocalService, serving

pytestmark = pytest.mark.usefixtures("clear_caches")


@pytest.fixture(autouse=True)
def known_server(monkeypatch):
    """The server and the queue are read from the environment anew."""
    for kept in (painting_server, long_jobs.job_queue):
        kept.cache_clear()
    monkeypatch.setattr("stylecore.serving.client.REST_S", 0.5)
    yield
    painting_server.cache_clear()


def shows(app, text: str) -> bool:
    return any(text in each.value for each in (*app.info, *app.caption))


def test_a_run_on_the_server_is_shown_and_stopped_by_any_process_of_the_app(app, monkeypatch):
    board = JobBoard(ServingConfig(), lambda order, job: order(job))
    with serving(LocalService(jobs=LocalJobs(board))) as url:
        monkeypatch.setenv("IMPASTO_SERVER", url)
        painting_server.cache_clear()
        long_jobs.job_queue.cache_clear()
        app.run()
        app.segmented_control(key="quality").set_value("endless").run()
        app.button(key="refine").click().run()
        assert not app.exception
        job = job_of(app)
        assert isinstance(job, RemoteJob)
        run_until(app, lambda: "The painting so far" in captions(app))
        assert "Step" in app.get("progress")[0].proto.text
        long_jobs.job_queue.cache_clear()  # as in another process
        other = open_app()
        other.query_params["run"] = job.token
        other.switch_page("pages/custom.py").run()
        assert "The painting so far" in captions(other)
        assert job_of(other) is not job
        other.button(key="cancel").click().run()
        run_until(other, lambda: is_refined(other))
        assert shows(other, "Stopped: this is the best picture so far")
        run_until(app, lambda: is_refined(app))
        assert job.state is JobState.CANCELLED
        assert app.download_button(key="download_refined").label == "Download (64 x 43)"
        third = open_app()
    third.query_params["run"] = job.token
    long_jobs.job_queue.cache_clear()
    third.switch_page("pages/custom.py").run()
    assert shows(third, "does not answer now. Reload this page")
    third.button(key="refine").click().run()
    assert not third.exception
    assert isinstance(job_of(third), LocalJob)
    run_until(third, lambda: is_refined(third))
