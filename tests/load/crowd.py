"""Many visitors at once on a server of their own: what they wait for, see and meet.

python -m tests.load.crowd --visitors 20 --minutes 5
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import io
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import psutil
from PIL import Image
from streamlit.proto.Element_pb2 import Element

from tests.browsing import ROOT, wait_for_server
from tests.load.marks import make_marks, marked_photo, read_mark
from tests.load.session import Session, component_data

MEGABYTE = 2**20
SETTLING_S = 60.0  # after which memory is looked at
TOLD = ("in line", "waiting already")  # what the page says to those who are not painted yet


@dataclass
class Report:
    """What happened.

    Attributes:
        taps: Seconds from each tap to the painting, or to a place in line or a refusal.
        painted: Seconds from each tap to the painting alone.
        counts: How often what was done.
        errors: What went wrong.
        memory: Seconds since the start, and megabytes of the server.
        server_s: Processor time of the server.
    """

    taps: list[float] = field(default_factory=list)
    painted: list[float] = field(default_factory=list)
    counts: Counter = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    memory: list[tuple[float, float]] = field(default_factory=list)
    server_s: float = 0.0

    def summary(self) -> dict:
        """The figures; memory is that at rest, since each refinement takes some and gives it back."""
        times, sizes = np.array([row for row in self.memory if row[0] > SETTLING_S] or self.memory).T
        minutes = times // 60
        at_rest = [sizes[minutes == minute].min() for minute in np.unique(minutes)]
        slope = np.polyfit(np.arange(len(at_rest)), at_rest, 1)[0] if len(at_rest) > 1 else 0.0
        return {
            "answered_p95_s": _p95(self.taps),
            "painted_p95_s": _p95(self.painted),
            "painted_median_s": round(float(np.median(self.painted or [0])), 2),
            "counts": dict(self.counts),
            "errors": self.errors[:20],
            "server_s_a_painting": round(self.server_s / max(1, len(self.painted)), 2),
            "memory_mb": [round(float(sizes[0])), round(float(sizes.max())), round(float(sizes[-1]))],
            "memory_at_rest_mb": [round(float(size)) for size in at_rest],  # the least of each minute
            "memory_mb_a_minute": round(float(slope), 2),
        }


def _p95(seconds: list[float]) -> float | None:
    return round(float(np.percentile(seconds, 95)), 2) if seconds else None


@dataclass(frozen=True)
class Plan:
    """How the visitors behave.

    Attributes:
        visitors: Visitors at once.
        minutes: How long they stay.
        pause_s: Mean pause before a tap.
        custom: Every so many-th visitor also starts refinements, on the first of each two visits, so that
            torch is loaded before memory is looked at.
        patience_s: After which a visitor counts it as an error that nothing comes.
        seed: Of their choices.
    """

    visitors: int = 20
    minutes: float = 5.0
    pause_s: float = 20.0
    custom: int = 10
    patience_s: float = 120.0
    seed: int = 0


class Visitor:
    """One of the crowd: uploads a photo, taps styles, downloads, leaves and comes again."""

    def __init__(self, number: int, plan: Plan, marks: np.ndarray, report: Report) -> None:
        self.number, self.plan, self.marks, self.report = number, plan, marks, report
        self.random = random.Random(plan.seed * 1000 + number)
        self.visits = 0
        self.size = (0, 0)
        self.session: Session

    async def stay(self, url: str, until: float, threads: ThreadPoolExecutor) -> None:
        """Come and go until a time of `time.monotonic`."""
        await asyncio.sleep(self.random.uniform(0, min(self.plan.pause_s, self.plan.minutes * 10)))
        while time.monotonic() < until:
            self.session = Session(url, threads, patience_s=self.plan.patience_s)
            try:
                await self._visit(until)
                self.report.counts["visits"] += 1
            except Exception as error:
                self.report.errors.append(f"visitor {self.number}: {type(error).__name__}: {error}")
                await asyncio.sleep(1)
            finally:
                with contextlib.suppress(Exception):
                    await self.session.close()

    async def _visit(self, until: float) -> None:
        await self.session.open()
        self.visits += 1
        if (
            self.plan.custom and self.number % self.plan.custom == 0 and self.visits % 2
        ):  # torch is loaded early
            await self._refine()
            return
        await self._upload()
        for _ in range(self.random.randint(4, 10)):
            await asyncio.sleep(self.random.expovariate(1 / self.plan.pause_s))
            if time.monotonic() > until:
                return
            await self._tap()
            if self.random.random() < 0.2:
                await self._download()

    async def _upload(self) -> None:
        self.size = 900 + self.number, self.random.choice((600, 700, 900))
        photo = marked_photo(self.marks[self.number], self.size, seed=self.visits)
        await self._timed(
            lambda on_element: self.session.upload("photo_0", f"{self.number}.jpg", photo, on_element)
        )
        self.report.counts["uploads"] += 1

    async def _tap(self) -> None:
        tiles = [
            element.button.id.split("-", 2)[2]
            for element in self.session.find_all("style_")
            if element.WhichOneof("type") == "button"
        ]
        tile = self.random.choice(tiles)
        await self._timed(lambda on_element: self.session.run(tile, on_element))
        self.report.counts["taps"] += 1

    async def _timed(self, act) -> None:
        """Do something that leads to a painting; note when the visitor knows more, and look at it."""
        started, first, painting = time.monotonic(), [], []

        def look(element: Element) -> None:
            kind = element.WhichOneof("type")
            if kind == "alert" and any(text in element.alert.body for text in TOLD):
                first.append(time.monotonic() - started)
            elif (data := component_data(element, "before_after")) is not None:
                first.append(time.monotonic() - started)
                painting[:] = [data, first[-1]]

        await act(look)
        self._check_page()
        if not first:
            raise RuntimeError(f"neither painted nor told: {self.session.texts}")
        self.report.taps.append(first[0])
        if not painting:
            self.report.counts["refused"] += 1
            return
        self.report.painted.append(painting[1])
        for side in ("before", "after"):
            self._check_mark(base64.b64decode(painting[0][side].partition(",")[2]), side)

    async def _download(self) -> None:
        started = time.monotonic()
        data = await self.session.download("download")
        self.report.counts["downloads"] += 1
        self.report.counts["download_s"] += time.monotonic() - started
        self._check_mark(data, "download")
        with Image.open(io.BytesIO(data)) as image:
            if image.size != self.size:
                self.report.errors.append(f"visitor {self.number}: {image.size} instead of {self.size}")

    async def _refine(self) -> None:
        """Refine a photo for a while, then stop it and keep what there is."""
        await self.session.go_to("custom")
        photo = marked_photo(self.marks[self.number], (400 + self.number, 300), seed=self.visits)
        await self.session.upload("content_0", f"{self.number}.jpg", photo)
        self._check_page()
        if not self.session.find_all("refine", is_prefix=False):
            self.report.counts["not painted"] += 1
            return
        await self.session.run("refine")
        self._check_page()
        if any(TOLD[1] in text for text in self.session.texts):
            self.report.counts["refinements refused"] += 1
            return
        await asyncio.sleep(self.random.uniform(5, 20))
        if self.session.find_all("cancel", is_prefix=False):
            await self.session.run("cancel")
        self.report.counts["refinements"] += 1

    def _check_mark(self, picture: bytes, what: str) -> None:
        found = read_mark(picture, self.marks)
        self.report.counts["marks"] += 1
        if found != self.number:
            self.report.errors.append(f"visitor {self.number} sees the {what} of visitor {found}")

    def _check_page(self) -> None:
        for element in self.session.elements.values():
            kind = element.WhichOneof("type")
            if kind == "exception":
                raise RuntimeError(f"the page has an error: {element.exception.message}")
            is_error = kind == "alert" and element.alert.format == element.alert.ERROR
            if is_error and not any(text in element.alert.body for text in TOLD):
                raise RuntimeError(f"the page has an error: {element.alert.body}")


async def crowd(url: str, process: psutil.Process, plan: Plan) -> Report:
    """Let the visitors come, and watch the server's memory."""
    report, started = Report(), time.monotonic()
    marks = make_marks(plan.visitors, plan.seed)
    until = started + 60 * plan.minutes

    async def watch() -> None:
        while True:
            size = process.memory_info().rss / MEGABYTE
            report.memory.append((time.monotonic() - started, size))
            await asyncio.sleep(1)

    watching = asyncio.create_task(watch())
    with ThreadPoolExecutor(plan.visitors) as threads:
        visitors = [Visitor(number, plan, marks, report) for number in range(plan.visitors)]
        await asyncio.gather(*(visitor.stay(url, until, threads) for visitor in visitors))
    watching.cancel()
    report.server_s = sum(process.cpu_times()[:2])
    return report


@contextlib.contextmanager
def logged_server() -> Iterator[tuple[str, psutil.Process, Path]]:
    """Address and process of a server, and the file of its log."""
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "streamlit_app.py")]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with (
            log.open("wb") as output,
            wait_for_server([*command, "--server.headless", "true"], folder=ROOT, output=output) as (
                url,
                process,
            ),
        ):
            yield url, psutil.Process(process.pid), log


def run(plan: Plan) -> Report:
    """Run the crowd on a server of its own; what the server logs about failures counts as an error."""
    with logged_server() as (url, process, log):
        report = asyncio.run(crowd(url, process, plan))
        lines = log.read_text(errors="replace").splitlines()
        report.errors += [f"server: {line}" for line in lines if "Error" in line or "Traceback" in line]
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in asdict(Plan()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(default), default=default)
    report = run(Plan(**vars(parser.parse_args())))
    sys.stdout.write(json.dumps(report.summary(), indent=2) + "\n")


if __name__ == "__main__":
    main()
