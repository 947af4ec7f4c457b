"""A painting server on a real local Ray: one quick look in `make test`, failures in `make slow`."""

import asyncio
import concurrent.futures
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from PIL import Image

from stylecore import FastStylizer, ImageError, Style, StyleTransferError
from stylecore.errors import ServerError
from stylecore.host.job_queue import JobQueue
from stylecore.host.jobs import JobState, QueueFullError
from stylecore.learning.learning_config import LearningConfig
from stylecore.optimization.config import OptimizationConfig
from stylecore.serving.client import PaintingServer
from stylecore.serving.config import ServingConfig
from stylecore.serving.orders import LearningOrder, RefinementOrder
from stylecore.serving.painting_request import Painted, PaintRequest
from stylecore.serving.remote_jobs import RemoteJob
from stylecore.serving.served_queue import ServedQueue
from stylecore.serving.tensor_networks import TensorNetworks
from stylecore.styles.catalog import get_style
from tests.conftest import encoded, make_photo
from tests.serving.conftest import ask, error_of, free_port

pytest.importorskip("ray", reason="ray is not installed")
PATIENCE_S = 900.0  # on a machine with much other work


class Painters:
    """Stands for the handle of the painters: raises or returns the next of `answers` at each call."""

    def __init__(self, *answers: object) -> None:
        self.answers, self.paint = list(answers), self
        self.networks = []

    def options(self, *, multiplexed_model_id: str) -> "Painters":
        self.networks.append(multiplexed_model_id)
        return self

    async def remote(self, request: PaintRequest) -> object:
        answer = self.answers.pop(0)
        if isinstance(answer, float):
            await asyncio.sleep(answer)
        if isinstance(answer, Exception) and not isinstance(answer, StyleTransferError):
            raise answer
        return answer


def answer_of(*answers: object, style: Style = Style("a")) -> Painted:
    from stylecore.serving.application import RayService

    service = RayService(Painters(*answers), ServingConfig(timeout_s=0.2))
    return asyncio.run(service.paint(PaintRequest(b"", ((style, 1.0),))))


def test_a_request_is_tried_twice_and_no_more():
    from ray.exceptions import ActorDiedError

    painted = Painted(b"", 1.0, "cpu")
    assert answer_of(ActorDiedError(), painted) == painted
    with pytest.raises(ServerError, match="ended, twice"):
        answer_of(ActorDiedError(), ActorDiedError(), painted)


def test_full_queues_slow_processes_and_bad_photos_are_told_apart():
    from ray.serve.exceptions import BackPressureError

    with pytest.raises(QueueFullError, match="32 requests are waiting"):
        answer_of(BackPressureError(num_queued_requests=32, max_queued_requests=32))
    with pytest.raises(ServerError, match=r"no answer within 0.2 s"):
        answer_of(5.0)
    with pytest.raises(ImageError, match="no picture"):
        answer_of(ImageError("no picture"))


def test_a_style_with_its_own_network_asks_for_a_process_that_has_it():
    from stylecore.serving.application import RayService

    painters, own = Painters(*[Painted(b"", 1.0, "cpu")] * 2), Style("a", foreign_network=b"onnx")
    service = RayService(painters, ServingConfig())
    for style in (own, Style("b")):
        asyncio.run(service.paint(PaintRequest(b"", ((style, 1.0),))))
    assert painters.networks == [own.sha256, ""]


def test_a_busy_machine_gets_more_time_to_start_ray(monkeypatch):
    from stylecore.serving import local_ray

    started, left_behind = [], []
    failures = [Exception("The current node timed out during startup.")] * 2

    def init(**options: object) -> None:
        started.append(options["address"])
        if failures:
            left_behind.append(psutil.Popen(["sleep", "60"]))
            raise failures.pop()

    fake = SimpleNamespace(init=init, shutdown=lambda: started.append("ended"))
    monkeypatch.setattr(local_ray, "import_extra", lambda module: fake)
    with local_ray.running_ray():
        assert started == ["local", "ended", "local", "ended", "local"]
    assert [process.wait() for process in left_behind] == [-signal.SIGKILL] * 2
    failures.append(Exception("no such address"))
    with pytest.raises(ServerError, match="no such address"), local_ray.running_ray("10.0.0.5:1"):
        pass


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server of one process that paints two pictures at once, and has room for four more."""
    from stylecore.serving.application import running_server

    config = ServingConfig(port=free_port(), device="cpu", queue=4, batch=2, timeout_s=300)
    with running_server(config, address="local", cpus=2) as address:
        yield address


def processes_of(work: str) -> list[int]:
    """Process ids of this test's Ray, which names its processes after their work."""
    started = psutil.Process().children(recursive=True)
    return [each.pid for each in started if work in "".join(each.cmdline())]


def painter_processes() -> list[int]:
    return processes_of("ServeReplica:impasto:Painter")


def wait_for(condition: Callable[[], bool], timeout_s: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_a_server_on_ray_paints_and_refuses(url):
    photo = ("photo", "a.png", encoded(make_photo(96, 64)))
    given = {"style": "mosaic", "file_format": "png"}
    status, _, body = ask(url, "/v1/paint", given, [photo])
    assert status == 200
    expected = FastStylizer("cpu").stylize(make_photo(96, 64), "mosaic")
    assert Image.open(io.BytesIO(body)).tobytes() == expected.tobytes()
    bad = error_of(ask(url, "/v1/paint", {"style": "mosaic"}, [("photo", "a.png", b"dear diary")]))
    assert (bad[0], "is not a picture" in bad[1]) == (400, True)
    assert json.loads(ask(url, "/health")[2]) == {"status": "ok", "replicas": 1}
    assert b"impasto_replicas 1.0" in ask(url, "/metrics")[2]


@pytest.mark.slow
def test_a_full_queue_is_answered_at_once_and_nothing_is_lost(url):
    large = ("photo", "a.jpg", encoded(make_photo(1200, 900), "JPEG"))

    def paint(_: int) -> tuple[int, float]:
        started = time.monotonic()
        status = ask(url, "/v1/paint", {"style": "mosaic"}, [large])[0]
        return status, time.monotonic() - started

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(paint, range(16)))
    refused = [seconds for status, seconds in answers if status == 429]
    painted = [seconds for status, seconds in answers if status == 200]
    assert len(refused) + len(painted) == 16
    assert len(painted) >= 6
    assert refused
    assert max(refused) < max(painted)


@pytest.mark.slow
def test_requests_of_a_killed_process_are_tried_once_more(url):
    large = ("photo", "a.jpg", encoded(make_photo(2400, 1800), "JPEG"))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(ask, url, "/v1/paint", {"style": "mosaic"}, [large]) for _ in range(2)]
        time.sleep(1)
        (first,) = painter_processes()
        os.kill(first, signal.SIGKILL)
        assert [each.result()[0] for each in waiting] == [200, 200]
    assert painter_processes() != [first]


@dataclass(frozen=True)
class About:
    names: tuple[str, ...] = ("photo", "bark")


def queue_of(url: str) -> ServedQueue:
    """The queue of an app with this server."""
    return ServedQueue(JobQueue(), PaintingServer(url), {"refinement": About, "learning": About})


@pytest.mark.slow
def test_a_custom_run_whose_process_is_killed_is_begun_once_more_and_stopped_from_elsewhere(url):
    photo, style = encoded(make_photo(96, 64)), encoded(make_photo(64, 64, seed=1))
    config = OptimizationConfig(steps=100_000, max_side=96, preview_every=5)
    job = queue_of(url).submit(RefinementOrder(photo, ((style, 1.0),), (96, 64), config), about=About())
    assert isinstance(job, RemoteJob)
    wait_for(lambda: not job.is_finished and job.progress is not None and job.progress.step > 0)
    (first,) = processes_of("JobWorker")
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: processes_of("JobWorker") not in ([], [first]))
    assert not job.is_finished
    found = queue_of(url).find(job.token)
    wait_for(lambda: not found.is_finished and found.progress is not None and found.progress.picture)
    found.cancel()
    assert job.wait(PATIENCE_S)
    assert (job.state, job.result.image.size, job.result.is_stopped) == (JobState.CANCELLED, (96, 64), True)


@pytest.mark.slow
def test_a_style_is_learned_on_the_server_and_its_process_ending_twice_is_an_error(url):
    photo, style = encoded(make_photo(96, 64)), encoded(make_photo(64, 64, seed=1))
    config = LearningConfig(minutes=0, steps=3, photo_count=2, photo_side=64, title="Bark")
    job = queue_of(url).submit(LearningOrder(photo, (style,), config), about=About())
    assert job.wait(PATIENCE_S)
    assert (job.state, job.result.title) == (JobState.DONE, "Bark")
    job = queue_of(url).submit(LearningOrder(photo, (style,), replace(config, steps=100_000)), about=About())
    killed = set()
    for _ in range(2):
        wait_for(lambda: job.is_finished or not killed.issuperset(processes_of("JobWorker")))
        for process in processes_of("JobWorker"):
            os.kill(process, signal.SIGKILL)
            killed.add(process)
    assert job.wait(PATIENCE_S)
    assert "ended, twice" in str(job.error)
    assert len(killed) == 2


@pytest.mark.slow
def test_tensors_run_on_a_process_of_the_server(url):
    photo = make_photo(64, 48)
    served = FastStylizer(networks=TensorNetworks(url)).stylize(photo, "mosaic")
    assert served.tobytes() == FastStylizer("cpu").stylize(photo, "mosaic").tobytes()


@pytest.mark.slow
def test_serving_costs_at_most_15_ms_a_picture(url, record_property):
    data, style, server = encoded(make_photo(768, 512), "JPEG"), get_style("mosaic"), PaintingServer(url)
    extra = []
    for _ in range(12):
        started = time.perf_counter()
        painted = server.paint(data, {style: 1})
        extra.append(time.perf_counter() - started - painted.seconds)
    from stylecore.images.encoding import encode_image
    from stylecore.images.loading import load_image

    started = time.perf_counter()
    for _ in range(5):
        encode_image(load_image(data), "JPEG")
    coding = (time.perf_counter() - started) / 5
    overhead_ms = (sorted(extra)[6] - coding) * 1000
    record_property("overhead_ms", round(overhead_ms, 1))
    assert overhead_ms < 15


@pytest.mark.slow
def test_the_command_serves_until_it_is_told_to_end(tmp_path):
    (tmp_path / "token").write_text("secret\n")
    port = free_port()
    command = [sys.executable, "-m", "stylecore", "serve", "--port", str(port), "--device", "cpu"]
    command += ["--token-file", str(tmp_path / "token"), "--queue", "2"]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, text=True) as process:
        line = process.stderr.readline()
        url = f"http://127.0.0.1:{port}"
        assert line.startswith(f"painting at {url}")
        server = PaintingServer(url, "secret")
        assert server.paint(encoded(make_photo(64, 48)), {get_style("mosaic"): 1}).picture
        assert ask(url, "/v1/styles")[0] == 401
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
