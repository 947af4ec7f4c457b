"""The simulated queue, next to what theory says of queues."""

import math
from dataclasses import replace

import numpy as np
import pytest

from stylecore.serving.queue_simulation import (
    HOURS,
    PHOTO_SHARES,
    ServiceTimes,
    Traffic,
    busiest_hour,
    custom_processes_needed,
    processes_needed,
    simulate,
)

TIMES = ServiceTimes(preview_s=0.25, download_s=0.3, download_s_per_megapixel=0.2)


def arrivals_of(rate: float, number: int, seed: int = 0) -> np.ndarray:
    return np.cumsum(np.random.default_rng(seed).exponential(1 / rate, number))


def test_requests_wait_for_the_first_free_process():
    waits, answers = simulate([0, 0, 0, 5], [2, 3, 1, 1], processes=2, queue=9)
    assert answers.tolist() == [2, 3, 3, 1]
    assert (waits.requests, waits.refused, waits.p50_s) == (4, 0, 2.5)
    assert waits.p95_wait_s == pytest.approx(1.7)
    assert waits.use == pytest.approx(7 / (2 * 6))


def test_a_full_queue_refuses():
    waits, answers = simulate([0, 0, 0, 0, 11], [10] * 5, processes=1, queue=2)
    assert answers.tolist()[:3] == [10, 20, 30]
    assert math.isnan(answers[3])
    assert answers[4] == 29
    assert waits.refused == pytest.approx(0.2)


def test_one_process_waits_as_pollaczek_and_khinchine_say():
    rate, work = 0.7, 1.0
    waits, _ = simulate(arrivals_of(rate, 200_000), [work] * 200_000, processes=1, queue=10**6)
    expected = work + rate * work**2 / (2 * (1 - rate * work))  # M/D/1
    assert waits.mean_s == pytest.approx(expected, rel=0.05)
    assert waits.use == pytest.approx(rate, rel=0.02)


def test_several_processes_wait_as_erlang_says():
    servers, load = 4, 3.0
    works = np.random.default_rng(1).exponential(1, 200_000)
    waits, _ = simulate(arrivals_of(load, 200_000), works, processes=servers, queue=10**6)
    top = load**servers / math.factorial(servers) * servers / (servers - load)
    waiting = top / (sum(load**n / math.factorial(n) for n in range(servers)) + top)  # Erlang C
    assert waits.mean_s == pytest.approx(1 + waiting / (servers - load), rel=0.05)


def test_shares_sum_to_one():
    assert sum(HOURS) == pytest.approx(1)
    assert sum(PHOTO_SHARES) == pytest.approx(1)


def test_the_busiest_hour_has_its_share_of_the_requests():
    traffic = Traffic(100_000)
    arrivals, works = busiest_hour(traffic, TIMES, np.random.default_rng(0))
    assert len(arrivals) == pytest.approx(100_000 * max(HOURS) * 7, rel=0.02)
    assert (np.diff(arrivals) >= 0).all()
    assert (works == TIMES.preview_s).mean() == pytest.approx(6 / 7, rel=0.02)


def test_more_visitors_need_more_processes_and_fewer_than_proportionally():
    few, _ = processes_needed(Traffic(1000), TIMES, wait_s=2)
    many, waits = processes_needed(Traffic(100_000), TIMES, wait_s=2)
    assert few < many < 100 * few
    assert waits.p95_wait_s <= 2
    assert waits.refused <= 0.001
    worse, _ = simulate(
        *busiest_hour(Traffic(100_000), TIMES, np.random.default_rng(0)), processes=many // 2, queue=100
    )
    assert worse.refused > 0.1


def test_custom_runs_have_processes_of_their_own():
    assert custom_processes_needed(replace(Traffic(10_000), custom_runs=0), TIMES, wait_s=60) == 1
    busy = 0.083 * 10_000 * 0.05 * 180 / 3600  # processes, at every moment of the busiest hour
    assert busy < custom_processes_needed(Traffic(10_000), TIMES, wait_s=60) <= 2 * busy
