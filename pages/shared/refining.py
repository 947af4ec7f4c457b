"""Optimizations of all visitors: qualities, the queue, and what the page sees of a run."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import streamlit as st
from PIL import Image

from stylecore import Iterate, OptimizationConfig, OptimizationResult, load_image, optimize_image
from stylecore.images import encode_image
from stylecore.jobs import Job, JobQueue
from stylecore.optimization import pixel_steps
from stylecore.preview import PreviewPainter, StyleStatistics

SKETCH_SIDE = 512  # px, long side of the instant preview
QUALITIES = {
    "quick": OptimizationConfig(steps=60, max_side=384, preview_every=5),
    "good": OptimizationConfig(steps=150, max_side=512, preview_every=10),
    "best": OptimizationConfig(steps=300, max_side=768, preview_every=20),
}
# Seconds for a million pixels moved one step on 2 cores, until this machine has shown its own.
USUAL_PACE_S = 9.0


@dataclass
class Refinement:
    """What a running optimization shows; filled by its job, read by the page.

    Attributes:
        losses: Total loss after every step.
        snapshots: Step number and JPEG of every preview.
        newest: The last step.
    """

    losses: list[float] = field(default_factory=list)
    snapshots: list[tuple[int, bytes]] = field(default_factory=list)
    newest: Iterate | None = None


@dataclass
class Pace:
    """Measured seconds for a million pixels moved one step."""

    seconds: float = USUAL_PACE_S


@st.cache_resource(max_entries=1)
def job_queue() -> JobQueue:
    return JobQueue()


@st.cache_resource(max_entries=1)
def pace() -> Pace:
    return Pace()


@st.cache_resource(max_entries=1, show_spinner="Unpacking the brushes ...")
def preview_painter() -> PreviewPainter:
    return PreviewPainter()


@st.cache_data(max_entries=50, show_spinner=False)
def read_style(style: bytes) -> StyleStatistics:
    return preview_painter().read_style(load_image(style), stroke_size=SKETCH_SIDE)


@st.cache_data(max_entries=50, show_spinner="Sketching ...")
def sketch(photo: bytes, style: bytes, preserve_color: bool) -> tuple[bytes, int]:
    """The instant preview as JPEG, and the milliseconds that it took.

    Raises:
        ImageError: Photo or style picture cannot be used.
    """
    image = load_image(photo, max_side=SKETCH_SIDE)
    started = time.perf_counter()
    painted = preview_painter().paint(image, read_style(style), preserve_color=preserve_color)
    return encode_image(painted, "JPEG"), round((time.perf_counter() - started) * 1000)


def expected_seconds(photo_size: tuple[int, int], config: OptimizationConfig) -> float:
    """How long a run will take on this machine."""
    return pixel_steps(photo_size, config) * pace().seconds


def start_refinement(
    photo: Image.Image, style: Image.Image, config: OptimizationConfig
) -> Job[Refinement, OptimizationResult]:
    """Queue an optimization.

    Raises:
        QueueFullError: Too many visitors wait already.
    """

    def work(job: Job[Refinement, OptimizationResult]) -> OptimizationResult:
        shown = Refinement()

        def show(iterate: Iterate) -> None:
            shown.losses.append(iterate.total_loss)
            if iterate.image is not None:
                shown.snapshots.append((iterate.step, encode_image(iterate.image, "JPEG")))
            shown.newest = iterate
            job.report(shown)

        result = optimize_image(photo, style, config, on_iterate=show, should_stop=job.should_stop)
        if not result.is_stopped and not result.is_diverged:
            measured.seconds = result.iterates[-1].elapsed_s / pixel_steps(photo.size, config)
        return result

    measured = pace()  # looked up here: the job's thread has no session
    return job_queue().submit(work)
