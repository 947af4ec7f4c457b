"""Time and memory of the instant path, next to a bare session and installed rivals."""

from __future__ import annotations

import multiprocessing
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

from stylecore.host.folders import WEIGHTS_FOLDER
from stylecore.host.memory import MEBIBYTE
from stylecore.images.arrays import from_batch, to_batch
from stylecore.instant.sessions import open_session
from stylecore.instant.stylizer import FastStylizer
from stylecore.measuring import rivals
from stylecore.styles.catalog import ready_made_styles

ENGINE, SESSION = "stylecore, picture to picture", "our network alone"
FINE = "our fine network alone"


def run(
    sizes: Sequence[int],
    *,
    rounds: int = 7,
    device: str = "auto",
    on_progress: Callable[[str], None] = lambda line: None,
) -> dict:
    """Time every contender on square pictures.

    Contenders take turns within each round, so that changes in the machine's speed affect all of
    them. An untimed call precedes each timed one, because threads of the previous contender may still
    spin and its pictures fill the caches. Memory is the peak of a new process that paints once.

    Args:
        sizes: Sides of the pictures in pixels.
        rounds: Timed calls of each contender at each size.
        device: `auto`, `cpu` or `cuda`; rivals run on the same where they can.
        on_progress: Called with a line for each size.
    Returns:
        `device`, `rounds`, the machine's `convolutions` (billion multiply-adds a second, by
        VGG19; None without torch), and `rows`: for each size and contender the median
        `milliseconds`, the median of the `ratio` to our network alone, round by round, and
        `peak_mb`.
    """
    device = FastStylizer(device).device
    builders = _builders(device)
    painters = {name: build() for name, build in builders.items()}
    rows, rates = [], []
    for size in sizes:
        batch = to_batch(_test_picture(size))
        times = _interleave({name: partial(paint, batch) for name, paint in painters.items()}, rounds)
        for name, values in times.items():
            ratios = [value / own for value, own in zip(values, times[SESSION], strict=True)]
            rows.append(
                {
                    "size": size,
                    "contender": name,
                    "milliseconds": round(statistics.median(values) * 1000, 1),
                    "ratio": round(statistics.median(ratios), 2),
                    "peak_mb": _peak_memory(name, size, device) // MEBIBYTE,
                }
            )
        if rivals.CEILING in times:
            rates.append(rivals.VGG19_MACS * size**2 / statistics.median(times[rivals.CEILING]) / 1e9)
        on_progress(f"{size} px done")
    convolutions = round(max(rates)) if rates else None
    return {"device": device, "rounds": rounds, "convolutions": convolutions, "rows": rows}


def as_table(report: dict) -> str:
    """Format the report as a Markdown table."""
    sizes = sorted({row["size"] for row in report["rows"]})
    cells = {(row["contender"], row["size"]): row for row in report["rows"]}
    names = dict.fromkeys(row["contender"] for row in report["rows"])
    lines = [
        f"milliseconds on {report['device']}, median of {report['rounds']} interleaved rounds "
        "(times our network alone), peak memory of a process",
        "",
        "| | " + " | ".join(f"{size} x {size}" for size in sizes) + " |",
        "|---" * (len(sizes) + 1) + "|",
    ]
    for name in names:
        values = [cells[name, size] for size in sizes]
        row = " | ".join(
            f"{value['milliseconds']:.0f} ({value['ratio']:.2f}), {value['peak_mb']} MB" for value in values
        )
        lines.append(f"| {name} | {row} |")
    if report["convolutions"]:
        rate = report["convolutions"]
        lines += ["", f"the machine convolves {rate} billion multiply-adds a second, by VGG19"]
    for name, hint in rivals.HOW_TO_INSTALL.items():
        if name not in names:
            lines += ["", f"not installed: {name} ({hint})"]
    return "\n".join(lines)


def _builders(device: str) -> dict[str, Callable[[], rivals.Painter]]:
    return {
        SESSION: partial(_session, device),
        ENGINE: partial(_engine, device),
        FINE: partial(_session, device, fine=True),
        **rivals.builders(device),
    }


def _session(device: str, *, fine: bool = False) -> rivals.Painter:
    model, rows = ready_made_styles()[0].network(fine=fine)
    session = open_session(WEIGHTS_FOLDER / model, device)
    feed = {"rows": rows[None], "noise_origin": np.zeros(2, np.int64)}
    return lambda batch: session.run(None, {"image": batch} | feed)


def _engine(device: str) -> rivals.Painter:
    stylizer, name = FastStylizer(device), ready_made_styles()[0].name
    pictures: dict[tuple[int, ...], Image.Image] = {}

    def paint(batch: np.ndarray) -> Image.Image:
        if batch.shape not in pictures:
            pictures[batch.shape] = from_batch(batch)
        return stylizer.stylize(pictures[batch.shape], name, stroke_size=512, fine=False)

    return paint


def _interleave(contenders: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, call in contenders.items():
            call()
            started = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - started)
    return times


def _peak_memory(name: str, size: int, device: str) -> int:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_paint_once, (name, size, device))


def _paint_once(name: str, size: int, device: str) -> int:
    _builders(device)[name]()(to_batch(_test_picture(size)))
    try:
        # Not getrusage, whose peak is inherited from the parent.
        status = Path("/proc/self/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024
    except OSError:  # not Linux
        return psutil.Process().memory_info().rss


def _test_picture(size: int) -> Image.Image:
    """Smooth noise; the time does not depend on the content."""
    small = np.random.default_rng(0).integers(0, 256, (size // 8, size // 8, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((size, size), Image.Resampling.BICUBIC)
