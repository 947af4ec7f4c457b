"""Refinements by optimization: what their jobs do and report."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace

import streamlit as st
from PIL import Image

from pages.shared import long_jobs
from pages.shared.limits import limits
from pages.shared.matching import mask_pairs
from pages.shared.painting import WORKING_SIDE, encode_screen, read_photo, screen_picture
from pages.shared.pictures import SAMPLES
from pages.shared.visit import visit
from stylecore import Iterate, OptimizationConfig, OptimizationResult, optimize_image
from stylecore.host.jobs import Job, RunningJob
from stylecore.host.sizes import held_bytes
from stylecore.images.encoding import encode_image
from stylecore.images.metadata import describe_refinement
from stylecore.images.sizes import limit_long_side
from stylecore.instant.sessions import is_out_of_memory
from stylecore.optimization import pacing
from stylecore.optimization.config import CLASSIC_RECIPE, stroke_size_at
from stylecore.optimization.config import QUALITIES as PLANNED_QUALITIES
from stylecore.optimization.pacing import TIMED, Pace, seen_pace, slowness, usual_pace
from stylecore.optimization.planning import Plan, fit_to_memory, free_budget, peak_memory

StyleBytes = tuple[tuple[bytes, float], ...]  # encoded style pictures with weights

QUALITIES = {**PLANNED_QUALITIES, "classic": CLASSIC_RECIPE}
LIVE_STEPS = 5  # at most, between two pictures of a running job


@dataclass(frozen=True)
class Request:
    """The pictures and settings of a refinement.

    Attributes:
        photo: Encoded at screen size.
        size: Width and height of the photo itself.
        styles: Style pictures, encoded at screen size.
        shares: Weights of the styles.
        names: Names of the photo and the styles.
        first: Encoded instant painting, shown until the run has a picture; None if it begins elsewhere.
        config: Settings that the visitor chose.
        quality: Name of the quality that they come from.
        words: The settings as text for the page: "quick, medium strokes, balanced".
        choice: What was chosen, to compare with what is chosen now.
        has_matched_subjects: Whether subject takes the style of subject, and background that of background.
    """

    photo: bytes
    size: tuple[int, int]
    styles: tuple[bytes, ...]
    shares: tuple[float, ...]
    names: tuple[str, ...]
    first: bytes | None
    config: OptimizationConfig
    quality: str
    words: str
    choice: tuple = ()
    has_matched_subjects: bool = False

    @property
    def loss_label(self) -> str:
        """Title of the x axis of the losses."""
        return "step; each larger size begins with a jump" if self.config.is_coarse_to_fine else "step"


@dataclass(frozen=True)
class Refinement:
    """The progress of an optimization.

    Attributes:
        config: Settings that fit into memory.
        changes: Settings that were reduced to fit, as text.
        losses: Total loss after every step.
        snapshots: Step numbers and encoded pictures of screen size; the last one is the final picture.
        picture: The newest picture, encoded at screen size.
        newest: The last step, without its picture; its times are without pauses.
    """

    config: OptimizationConfig
    changes: tuple[str, ...]
    losses: tuple[float, ...] = ()
    snapshots: tuple[tuple[int, bytes], ...] = ()
    picture: bytes | None = None
    newest: Iterate | None = None

    @property
    def step(self) -> int:
        """Number of the newest step; 0 before the first."""
        return 0 if self.newest is None else self.newest.step

    @property
    def steps(self) -> int:
        """Number of all steps."""
        return self.config.steps if self.newest is None else self.newest.steps

    @property
    def remaining_s(self) -> float | None:
        """Expected time to the end in seconds; None before the first step."""
        return None if self.newest is None else self.newest.remaining_s

    def after(self, iterate: Iterate, paused_s: float) -> Refinement:
        """The progress one step later; `paused_s` seconds of the run's time were pauses."""
        losses, snapshots, picture = self.losses, self.snapshots, self.picture
        if math.isfinite(iterate.total_loss):
            losses = (*losses, iterate.total_loss)
        if iterate.image is not None:
            picture = _for_screen(iterate.image)
            if iterate.step % self.config.preview_every == 0:
                snapshots = (*snapshots, (iterate.step, picture))
        ran_s = iterate.elapsed_s - paused_s
        remaining_s = iterate.remaining_s * ran_s / iterate.elapsed_s
        newest = replace(iterate, image=None, elapsed_s=ran_s, remaining_s=remaining_s)
        return replace(self, losses=losses, snapshots=snapshots, picture=picture, newest=newest)

    def ended(self, result: OptimizationResult) -> Refinement:
        """The progress with the final picture as the last snapshot."""
        done = len(result.iterates)
        if self.snapshots and self.snapshots[-1][0] == done:
            return self
        return replace(self, snapshots=(*self.snapshots, (done, _for_screen(result.image))))


RefinementJob = Job[Request, Refinement, OptimizationResult]


@dataclass(frozen=True)
class RefinementWork:
    """The work of a job. While it waits it holds the encoded files.

    Attributes:
        photo: Encoded.
        styles: Encoded, with weights.
        size: Width and height of the photo.
        wanted: Settings; they are reduced if memory is short when the job starts.
        masks: Of the subjects of photo and styles, see `match_subjects`; none: no regions.
    """

    photo: bytes
    styles: StyleBytes
    size: tuple[int, int]
    wanted: OptimizationConfig
    masks: tuple[bytes, ...] = ()

    def __call__(self, job: RunningJob[Refinement]) -> OptimizationResult:
        planned = plan(self.size, self.wanted, len(self.styles))
        try:
            return self._refine(job, planned)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            needed = peak_memory(self.size, planned.config, styles=len(self.styles))
        smaller = fit_to_memory(self.size, planned.config, needed // 2, styles=len(self.styles))
        return self._refine(job, replace(smaller, changes=(*planned.changes, *smaller.changes)))

    def _refine(self, job: RunningJob[Refinement], planned: Plan) -> OptimizationResult:
        config = planned.config
        job.report(Refinement(config, planned.changes))

        def show(iterate: Iterate) -> None:
            job.report(job.progress.after(iterate, job.paused_s))
            left = iterate.remaining_s / (iterate.elapsed_s + iterate.remaining_s)
            job.yield_turn(left, free_bytes=free_budget(config.device, limits().jobs))

        # A divisor of the steps between snapshots, so that each snapshot is one of the pictures.
        live = replace(config, preview_every=math.gcd(config.preview_every, LIVE_STEPS))
        content, pictures = self._read(config)
        regions = mask_pairs(self.masks, content, [picture for picture, _ in pictures])
        result = optimize_image(
            content, pictures, live, regions=regions, on_iterate=show, should_stop=job.should_stop
        )
        job.report(job.progress.ended(result))
        return result

    def _read(self, config: OptimizationConfig) -> tuple[Image.Image, list[tuple[Image.Image, float]]]:
        """The photo and the styles with weights, one by one reduced to the size that is needed."""
        largest = stroke_size_at(config.max_side, config)
        return limit_long_side(read_photo(self.photo), config.max_side), [
            (limit_long_side(read_photo(data), largest), weight) for data, weight in self.styles
        ]


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
    if request.has_matched_subjects:
        recipe["regions"] = "subject"
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


def _for_screen(image: Image.Image) -> bytes:
    return encode_screen(limit_long_side(image, WORKING_SIDE))


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
    budget = free_budget(config.device, limits().jobs)
    return fit_to_memory(photo_size, config, budget, styles=styles)


def start_run(
    photo: bytes,
    styles: StyleBytes,
    config: OptimizationConfig,
    *,
    quality: str,
    words: str,
    names: tuple[str, ...],
    instant: bytes,
    choice: tuple = (),
    masks: tuple[bytes, ...] = (),
) -> str:
    """Queue an optimization; returns the token that finds its job in `long_jobs.job_queue`.

    Args:
        photo: The encoded photo.
        styles: Encoded style pictures with weights.
        config: Settings that are wanted; they are reduced if memory is short when the job starts.
        quality: Name of the quality that the settings come from, for the recipe.
        words: The settings as text, see `Request`.
        names: Names of the photo and the style pictures, for the recipe.
        instant: The encoded instant painting, see `Request`.
        choice: See `Request`.
        masks: See `RefinementWork`.
    Raises:
        ImageError: A picture cannot be used.
        QueueFullError: Too many visitors wait already, or this one has too many jobs.
    """
    shown = screen_picture(photo)
    request = Request(
        photo=shown.encoded,
        size=shown.size,
        styles=tuple(screen_picture(data).encoded for data, _ in styles),
        shares=tuple(weight for _, weight in styles),
        names=names,
        first=instant if config.start == "preview" else None,
        config=config,
        quality=quality,
        words=words,
        choice=choice,
        has_matched_subjects=bool(masks),
    )
    job = long_jobs.job_queue().submit(
        RefinementWork(photo, styles, shown.size, config, masks),
        held_bytes=held_bytes(photo, styles, masks),
        about=request,
        owner=visit().owner,
        expected_s=expected_seconds(shown.size, config),
        expected_bytes=peak_memory(shown.size, config, styles=len(styles)),
    )
    return job.token
