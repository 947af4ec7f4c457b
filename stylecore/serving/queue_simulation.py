"""How many processes a number of visitors needs: a simulation of the queue in front of the painters."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# Share of a day's visitors in each hour from midnight: quiet nights, and twice the mean in the evening.
HOURS = (
    *(0.015, 0.010, 0.007, 0.005, 0.005, 0.008, 0.015, 0.025, 0.035, 0.042, 0.047, 0.050),
    *(0.053, 0.053, 0.052, 0.052, 0.053, 0.056, 0.062, 0.072, 0.083, 0.083, 0.072, 0.045),
)
MEGAPIXELS = (12.0, 24.0, 3.0, 48.0)  # of photos, and the share of each
PHOTO_SHARES = (0.6, 0.15, 0.2, 0.05)
HOUR_S = 3600.0
QUEUE = 16  # requests that may wait for each process


@dataclass(frozen=True)
class Traffic:
    """What the visitors of a day ask for.

    Attributes:
        visitors: Visitors a day.
        previews: Paintings at screen size of each visitor.
        downloads: Paintings at the photo's own size of each.
        custom_runs: Optimized paintings or learned styles of each.
    """

    visitors: float
    previews: float = 6.0
    downloads: float = 1.0
    custom_runs: float = 0.05


@dataclass(frozen=True)
class ServiceTimes:
    """Seconds of one process for each kind of work, see docs/scale.md.

    Attributes:
        preview_s: A painting at screen size.
        download_s: Fixed part of a painting at full size.
        download_s_per_megapixel: What each million of its pixels adds.
        custom_s: A custom run.
    """

    preview_s: float
    download_s: float
    download_s_per_megapixel: float
    custom_s: float = 180.0


@dataclass(frozen=True)
class Waits:
    """Outcome of a simulation.

    Attributes:
        requests: Number of requests.
        refused: Share that found the queue full.
        mean_s: Mean time from request to answer.
        p50_s: Time within which half of the answers came.
        p95_s: Time within which 95 of 100 came.
        p95_wait_s: Time within which 95 of 100 found a free process.
        use: Share of the processes' time that was used.
    """

    requests: int
    refused: float
    mean_s: float
    p50_s: float
    p95_s: float
    p95_wait_s: float
    use: float


def simulate(
    arrivals_s: Sequence[float], works_s: Sequence[float], *, processes: int, queue: int
) -> tuple[Waits, np.ndarray]:
    """Let requests wait for the first free process, in the order in which they come.

    Args:
        arrivals_s: When each comes, in seconds, ascending.
        works_s: Seconds that a process needs for each.
        processes: Processes that paint one picture at a time.
        queue: Requests that may wait; further ones are refused.
    Returns:
        The outcome, and the time to the answer of each request in seconds, NaN where it was refused.
    """
    free_at = [0.0] * processes  # a heap
    starts: deque[float] = deque()  # of those that wait
    answers = np.full(len(arrivals_s), np.nan)
    for place, (arrival, work) in enumerate(zip(arrivals_s, works_s, strict=True)):
        while starts and starts[0] <= arrival:
            starts.popleft()
        if len(starts) >= queue and free_at[0] > arrival:
            continue
        start = max(arrival, heapq.heappop(free_at))
        heapq.heappush(free_at, start + work)
        starts.append(start)
        answers[place] = start + work - arrival
    return _summary(np.asarray(arrivals_s), np.asarray(works_s), answers, processes), answers


def _summary(arrivals: np.ndarray, works: np.ndarray, answers: np.ndarray, processes: int) -> Waits:
    is_done = ~np.isnan(answers)
    if not is_done.any():
        return Waits(len(answers), float(len(answers) > 0), 0.0, 0.0, 0.0, 0.0, 0.0)
    done, worked = answers[is_done], works[is_done]
    span = (arrivals[is_done] + done).max() - arrivals[0]
    p50, p95 = np.percentile(done, (50, 95))
    return Waits(
        requests=len(answers),
        refused=float(1 - is_done.mean()),
        mean_s=float(done.mean()),
        p50_s=float(p50),
        p95_s=float(p95),
        p95_wait_s=float(np.percentile(done - worked, 95)),
        use=float(worked.sum() / (processes * span)),
    )


def busiest_hour(
    traffic: Traffic, times: ServiceTimes, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Arrivals and works of the busiest hour of a day, without custom runs: Poisson, ascending.

    Source: the number of arrivals of independent visitors in an hour is Poisson distributed, and each comes
    at a uniformly drawn time (Ross, Introduction to Probability Models, section 5.3).
    """
    visitors = traffic.visitors * max(HOURS)
    kinds = ((traffic.previews, False), (traffic.downloads, True))
    arrivals, works = [], []
    for each, is_download in kinds:
        number = rng.poisson(visitors * each)
        arrivals.append(rng.uniform(0, HOUR_S, number))
        if is_download:
            megapixels = rng.choice(MEGAPIXELS, number, p=PHOTO_SHARES)
            works.append(times.download_s + times.download_s_per_megapixel * megapixels)
        else:
            works.append(np.full(number, times.preview_s))
    order = np.argsort(np.concatenate(arrivals))
    return np.concatenate(arrivals)[order], np.concatenate(works)[order]


def processes_needed(
    traffic: Traffic, times: ServiceTimes, *, wait_s: float, max_refused: float = 0.001, seed: int = 0
) -> tuple[int, Waits]:
    """Return the least number of processes that keep the busiest hour quick, and the outcome with it.

    Args:
        traffic: The visitors of a day.
        times: Of one process.
        wait_s: Time within which 95 of 100 requests find a free process.
        max_refused: Share of requests that may find the queue full.
        seed: Of the arrivals.
    """
    arrivals, works = busiest_hour(traffic, times, np.random.default_rng(seed))
    processes = max(1, int(np.ceil(works.sum() / HOUR_S)))
    while True:
        waits, _ = simulate(arrivals, works, processes=processes, queue=QUEUE * processes)
        if waits.p95_wait_s <= wait_s and waits.refused <= max_refused:
            return processes, waits
        processes = _next(processes)


def custom_processes_needed(traffic: Traffic, times: ServiceTimes, *, wait_s: float, seed: int = 0) -> int:
    """Return the least number of further processes for custom runs, of which half wait at most `wait_s`."""
    rng = np.random.default_rng(seed)
    number = rng.poisson(traffic.visitors * max(HOURS) * traffic.custom_runs)
    arrivals = np.sort(rng.uniform(0, HOUR_S, number))
    works = np.full(number, times.custom_s)
    processes = max(1, int(np.ceil(works.sum() / HOUR_S)))
    while True:
        waits, _ = simulate(arrivals, works, processes=processes, queue=number + 1)
        if waits.p50_s - times.custom_s <= wait_s:
            return processes
        processes = _next(processes)


def _next(processes: int) -> int:
    """The next number to try, about 2 % more."""
    return processes + max(1, processes // 50)
