"""Service times of this machine, and a server under load next to the simulation of its queue."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

import numpy as np
from PIL import Image

from stylecore.errors import StyleTransferError
from stylecore.images.encoding import encode_image
from stylecore.serving.client import PaintingServer
from stylecore.serving.painting import PhotoPainter
from stylecore.serving.painting_request import PaintRequest
from stylecore.serving.queue_simulation import (
    ServiceTimes,
    Traffic,
    custom_processes_needed,
    processes_needed,
    simulate,
)
from stylecore.styles.catalog import ready_made_styles

PREVIEW = (1024, 768)  # px, a photo at screen size
DOWNLOADS = ((2000, 1500), (4000, 3000))  # px, from which the time of a megapixel is taken
LOAD_SIZES = ((512, 384), (768, 576), (1024, 768))  # px, of the photos of a load test
ROUNDS = 3
WAIT_S, CUSTOM_WAIT_S = 1.0, 60.0  # s within which 95 of 100 paintings, and half of the custom runs, begin
MAX_THREADS = 200  # requests of a load test that wait at once


@dataclass(frozen=True)
class LoadReport:
    """A server under load, next to the simulation of its queue.

    Attributes:
        requests: Requests sent.
        failed: Those that were not painted.
        mean_s: Mean time to the answer.
        p95_s: Time within which 95 of 100 answers came.
        simulated_mean_s: The mean in the simulation.
        simulated_p95_s: The same of 95 of 100 in the simulation.
        use: Share of the processes' time that was used, in the simulation.
    """

    requests: int
    failed: int
    mean_s: float
    p95_s: float
    simulated_mean_s: float
    simulated_p95_s: float
    use: float

    @property
    def gap(self) -> float:
        """Difference of the mean to the simulation's, as a share of it."""
        return self.mean_s / self.simulated_mean_s - 1


def measure_service_times(device: str = "auto") -> ServiceTimes:
    """Time the work of one process, from encoded photo to encoded painting."""
    painter = PhotoPainter(device)

    def seconds(size: tuple[int, int]) -> float:
        request = PaintRequest(_photo(size), ((ready_made_styles()[0], 1.0),))
        painter.paint(request)
        return statistics.median(_timed(lambda: painter.paint(request)) for _ in range(ROUNDS))

    preview, *downloads = (seconds(size) for size in (PREVIEW, *DOWNLOADS))
    small, large = (width * height / 1e6 for width, height in DOWNLOADS)
    each = (downloads[1] - downloads[0]) / (large - small)
    return ServiceTimes(preview, max(0.0, downloads[0] - each * small), each)


def sizing_table(times: ServiceTimes, visitors: Sequence[int]) -> list[dict[str, float]]:
    """Rows of what numbers of visitors a day need, in processes as fast as `times`."""
    rows = []
    for number in visitors:
        processes, waits = processes_needed(Traffic(number), times, wait_s=WAIT_S)
        custom = custom_processes_needed(Traffic(number), times, wait_s=CUSTOM_WAIT_S)
        needed = {"visitors": number, "processes": processes, "custom_processes": custom}
        rows.append(needed | asdict(waits))
    return rows


def run_load(
    server: PaintingServer,
    *,
    rate: float,
    seconds: float,
    processes: int = 1,
    seed: int = 0,
    on_progress: Callable[[str], None] = lambda line: None,
) -> LoadReport:
    """Send photos of `LOAD_SIZES` at random times, and compare the answers with the simulation.

    The service times of the simulation are those of single requests, half of them before and half after the
    load.

    Args:
        server: The server; each of its processes paints one picture at a time (`--concurrent 1`).
        rate: Requests a second.
        seconds: How long they are sent.
        processes: Processes of the server.
        seed: Of the times and sizes.
        on_progress: Called with lines for the user.
    Raises:
        ServerError: The server is away.
        ValueError: No request was sent, or none was painted.
    """
    rng = np.random.default_rng(seed)
    arrivals = np.sort(rng.uniform(0, seconds, rng.poisson(rate * seconds)))
    sizes = rng.integers(len(LOAD_SIZES), size=len(arrivals))
    photos = [_photo(size) for size in LOAD_SIZES]
    styles = {ready_made_styles()[0]: 1.0}

    def seconds_of(photo: bytes) -> float:
        return _timed(lambda: server.paint(photo, styles))

    def ask(place: int) -> float:
        """Seconds to the answer; NaN if there is none."""
        try:
            return seconds_of(photos[sizes[place]])
        except StyleTransferError:
            return float("nan")

    def alone() -> list[list[float]]:
        return [[seconds_of(photo) for _ in range(ROUNDS)] for photo in photos]

    before = alone()
    on_progress(f"{len(arrivals)} photos in {seconds:g} s")
    started = time.monotonic()
    with ThreadPoolExecutor(MAX_THREADS) as pool:
        waiting = []
        for place, arrival in enumerate(arrivals):
            time.sleep(max(0.0, started + arrival - time.monotonic()))
            waiting.append(pool.submit(ask, place))
        answers = np.array([each.result() for each in waiting])
    works = np.array([np.mean(pair) for pair in zip(before, alone(), strict=True)])[sizes]
    simulated, _ = simulate(arrivals, works, processes=processes, queue=len(arrivals) + 1)
    painted = answers[~np.isnan(answers)]
    if not len(painted):
        raise ValueError(f"none of {len(answers)} photos was painted: another rate or time is needed")
    return LoadReport(
        requests=len(answers),
        failed=len(answers) - len(painted),
        mean_s=float(painted.mean()),
        p95_s=float(np.percentile(painted, 95)),
        simulated_mean_s=simulated.mean_s,
        simulated_p95_s=simulated.p95_s,
        use=simulated.use,
    )


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _photo(size: tuple[int, int]) -> bytes:
    """JPEG of soft noise, which decodes and paints in the time of a photo."""
    width, height = size
    pixels = np.random.default_rng(0).integers(0, 256, (height // 16, width // 16, 3), np.uint8)
    return encode_image(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC), "JPEG")
