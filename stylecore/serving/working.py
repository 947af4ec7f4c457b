"""The work of custom runs, in the process that has torch: `optimize_image` and `learn_style` as jobs."""

from __future__ import annotations

import math
from dataclasses import replace

from PIL import Image

from stylecore.host.jobs import RunningJob
from stylecore.host.waiting_line import reading_line
from stylecore.images.loading import load_image
from stylecore.images.sizes import limit_long_side
from stylecore.instant.sessions import is_out_of_memory
from stylecore.learning.learn import learn_style
from stylecore.optimization.config import OptimizationConfig, stroke_size_at
from stylecore.optimization.iterates import Iterate, OptimizationResult
from stylecore.optimization.optimize import optimize_image
from stylecore.optimization.planning import Plan, fit_to_memory, free_budget, peak_memory
from stylecore.regions.matching import mask_pairs
from stylecore.serving.orders import LearningOrder, RefinementOrder
from stylecore.serving.progress import LearningState, Refinement
from stylecore.styles.style import Style

LIVE_STEPS = 5  # at most, between two pictures of a running job
LEARNING_SIDE = 1024  # px, long side of the pictures that a learning reads


def plan(size: tuple[int, int], config: OptimizationConfig, *, styles: int, shared_by: int) -> Plan:
    """Fit settings to the memory that is free now for one of several jobs.

    Args:
        size: Width and height of the photo.
        config: Settings that are wanted.
        styles: Number of style pictures.
        shared_by: Jobs that run at once.
    Raises:
        OutOfMemoryError: Nothing fits.
    """
    return fit_to_memory(size, config, free_budget(config.device, shared_by), styles=styles)


def refine(order: RefinementOrder, job: RunningJob[Refinement]) -> OptimizationResult:
    """Work off a refinement; with smaller settings once more if memory runs out.

    Raises:
        OutOfMemoryError: No settings fit.
        StyleTransferError: See `optimize_image`.
    """
    size, styles = order.size, len(order.styles)
    planned = plan(size, order.wanted, styles=styles, shared_by=order.shared_by)
    try:
        return _refine(order, job, planned)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        needed = peak_memory(size, planned.config, styles=styles)
    smaller = fit_to_memory(size, planned.config, needed // 2, styles=styles)
    return _refine(order, job, replace(smaller, changes=(*planned.changes, *smaller.changes)))


def _refine(order: RefinementOrder, job: RunningJob[Refinement], planned: Plan) -> OptimizationResult:
    config = planned.config
    job.report(Refinement(config, planned.changes))

    def show(iterate: Iterate) -> None:
        job.report(job.progress.after(iterate, job.paused_s))
        left = iterate.remaining_s / (iterate.elapsed_s + iterate.remaining_s)
        job.yield_turn(left, free_bytes=free_budget(config.device, order.shared_by))

    # A divisor of the steps between snapshots, so that each snapshot is one of the pictures.
    live = replace(config, preview_every=math.gcd(config.preview_every, LIVE_STEPS))
    content = limit_long_side(_read(order.photo, order.megapixels), config.max_side)
    largest = stroke_size_at(config.max_side, config)
    pictures = [
        (limit_long_side(_read(data, order.megapixels), largest), weight) for data, weight in order.styles
    ]
    regions = mask_pairs(order.masks, content, [picture for picture, _ in pictures])
    result = optimize_image(
        content, pictures, live, regions=regions, on_iterate=show, should_stop=job.should_stop
    )
    job.report(job.progress.ended(result))
    return result


def learn(order: LearningOrder, job: RunningJob[LearningState]) -> Style:
    """Work off a learning.

    Raises:
        StyleTransferError: See `learn_style`.
    """
    job.report(LearningState())
    photo = _read(order.photo, order.megapixels, max_side=LEARNING_SIDE)
    return learn_style(
        [_read(data, order.megapixels, max_side=LEARNING_SIDE) for data in order.styles],
        order.config,
        photos=[photo],
        sample=photo,
        on_progress=lambda progress: job.report(job.progress.after(progress)),
        should_stop=job.should_stop,
    )


def _read(data: bytes, megapixels: float, *, max_side: int | None = None) -> Image.Image:
    with reading_line.turn(is_patient=True):
        return load_image(data, max_megapixels=megapixels, max_side=max_side)
