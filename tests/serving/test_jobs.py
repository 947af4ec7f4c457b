"""Custom runs on a painting server, without Ray: over HTTP, and as the app's queue sees them."""

import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest
from PIL import Image

from stylecore import Style, load_style_file
from stylecore.errors import ServerError, StyleError, StyleTransferError
from stylecore.host.job_queue import JobQueue
from stylecore.host.jobs import JobState, QueueFullError
from stylecore.learning.learning_config import LearningConfig
from stylecore.learning.learning_progress import LearningProgress
from stylecore.optimization.config import QUALITIES
from stylecore.optimization.iterates import Iterate, OptimizationResult
from stylecore.serving import remote_jobs
from stylecore.serving.client import PaintingServer
from stylecore.serving.config import ServingConfig
from stylecore.serving.job_board import JobBoard
from stylecore.serving.orders import LearningOrder, RefinementOrder
from stylecore.serving.progress import LearningState, Refinement
from stylecore.serving.remote_jobs import RemoteJob
from stylecore.serving.sent_job import SentJob, work_off
from stylecore.serving.served_queue import ServedQueue
from stylecore.styles.catalog import get_style
from tests.conftest import encoded, make_photo
from tests.serving.conftest import LocalJobs, LocalService, ask, error_of, serving

SMALL = replace(QUALITIES["quick"], steps=4, max_side=64, preview_every=2)
PHOTO, STYLE = encoded(make_photo(64, 48)), encoded(make_photo(40, 40, seed=1))


@dataclass(frozen=True)
class About:
    names: tuple[str, ...]
    photo: bytes = b""


class Runs:
    """Works off orders with made-up steps, each when `step` is called; keeps the orders."""

    def __init__(self) -> None:
        self.orders, self._turns = [], threading.Semaphore(0)
        self.failure: Exception | None = None

    def step(self, number: int = 1) -> None:
        self._turns.release(number)

    def __call__(self, order, job):
        self.orders.append(order)
        outcome = work_off(
            self._learn if isinstance(order, LearningOrder) else self._refine,
            lambda progress: job.report(progress) or job.should_stop(),
        )
        job.report(outcome.progress)
        if outcome.error:
            raise outcome.error
        return outcome.result

    def _wait(self, job) -> bool:
        """Wait for the next step; False once the job has to stop."""
        while not self._turns.acquire(timeout=0.02):
            job.report(job.progress)
            if job.should_stop():
                return False
        if self.failure:
            raise self.failure
        return True

    def _refine(self, job) -> OptimizationResult:
        job.report(Refinement(SMALL, ("smaller",)))
        iterates, image = [], make_photo(64, 48)
        while len(iterates) < 4 and self._wait(job):
            step = len(iterates) + 1
            iterate = Iterate(
                step, 4, 1.0, 0.5, float("nan") if step == 1 else 1 / step, step, 4 - step, image
            )
            job.report(job.progress.after(iterate, 0.0))
            iterates.append(replace(iterate, image=None))
        result = OptimizationResult(image, tuple(iterates), len(iterates) < 4, None)
        job.report(job.progress.ended(result))
        return result

    def _learn(self, job) -> Style:
        job.report(LearningState())
        while self._wait(job):
            job.report(
                job.progress.after(LearningProgress(1, 9, 1.0, 0.5, 3.0, 1.0, 8.0, make_photo(48, 48)))
            )
        return replace(get_style("mosaic"), name="own", title="Learned")


@pytest.fixture
def runs(monkeypatch) -> Iterator[Runs]:
    monkeypatch.setattr(remote_jobs, "REFRESH_S", 0.0)
    monkeypatch.setattr("stylecore.serving.sent_job.SEND_S", 0.0)
    runs = Runs()
    yield runs
    runs.step(100)


@pytest.fixture
def url(runs) -> Iterator[str]:
    config = ServingConfig(job_queue=1, own_jobs=2, megabytes=2)
    with serving(LocalService(jobs=LocalJobs(JobBoard(config, runs))), megabytes=2) as address:
        yield address


def form(**fields: str) -> tuple[dict, list]:
    return fields, [("photo", "p.png", PHOTO), ("style_picture", "bark.png", STYLE)]


def start(url: str, kind: str = "refinements", **fields: str) -> dict:
    status, headers, body = ask(url, f"/v1/{kind}", *form(**fields))
    started = json.loads(body)
    assert (status, headers["location"]) == (202, f"/v1/jobs/{started['id']}")
    return started


def status_when(url: str, job_id: str, condition: Callable[[dict], bool]) -> dict:
    deadline = time.monotonic() + 60
    while not condition(status := json.loads(ask(url, f"/v1/jobs/{job_id}")[2])):
        assert time.monotonic() < deadline, status
        time.sleep(0.01)
    return status


def order() -> RefinementOrder:
    return RefinementOrder(PHOTO, ((STYLE, 0.25), (STYLE, 0.75)), (64, 48), SMALL)


def queue_of(url: str) -> ServedQueue:
    """The queue of another process of the app."""
    return ServedQueue(JobQueue(), PaintingServer(url), {"refinement": About, "learning": About})


def step_of(job: RemoteJob) -> int:
    job.touch()
    return 0 if job.progress is None else job.progress.step


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_refinement_over_http_has_progress_pictures_and_a_result(url, runs):
    job = start(url, quality="quick", settings='{"steps": 4, "max_side": 64}', shares="2", note="")["id"]
    assert len(job) == 32
    path = f"/v1/jobs/{job}"
    assert error_of(ask(url, f"{path}/result"))[0] == 409
    runs.step(3)
    status = status_when(url, job, lambda status: status["progress"] and status["progress"]["step"] == 3)
    shown = status["progress"]
    assert (status["state"], status["kind"], shown["steps"], shown["remaining_s"]) == (
        "running",
        "refinement",
        4,
        1,
    )
    assert (shown["losses"], shown["snapshots"], shown["changes"]) == ([1 / 2, 1 / 3], [2], ["smaller"])
    assert shown["config"]["max_side"] == 64
    assert json.loads(ask(url, f"{path}?losses_from=1")[2])["progress"]["losses"] == [1 / 3]
    kind, picture = (answer := ask(url, f"{path}/picture"))[1]["content-type"], answer[2]
    assert (kind, Image.open(io.BytesIO(picture)).size) == ("image/jpeg", (64, 48))
    assert ask(url, f"{path}/picture?step=2")[2] == picture
    assert error_of(ask(url, f"{path}/picture?step=1"))[0] == 409
    runs.step()
    done = status_when(url, job, lambda status: status["state"] == "done")["result"]
    assert (done["is_stopped"], len(done["iterates"]), done["iterates"][0][4]) == (False, 4, None)
    status, headers, body = ask(url, f"{path}/result?file_format=webp")
    assert (status, headers["content-type"]) == (200, "image/webp")
    assert "style bark:1.00, 4 steps, strokes 64 px" in Image.open(io.BytesIO(body)).getexif()[0x010E]
    (order,) = runs.orders
    assert (order.size, order.styles, order.wanted.steps) == ((64, 48), ((STYLE, 2.0),), 4)


def test_a_learning_over_http_ends_in_a_style_file(url, runs):
    job = start(url, "learnings", settings='{"minutes": 1, "title": "Mine"}')["id"]
    runs.step()
    status_when(url, job, lambda status: status["progress"] and status["progress"]["step"] == 1)
    cancelled = ask(url, f"/v1/jobs/{job}/cancel", {})
    assert json.loads(cancelled[2])["is_stopping"]
    status_when(url, job, lambda status: status["state"] == "cancelled")
    assert load_style_file(ask(url, f"/v1/jobs/{job}/result")[2]).title == "Learned"
    assert runs.orders[0].config == LearningConfig(minutes=1.0, title="Mine")


@pytest.mark.parametrize(
    ("kind", "fields", "complaint"),
    [
        ("refinements", {"settings": '{"steps": -1}'}, "settings: steps is -1"),
        ("refinements", {"settings": '{"sharpness": 1}'}, "has no sharpness"),
        ("refinements", {"shares": "1,2"}, "2 shares for 1 style pictures"),
        ("refinements", {"shares": "much"}, "numbers are needed"),
        ("refinements", {"quality": "superb"}, "quality"),
        ("learnings", {"settings": '{"photo_count": 0}'}, "photo_count is 0"),
    ],
)
def test_settings_that_cannot_be_used_are_named(url, runs, kind, fields, complaint):
    status, message = error_of(ask(url, f"/v1/{kind}", *form(**fields)))
    assert (status, runs.orders) == (400, [])
    assert complaint in message


def test_pictures_and_masks_are_checked_before_a_job_begins(url, runs):
    _, files = form()
    bad = [("photo", "p.png", b"dear diary"), files[1]]
    assert "is not a picture" in error_of(ask(url, "/v1/refinements", {}, bad))[1]
    masks = [("mask", "m.png", PHOTO)] * 3
    assert (
        "3 masks came: 2 are needed for each part"
        in error_of(ask(url, "/v1/refinements", {}, [*files, *masks]))[1]
    )
    assert error_of(ask(url, "/v1/learnings", {}, files[:1]))[0] == 400
    assert runs.orders == []


def test_a_job_is_reached_by_its_own_id_alone(url):
    job = start(url)["id"]
    for other in ("0" * 32, job[:-1], "..", "*"):
        for path in ("", "/picture", "/note", "/result"):
            assert error_of(ask(url, f"/v1/jobs/{other}{path}"))[0] == 404
        assert error_of(ask(url, f"/v1/jobs/{other}/cancel", {}))[0] == 404
    assert error_of(ask(url, "/v1/jobs"))[0] == 404
    assert json.loads(ask(url, f"/v1/jobs/{job}")[2])["id"] == job


def test_full_queues_and_busy_owners_are_told(url):
    jobs = [start(url, owner="ann")["id"] for _ in range(2)]
    assert "of yours" in error_of(ask(url, "/v1/refinements", *form(owner="ann")))[1]
    status, message = error_of(ask(url, "/v1/refinements", *form(owner="bea")))
    assert status == 429
    assert "1 custom runs are waiting" in message
    assert [json.loads(ask(url, f"/v1/jobs/{job}")[2])["place"] for job in jobs] == [0, 1]


def test_jobs_need_the_token_and_are_described(service, runs):
    service.jobs = LocalJobs(JobBoard(ServingConfig(), runs))
    with serving(service, token="secret") as url:
        paths = ("/v1/refinements", "/v1/learnings", "/v1/jobs/{job_id}", "/v1/jobs/{job_id}/cancel")
        described = json.loads(ask(url, "/openapi.json")[2])["paths"]
        assert {*paths, "/v1/jobs/{job_id}/picture", "/v1/jobs/{job_id}/note"} <= described.keys()
        assert {"202", "400", "429"} <= described["/v1/refinements"]["post"]["responses"].keys()
        assert error_of(ask(url, "/v1/refinements", *form()))[0] == 401
        assert error_of(ask(url, "/v1/jobs/" + "0" * 32))[0] == 401


def test_the_app_sees_a_job_on_the_server_as_one_of_its_own(url, runs):
    about = About(("photo", 'b"ark\n', "moß"), PHOTO)
    job = queue_of(url).submit(order(), about=about, owner="ann", expected_s=3.0)
    runs.step(3)
    wait_for(lambda: step_of(job) == 3)
    found = queue_of(url).find(job.token)
    assert found.about == about
    assert found.progress == job.progress
    progress = found.progress
    assert (progress.losses, [step for step, _ in progress.snapshots]) == ((1 / 2, 1 / 3), [2])
    assert (progress.config, progress.changes, progress.newest.remaining_s) == (SMALL, ("smaller",), 1)
    assert Image.open(io.BytesIO(progress.picture)).size == (64, 48)
    assert (found.state, found.place, found.result, found.error) == (JobState.RUNNING, 0, None, None)
    runs.step()
    assert found.wait(60)
    assert job.wait(60)
    assert (job.state, job.is_stopping) == (JobState.DONE, False)
    assert np.array_equal(np.asarray(job.result.image), np.asarray(make_photo(64, 48)))
    assert [iterate.step for iterate in job.result.iterates] == [1, 2, 3, 4]
    assert [weight for _, weight in runs.orders[0].styles] == [0.25, 0.75]


def test_any_process_of_the_app_can_cancel_and_has_the_best_so_far(url, runs):
    token = queue_of(url).submit(order(), about=About(("a", "b", "c"))).token
    runs.step(2)
    found = queue_of(url).find(token)
    wait_for(lambda: step_of(found) == 2)
    found.cancel()
    assert found.is_stopping
    assert found.wait(60)
    assert (found.state, found.result.is_stopped, len(found.result.iterates)) == (JobState.CANCELLED, True, 2)
    assert queue_of(url).find(token).progress.snapshots[-1][0] == 2


def test_a_learned_style_comes_back(url, runs):
    job = queue_of(url).submit(LearningOrder(PHOTO, (STYLE,), LearningConfig()), about=About(("a", "b")))
    runs.step()
    wait_for(lambda: step_of(job) == 1)
    assert (job.progress.losses, job.progress.steps) == ((3.0,), 9)
    job.cancel()
    assert job.wait(60)
    assert job.result.title == "Learned"


def test_why_a_job_failed_is_told(url, runs):
    runs.failure = StyleError("this picture cannot be read as a style")
    job = queue_of(url).submit(order(), about=About(("a", "b", "c")))
    runs.step()
    assert job.wait(60)
    assert (job.state, str(job.error)) == (JobState.FAILED, "this picture cannot be read as a style")


def test_bad_pictures_and_a_full_server_are_refused_not_done_here(url):
    queue, about = queue_of(url), About(("a", "b", "c"))
    with pytest.raises(StyleTransferError, match="is not a picture"):
        queue.submit(replace(order(), photo=b"dear diary"), about=about)
    for _ in range(2):
        queue.submit(order(), about=about)
    with pytest.raises(QueueFullError, match="are waiting already"):
        queue.submit(order(), about=about)
    assert len(queue.jobs) == 2


def test_other_work_and_all_work_without_the_server_stay_here(url, runs):
    queue = queue_of(url)
    assert queue.submit(lambda job: 3).wait(60)
    with serving(LocalService()) as without_jobs:  # as of an earlier version
        here = queue_of(without_jobs)
        job = here.submit(replace(order(), photo=b"no picture"), about=About(("a", "b", "c")))
        assert job.wait(60)
        assert "not a picture" in str(job.error)
    assert here.find("0" * 32) is None
    assert here.is_away
    assert here.submit(replace(order(), photo=b"no picture"), about=About(("a", "b", "c"))).wait(60)
    assert runs.orders == []


def test_a_job_survives_that_the_server_is_away_but_not_that_it_forgets(url, runs, monkeypatch):
    queue = queue_of(url)
    job = queue.submit(order(), about=About(("a", "b", "c")))
    runs.step(2)
    wait_for(lambda: step_of(job) == 2)
    with monkeypatch.context() as patched:
        patched.setattr(PaintingServer, "ask", lambda *_, **__: (_ for _ in ()).throw(ServerError("away")))
        assert (job.state, job.is_away, job.progress.step) == (JobState.RUNNING, True, 2)
        job.cancel()
    assert job.wait(60)
    assert (job.state, job.is_away) == (JobState.CANCELLED, False)
    other = queue.submit(order(), about=About(("a", "b", "c")))
    with serving(LocalService(jobs=LocalJobs(JobBoard(ServingConfig(), runs)))) as anew:
        other._server = PaintingServer(anew)
        assert other.wait(60)
    assert "has forgotten this run" in str(other.error)


def test_notes_of_strangers_are_no_jobs_of_the_app(url):
    assert queue_of(url).find(start(url)["id"]) is None


def test_progress_is_sent_a_few_times_a_second(monkeypatch):
    sent = []
    monkeypatch.setattr("stylecore.serving.sent_job.SEND_S", 60.0)
    job = SentJob(lambda progress: sent.append(progress) or True)
    job.report(1)
    job.report(2)
    assert (sent, job.progress, job.should_stop()) == ([1], 2, True)


def test_errors_travel_without_classes_of_torch():
    def fail(job):
        raise RuntimeError("CUDA error")

    error = work_off(fail, lambda progress: False).error
    assert isinstance(error, ServerError)
    assert str(error) == "RuntimeError: CUDA error"
    assert error.__context__ is None
