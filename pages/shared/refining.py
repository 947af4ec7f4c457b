"""Optimizations of all visitors: sketches, the queue, and runs that are found again."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace

import streamlit as st
from PIL import Image

from pages.shared.keeping import Kept
from pages.shared.limits import limits
from pages.shared.painting import WORKING_SIDE, encode_screen, read_photo, screen_format, screen_photo
from pages.shared.pictures import SAMPLES
from stylecore import Iterate, OptimizationConfig, OptimizationResult, optimize_image, pacing
from stylecore.images import limit_long_side
from stylecore.jobs import Job, JobQueue
from stylecore.optimization_config import CLASSIC_RECIPE, stroke_size_at
from stylecore.pacing import TIMED, Pace, seen_pace, slowness, usual_pace
from stylecore.planning import QUALITIES as PLANNED_QUALITIES
from stylecore.planning import Plan, fit_to_memory, free_budget
from stylecore.preview import PreviewPainter, StyleStatistics

SKETCH_SIDE = 512  # px, long side of the instant preview
MAX_STYLES = 4  # pictures that one painting may mix
QUALITIES = {**PLANNED_QUALITIES, "classic": CLASSIC_RECIPE}
LIVE_STEPS = 5  # at most, between pictures of a running job
KEPT_RUNS = 24  # runs that can be found again; a finished one holds up to 10 MB
ABANDONED_S = 180.0  # a run that nobody has looked at for this long makes room for who waits

StyleBytes = tuple[tuple[bytes, float], ...]  # encoded style pictures with weights

# However many visitors come, the memory is that of one sketch.
_sketch_turn = threading.Lock()


@dataclass
class Refinement:
    """What a running optimization shows; filled by its job, read by the page.

    Attributes:
        losses: Total loss after every step.
        snapshots: Step number and encoded picture of those that are kept, at last of the final one.
        picture: The newest picture, of screen size as those.
        newest: The last step, without its picture.
        changes: What was stepped down to fit into memory.
    """

    changes: tuple[str, ...]
    losses: list[float] = field(default_factory=list)
    snapshots: list[tuple[int, bytes]] = field(default_factory=list)
    picture: bytes | None = None
    newest: Iterate | None = None


@dataclass(frozen=True)
class Run:
    """An optimization with what it was made of.

    Attributes:
        job: The work.
        photo: Encoded, of screen size.
        styles: Encoded, of screen size.
        sketch: Encoded preview that the optimization starts from, if it does.
        shares: Weights of the styles.
        wanted: Settings that the visitor chose.
        words: The same for people: "quick, medium strokes, balanced".
        recipe: Settings that repeat the picture; those that fit into memory once the job runs.
    """

    job: Job[Refinement, OptimizationResult]
    photo: bytes
    styles: tuple[bytes, ...]
    sketch: bytes | None
    shares: tuple[float, ...]
    wanted: OptimizationConfig
    words: str
    recipe: dict

    def is_of(
        self, photo: bytes, styles: Sequence[bytes], shares: Sequence[float], config: OptimizationConfig
    ) -> bool:
        """Whether it was made of these pictures of screen size with these settings."""
        made_of = (self.photo, self.styles, self.shares, self.wanted)
        return made_of == (photo, tuple(styles), tuple(shares), config)


@st.cache_resource(max_entries=1)
def runs() -> Kept[Run]:
    return Kept(KEPT_RUNS)


@st.cache_resource(max_entries=1)
def job_queue() -> JobQueue:
    return JobQueue(workers=limits().jobs, capacity=limits().queue, abandoned_s=ABANDONED_S)


@st.cache_resource(max_entries=1, show_spinner="Timing this machine ...")
def pace() -> Pace:
    """The pace of this machine, timed on a sample photo."""
    return usual_pace(slowness(read_photo(SAMPLES["temple"].path.read_bytes(), max_side=TIMED.max_side)))


@st.cache_resource(max_entries=1, show_spinner="Unpacking the brushes ...")
def preview_painter() -> PreviewPainter:
    return PreviewPainter()


@st.cache_data(max_entries=50, show_spinner="Looking at the style ...")
def read_style(style: bytes) -> StyleStatistics:
    """What the preview needs of a style picture.

    Raises:
        ImageError: It cannot be used.
    """
    with _sketch_turn:
        return preview_painter().read_style(read_photo(style), stroke_size=SKETCH_SIDE)


@st.cache_data(max_entries=50, show_spinner="Sketching ...")
def sketch(photo: bytes, styles: StyleBytes, preserve_color: bool) -> tuple[bytes, str, int]:
    """The instant preview of usable pictures, its format, and the milliseconds that it took."""
    style = StyleStatistics.mix([(read_style(data), weight) for data, weight in styles])
    with _sketch_turn:
        image = read_photo(photo, max_side=SKETCH_SIDE)
        started = time.perf_counter()
        painted = preview_painter().paint(image, style, preserve_color=preserve_color)
        milliseconds = round((time.perf_counter() - started) * 1000)
        return encode_screen(painted), screen_format(painted), milliseconds


@dataclass(frozen=True)
class ScreenPicture:
    """A picture as the page shows it, encoded in screen size, and its full width and height in pixels."""

    encoded: bytes
    size: tuple[int, int]


@st.cache_data(max_entries=50, show_spinner=False)
def screen_picture(data: bytes) -> ScreenPicture:
    """What the page shows of an encoded picture.

    Raises:
        ImageError: The picture cannot be used.
    """
    image, size = screen_photo(data)
    return ScreenPicture(encode_screen(image), size)


def _for_screen(image: Image.Image) -> bytes:
    return encode_screen(limit_long_side(image, WORKING_SIDE))


def expected_seconds(photo_size: tuple[int, int], config: OptimizationConfig) -> float:
    """How long a run will take on this machine."""
    return pacing.expected_seconds(photo_size, config, pace())


def plan(photo_size: tuple[int, int], config: OptimizationConfig, styles: int) -> Plan:
    """The settings, stepped down to the memory that is free now for one of the host's jobs.

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
) -> str:
    """Queue an optimization; returns the token that finds it in `runs`.

    Args:
        photo: The encoded photo.
        styles: Encoded style pictures with weights.
        config: Settings that are wanted; they are stepped down when memory is short once the job runs.
        quality: Name of the quality that the settings come from, for the recipe.
        words: The settings for people, see `Run`.
        names: Of the photo and the style pictures, for the recipe.
    Raises:
        ImageError: A picture cannot be used.
        QueueFullError: Too many visitors wait already.
    """
    shown = screen_picture(photo)
    shares = tuple(weight for _, weight in styles)
    style_names = [{"name": name, "weight": share} for name, share in zip(names[1:], shares, strict=True)]
    recipe = {"content": names[0], "styles": style_names, "quality": quality, "config": asdict(config)}
    begin = sketch(photo, styles, config.preserve_color)[0] if config.start == "preview" else None
    run = Run(
        job=job_queue().submit(_work(photo, shown.size, styles, config, recipe, pace())),
        photo=shown.encoded,
        styles=tuple(screen_picture(data).encoded for data, _ in styles),
        sketch=begin,
        shares=shares,
        wanted=config,
        words=words,
        recipe=recipe,
    )
    return runs().add(run)


def _work(
    photo: bytes,
    size: tuple[int, int],
    styles: StyleBytes,
    wanted: OptimizationConfig,
    recipe: dict,
    measured_pace: Pace,
) -> Callable[[Job[Refinement, OptimizationResult]], OptimizationResult]:
    def work(job: Job[Refinement, OptimizationResult]) -> OptimizationResult:
        planned = plan(size, wanted, len(styles))
        config = planned.config
        recipe["config"] = asdict(config)
        # A job that waits holds the encoded files. What is read is let go down to the size it is needed in.
        content = limit_long_side(read_photo(photo), config.max_side)
        largest = stroke_size_at(config.max_side, config)
        pictures = [(limit_long_side(read_photo(data), largest), weight) for data, weight in styles]
        shown = Refinement(planned.changes)

        def show(iterate: Iterate) -> None:
            if math.isfinite(iterate.total_loss):
                shown.losses.append(iterate.total_loss)
            if iterate.image is not None:
                shown.picture = _for_screen(iterate.image)
                if iterate.step % config.preview_every == 0:
                    shown.snapshots.append((iterate.step, shown.picture))
            shown.newest = replace(iterate, image=None)
            job.report(shown)
            measured_pace.update(seen_pace(size, config, iterate))

        # A divisor of the steps between snapshots, which would fall between the pictures otherwise.
        live = replace(config, preview_every=math.gcd(config.preview_every, LIVE_STEPS))
        result = optimize_image(content, pictures, live, on_iterate=show, should_stop=job.should_stop)
        done = len(result.iterates)
        if not shown.snapshots or shown.snapshots[-1][0] != done:
            shown.snapshots.append((done, _for_screen(result.image)))
        job.report(shown)
        if result.is_stopped or result.error:
            recipe["stopped_at"] = done
        return result

    return work
