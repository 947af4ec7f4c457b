"""Memory of an optimization: peak of a process, and memory held after cancelled jobs."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence

import psutil
from PIL import Image

from stylecore.host.job_queue import JobQueue
from stylecore.host.jobs import RunningJob
from stylecore.host.memory import MEBIBYTE
from stylecore.images.loading import load_image
from stylecore.measuring.peak_memory import peak_above
from stylecore.optimization import planning
from stylecore.optimization.config import QUALITIES, OptimizationConfig
from stylecore.optimization.optimize import optimize_image
from stylecore.optimization.preview import PreviewPainter

CANCELLED_JOBS = 20
STEPS = OptimizationConfig.history + 2  # the history of L-BFGS is full
MEMORY_CASES = {
    "128 px lbfgs": {"max_side": 128},
    "384 px lbfgs float32": {"max_side": 384, "precision": "float32"},
    "512 px adam": {"max_side": 512, "method": "adam"},
    "1280 px lbfgs": {"max_side": 1280},
    "512 px lbfgs": {"max_side": 512},
    "512 px lbfgs float32": {"max_side": 512, "precision": "float32"},
    "512 px lbfgs patches": {"max_side": 512, "style_loss": "patches"},
    "512 px style read at 1024": {"max_side": 512, "stroke_size": 1024},
}


def measure_memory(content: Image.Image, style: Image.Image) -> list[dict]:
    """Peak of a fresh process for several settings, next to the prediction of `planning.peak_memory`."""
    rows = []
    for name, settings in MEMORY_CASES.items():
        side = settings["max_side"]
        config = OptimizationConfig(steps=STEPS, is_coarse_to_fine=False, preview_every=0, **settings)
        # A square is the largest picture of a given long side.
        square = load_image(content).convert("RGB").resize((side, side))
        imported, peak = _in_new_process(_peak_of, square, style, config)
        rows.append(
            {
                "case": name,
                "imported_mb": imported // MEBIBYTE,
                "peak_mb": peak // MEBIBYTE,
                "predicted_mb": (imported + planning.peak_memory(square.size, config)) // MEBIBYTE,
            }
        )
    return rows


def measure_cancelled_jobs(content: Image.Image, style: Image.Image) -> list[dict]:
    """Memory of a process before and after a series of jobs that are started and cancelled.

    `imported_mb` is measured after importing torch; `began_mb` after a sketch, as every job makes,
    when the libraries have allocated what they keep.
    """
    rows = []
    for quality in ("quick", "good"):
        config = QUALITIES[quality]
        held = _in_new_process(_held_around_jobs, content, style, config)
        imported, began, ended = (memory // MEBIBYTE for memory in held)
        rows.append(
            {
                "quality": quality,
                "jobs": CANCELLED_JOBS,
                "imported_mb": imported,
                "began_mb": began,
                "ended_mb": ended,
            }
        )
    return rows


def _in_new_process(function: Callable, *arguments: object) -> Sequence[int]:
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(function, arguments)


def _peak_of(content: Image.Image, style: Image.Image, config: OptimizationConfig) -> tuple[int, int]:
    before = psutil.Process().memory_info().rss
    return before, before + peak_above(lambda: optimize_image(content, style, config))


def _held_around_jobs(content: Image.Image, style: Image.Image, config: OptimizationConfig) -> list[int]:
    process = psutil.Process()
    held = [process.memory_info().rss]
    painter = PreviewPainter()
    painter.paint(content, painter.read_style(style), max_side=512)
    held.append(process.memory_info().rss)
    queue = JobQueue(kept=0)
    for _ in range(CANCELLED_JOBS):

        def work(job: RunningJob) -> object:
            return optimize_image(content, style, config, on_iterate=job.report, should_stop=job.should_stop)

        job = queue.submit(work)
        while job.progress is None and not job.wait(0.01):
            pass
        job.cancel()
        job.wait()
        if job.error:
            raise job.error
    del job
    held.append(process.memory_info().rss)
    return held
