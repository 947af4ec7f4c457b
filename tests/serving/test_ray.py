"""A painting server on a real local Ray: one quick look in `make test`, failures in `make slow`."""

import concurrent.futures
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from stylecore import FastStylizer
from stylecore.serving.client import PaintingServer
from stylecore.serving.config import ServingConfig
from stylecore.styles.catalog import get_style
from tests.conftest import encoded, make_photo
from tests.serving.conftest import ask, error_of, free_port

pytest.importorskip("ray", reason="ray is not installed")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server of one process that paints two pictures at once, and has room for four more."""
    from stylecore.serving.application import running_server

    config = ServingConfig(port=free_port(), device="cpu", queue=4, batch=2, timeout_s=300)
    with running_server(config, address="local", cpus=1) as address:
        yield address


def painter_processes() -> list[int]:
    """Process ids of the painters of this test's Ray."""
    from ray.util.state import list_actors

    return [actor.pid for actor in list_actors() if "Painter" in actor.name and actor.state == "ALIVE"]


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


@pytest.mark.slow
def test_requests_whose_process_ends_twice_are_answered_with_503(url):
    large = ("photo", "a.jpg", encoded(make_photo(2400, 1800), "JPEG"))
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(ask, url, "/v1/paint", {"style": "mosaic"}, [large])
        killed = set()
        while len(killed) < 2 and not waiting.done():
            time.sleep(1)
            for process in set(painter_processes()) - killed:
                os.kill(process, signal.SIGKILL)
                killed.add(process)
        status, error = error_of(waiting.result())
    assert (status, "ended, twice" in error) == (503, True)
    deadline = time.monotonic() + 60
    while ask(url, "/health")[0] != 200 and time.monotonic() < deadline:
        time.sleep(0.5)
    assert ask(url, "/v1/paint", {"style": "mosaic"}, [large])[0] == 200


@pytest.mark.slow
def test_serving_costs_at_most_15_ms_a_picture(url, record_property):
    photo = make_photo(768, 512)
    stylizer, server = FastStylizer("cpu"), PaintingServer(url)
    data, style = encoded(photo, "JPEG"), get_style("mosaic")
    extra = []
    for _ in range(12):
        started = time.perf_counter()
        painted = server.paint(data, {style: 1})
        extra.append(time.perf_counter() - started - painted.seconds)
        stylizer.stylize(photo, style)
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
