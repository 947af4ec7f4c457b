"""A server under load next to its simulation, and the table of what visitors need."""

import asyncio
import json
import time

import numpy as np
import pytest

from stylecore import cli
from stylecore.errors import ServerError
from stylecore.serving import load_test
from stylecore.serving.client import PaintingServer
from stylecore.serving.load_test import run_load, sizing_table
from stylecore.serving.painting_request import Painted, PaintRequest
from stylecore.serving.queue_simulation import ServiceTimes
from tests.conftest import encoded, make_photo
from tests.serving.conftest import serving

WORK_S = 0.15


class OneProcess:
    """Answers one request after another, each in `WORK_S` seconds."""

    jobs = None

    def __init__(self) -> None:
        self.turn, self.busy_s = asyncio.Lock(), 0.0

    async def paint(self, request: PaintRequest) -> Painted:
        async with self.turn:
            started = time.monotonic()
            await asyncio.sleep(WORK_S)
            self.busy_s += time.monotonic() - started
        return Painted(encoded(make_photo(32, 32), "JPEG"), WORK_S, "cpu")

    async def count_replicas(self) -> int:
        return 1


def test_the_simulation_has_the_waits_of_a_server():
    with serving(OneProcess()) as url:
        report = run_load(PaintingServer(url), rate=4, seconds=4)
    assert report.failed == 0
    assert report.requests == np.random.default_rng(0).poisson(16)
    assert report.simulated_mean_s > 1.1 * WORK_S  # some wait
    assert abs(report.gap) < 0.5  # 0.03 on an idle machine


def test_requests_that_fail_are_counted(monkeypatch):
    paint, asked = PaintingServer.paint, []

    def fails_later(self, photo, styles):
        asked.append(photo)
        if 3 < len(asked) < 12 and len(asked) % 2:  # the first three come alone
            raise ServerError("full")
        return paint(self, photo, styles)

    monkeypatch.setattr(load_test, "ROUNDS", 1)
    monkeypatch.setattr(PaintingServer, "paint", fails_later)
    with serving(OneProcess()) as url:
        report = run_load(PaintingServer(url), rate=20, seconds=1)
    assert 0 < report.failed < report.requests


def test_the_table_grows_with_the_visitors():
    rows = sizing_table(ServiceTimes(0.25, 0.3, 0.2), [100, 10_000, 100_000])
    assert [row["visitors"] for row in rows] == [100, 10_000, 100_000]
    assert rows[0]["processes"] <= rows[1]["processes"] < rows[2]["processes"]
    assert all(row["p95_wait_s"] <= load_test.WAIT_S for row in rows)


def test_the_command_prints_the_table(capsys, monkeypatch):
    monkeypatch.setattr(load_test, "measure_service_times", lambda device: ServiceTimes(0.25, 0.3, 0.2))
    assert cli.main(["load", "--visitors", "100", "1000"]) == 0
    assert "A process paints a preview in 0.25 s" in (out := capsys.readouterr().out)
    assert out.splitlines()[-1].startswith("1000 | ")
    assert cli.main(["load", "--visitors", "100", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"][0]["visitors"] == 100


@pytest.mark.parametrize(
    "given", [[], ["--visitors", "1", "--server", "http://a"], ["--server", "http://a", "--rate", "0"]]
)
def test_wrong_usage_is_refused(capsys, given):
    assert cli.main(["load", *given]) == 2
