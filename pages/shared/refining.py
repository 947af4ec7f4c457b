"""Refinements by optimization: starting them, what they cost, their recipes and files."""

from __future__ import annotations

from dataclasses import asdict

import streamlit as st

from pages.shared import long_jobs
from pages.shared.limits import limits
from pages.shared.matching import Regions
from pages.shared.painting import read_photo, screen_picture
from pages.shared.pictures import SAMPLES
from pages.shared.run_requests import RefinementRequest
from pages.shared.visit import visit
from stylecore import OptimizationConfig, OptimizationResult
from stylecore.host.jobs import Job
from stylecore.host.sizes import held_bytes
from stylecore.images.encoding import encode_image
from stylecore.images.metadata import describe_refinement
from stylecore.optimization import pacing
from stylecore.optimization.config import CLASSIC_RECIPE
from stylecore.optimization.config import QUALITIES as PLANNED_QUALITIES
from stylecore.optimization.pacing import TIMED, Pace, seen_pace, slowness, usual_pace
from stylecore.optimization.planning import Plan, peak_memory
from stylecore.serving import working
from stylecore.serving.orders import RefinementOrder, StyleBytes
from stylecore.serving.progress import Refinement

QUALITIES = {**PLANNED_QUALITIES, "classic": CLASSIC_RECIPE}

RefinementJob = Job[RefinementRequest, Refinement, OptimizationResult]


def recipe_of(job: RefinementJob) -> dict:
    """The settings that paint the same picture again, with the pictures' names."""
    request, shown, result = job.about, job.progress, job.result
    styles = zip(request.names[1:], request.shares, strict=True)
    recipe = {
        "content": request.names[0],
        "styles": [{"name": name, "weight": share} for name, share in styles],
        "quality": request.quality,
        "config": asdict(request.config if shown is None else shown.config),
    }
    if request.regions:
        recipe["regions"] = request.regions
    if result is not None and (result.is_stopped or result.error):
        recipe["stopped_at"] = len(result.iterates)
    return recipe


def encode_painting(job: RefinementJob, file_format: str) -> bytes:
    """Encode the finished painting with its metadata."""
    request, config = job.about, job.progress.config
    description = describe_refinement(
        zip(request.names[1:], request.shares, strict=True),
        steps=len(job.result.iterates),
        preserve_color=config.preserve_color,
        keep_faces=config.keep_faces,
        strokes=f"{config.stroke_size or config.max_side} px",
    )
    return encode_image(job.result.image, file_format, description=description)


@st.cache_resource(max_entries=1, show_spinner="Timing this machine ...")
def timed_pace() -> Pace:
    """The pace of this machine, measured on a sample photo."""
    return usual_pace(slowness(read_photo(SAMPLES["temple"].path.read_bytes(), max_side=TIMED.max_side)))


def pace() -> Pace:
    """The pace of this machine: measured once, then updated from the newest run of each kind."""
    known = dict(timed_pace())
    for job in long_jobs.job_queue().jobs:
        shown = job.progress
        if isinstance(shown, Refinement) and shown.newest is not None:
            known |= seen_pace(job.about.size, shown.config, shown.newest)
    return known


def expected_seconds(photo_size: tuple[int, int], config: OptimizationConfig) -> float:
    """Predict how long a run takes on this machine."""
    return pacing.expected_seconds(photo_size, config, pace())


def plan(photo_size: tuple[int, int], config: OptimizationConfig, styles: int) -> Plan:
    """Fit settings to the memory that is free now for one of the host's jobs.

    Args:
        photo_size: Width and height.
        config: Settings that are wanted.
        styles: Number of style pictures.
    Raises:
        OutOfMemoryError: Nothing fits.
    """
    return working.plan(photo_size, config, styles=styles, shared_by=limits().jobs)


def start_run(
    photo: bytes,
    styles: StyleBytes,
    config: OptimizationConfig,
    *,
    quality: str,
    words: str,
    names: tuple[str, ...],
    instant: bytes,
    choice: str = "",
    regions: Regions = Regions(),
) -> str:
    """Queue an optimization; returns the token that finds its job in `long_jobs.job_queue`.

    Args:
        photo: The encoded photo.
        styles: Encoded style pictures with weights.
        config: Settings that are wanted; they are reduced if memory is short when the job starts.
        quality: Name of the quality that the settings come from, for the recipe.
        words: The settings as text, see `RefinementRequest`, without the regions.
        names: Names of the photo and the style pictures, for the recipe.
        instant: The encoded instant painting, see `RefinementRequest`.
        choice: See `RefinementRequest`.
        regions: Which part of the photo takes its style from which part of the style pictures.
    Raises:
        ImageError: A picture cannot be used.
        QueueFullError: Too many visitors wait already, or this one has too many jobs.
    """
    shown = screen_picture(photo)
    request = RefinementRequest(
        photo=shown.encoded,
        size=shown.size,
        styles=tuple(screen_picture(data).encoded for data, _ in styles),
        shares=tuple(weight for _, weight in styles),
        names=names,
        first=instant if config.start == "preview" else None,
        config=config,
        quality=quality,
        words=words + regions.words,
        choice=choice,
        regions=regions.found_by,
        strokes=regions.strokes,
    )
    job = long_jobs.job_queue().submit(
        RefinementOrder(
            photo,
            styles,
            shown.size,
            config,
            regions.masks,
            megapixels=limits().megapixels,
            shared_by=limits().jobs,
        ),
        held_bytes=held_bytes(photo, styles, regions.masks),
        about=request,
        owner=visit().owner,
        expected_s=expected_seconds(shown.size, config),
        expected_bytes=peak_memory(shown.size, config, styles=len(styles)),
    )
    return job.token
