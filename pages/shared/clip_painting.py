"""Painting clips in the queue of long jobs: what the jobs do and report."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from pages.shared.clip_files import DOWNLOAD_FORMATS, Clip, PaintedClip, clip_file
from pages.shared.limits import limits
from pages.shared.long_jobs import job_queue
from pages.shared.painting import WORKING_SIDE, Look, encode_screen, stylizer
from pages.shared.visit import visit
from pages.shared.where import BACKGROUND, EVERYTHING
from stylecore import ClipProgress, stylize_clip
from stylecore.host.jobs import Job, RunningJob
from stylecore.host.memory import free_memory
from stylecore.images.sizes import limit_long_side
from stylecore.instant.stylizer import STROKE_SCALES
from stylecore.video.painting import painting_size

if TYPE_CHECKING:
    from pages.shared.look_clips import LookClipWork

MEGABYTE = 10**6
EXPECTED_BYTES = 600 * MEGABYTE  # that it takes at most, see docs/measurements.md
RESERVED_BYTES = 300 * MEGABYTE  # of free memory, left to the rest of the process
KEPT_CLIPS = 4  # painted clips of the largest size that the disk keeps
USUAL_PACE_S = {"cpu": 0.4, "cuda": 0.05}  # for a frame of a megapixel, on two cores or a GPU
TIMED_FRAMES = 10  # after which a clip's pace is known
REPORT_S = 1.0  # from one picture to the next


@dataclass(frozen=True)
class ClipRequest:
    """What a clip is painted with.

    Attributes:
        name: File name of the painting, without its ending.
        title: Titles of the styles, and what is painted.
        still: A frame before painting, encoded at screen size.
        painted_still: The same painted.
        megapixels: Of a frame.
        start_s: Start of the part, in seconds.
        end_s: Its end; None for that of the clip.
        look: How it is painted.
        steadiness: 0 to 1.
        file_format: One of `DOWNLOAD_FORMATS`.
        is_trial: Whether it is only a short part, to try the look.
        choice: What was chosen, to compare with what is chosen now.
    """

    name: str
    title: str
    still: bytes
    painted_still: bytes
    megapixels: float
    start_s: float
    end_s: float | None
    look: Look
    steadiness: float
    file_format: str
    is_trial: bool
    choice: tuple

    @property
    def alt(self) -> str:
        """Alternative text of the painted clip."""
        return f"Your clip painted like {self.title}"

    @property
    def made(self) -> str:
        """What the painted clip is, in words."""
        return f"Painted: {self.title}"

    @property
    def not_found(self) -> str:
        """What became of a clip without the subject that is looked for."""
        if self.look.where.part == BACKGROUND:
            return "all of it is painted"
        return "all of it is transparent" if self.look.where.is_cut_out else "no part is painted"


@dataclass(frozen=True)
class ClipState:
    """The progress of a clip.

    Attributes:
        frames: Painted frames.
        total_frames: Expected number, or None.
        painting_s: Seconds since the start, without pauses.
        remaining_s: Expected time to the end in seconds, or None.
        still: The newest frame before painting, encoded at screen size.
        painted_still: The same painted.
    """

    frames: int = 0
    total_frames: int | None = None
    painting_s: float = 0.0
    remaining_s: float | None = None
    still: bytes | None = None
    painted_still: bytes | None = None

    @property
    def share(self) -> float:
        """The finished part, 0 to 1; 0 if it is unknown."""
        return min(1.0, self.frames / self.total_frames) if self.total_frames else 0.0

    @property
    def done(self) -> str:
        """What is done, in words; empty before the first frame."""
        of_all = f" of {self.total_frames}" if self.total_frames else ""
        return f"Frame {self.frames}{of_all}" if self.frames else ""


ClipJob = Job[ClipRequest, ClipState, PaintedClip]


@dataclass(frozen=True)
class ClipWork:
    """The work of a job; it holds the encoded clip.

    Attributes:
        clip: The clip.
        request: How to paint it.
    """

    clip: Clip
    request: ClipRequest

    def __call__(self, job: RunningJob[ClipState]) -> PaintedClip:
        job.report(ClipState())
        request, where, reported = self.request, self.request.look.where, -REPORT_S

        def show(progress: ClipProgress) -> None:
            nonlocal reported
            if time.monotonic() - reported < REPORT_S:
                return
            job.report(_state(progress, job.paused_s))
            job.yield_turn(1 - job.progress.share, free_bytes=free_bytes())
            reported = time.monotonic()

        with clip_file(self.clip.data, self.clip.name, self.clip.ending) as source:
            target = source.with_name(f"painted.{DOWNLOAD_FORMATS[request.file_format][0]}")
            result = stylize_clip(
                source,
                target,
                dict(request.look.styles),
                steadiness=request.steadiness,
                strength=request.look.strength,
                preserve_color=request.look.preserve_color,
                stroke_scale=request.look.stroke_scale,
                where=None if where.part == EVERYTHING else where.part,
                elsewhere=dict(where.elsewhere) or None,
                cut_out=where.is_cut_out,
                keep_faces=where.keeps_faces,
                start_s=request.start_s,
                end_s=request.end_s,
                stylizer=stylizer(),
                on_progress=show,
                should_stop=lambda: job.should_stop() or is_full(source),
            )
            make_room(result.path.stat().st_size)
            return PaintedClip(result)


def _state(progress: ClipProgress, paused_s: float) -> ClipState:
    painting_s, remaining_s = progress.elapsed_s - paused_s, progress.remaining_s
    if remaining_s is not None:
        remaining_s *= painting_s / progress.elapsed_s
    return ClipState(progress.frames, progress.total_frames, painting_s, remaining_s, *newest_frame(progress))


def newest_frame(progress: ClipProgress) -> tuple[bytes, bytes]:
    """The newest frame before and after painting, encoded at screen size."""
    return _for_screen(progress.content_image), _for_screen(progress.image)


def _for_screen(image: Image.Image) -> bytes:
    return encode_screen(limit_long_side(image, WORKING_SIDE))


def is_full(source: Path) -> bool:
    """Whether what lies next to a clip has reached the limit of a painted clip."""
    written = sum(path.stat().st_size for path in source.parent.iterdir() if path != source)
    return written >= limits().painted_megabytes * MEGABYTE


def free_bytes() -> int:
    """Memory for a shorter job that runs in between."""
    return max(0, free_memory() - RESERVED_BYTES) // limits().jobs


def make_room(size: int) -> None:
    """Remove the oldest painted clips until another of `size` bytes fits next to the kept ones."""
    most = KEPT_CLIPS * limits().painted_megabytes * MEGABYTE
    results = [job.result for job in job_queue().jobs]  # the oldest first
    kept = [painted for painted in results if isinstance(painted, PaintedClip) and not painted.is_gone]
    while kept and size + sum(each.size for each in kept) > most:
        kept.pop(0).remove()


def expected_seconds(frames: float, megapixels: float) -> float:
    """Predict how long painting takes, from the newest clip that was painted here."""
    pace_s = USUAL_PACE_S[stylizer().device]
    for job in job_queue().jobs:
        state = job.progress
        if isinstance(job.about, ClipRequest) and state is not None and state.frames >= TIMED_FRAMES:
            pace_s = state.painting_s / (state.frames * job.about.megapixels)
    return pace_s * frames * megapixels


def still_look(clip: Clip, look: Look) -> Look:
    """The look in which a photo is painted with strokes as large as those of a clip."""
    size = clip.info.width, clip.info.height
    side = max(min(max(size), 2 * min(size)), max(size) / 2)  # as for photos, see `working_size`
    scale = size[0] / painting_size(size, look.stroke_scale)[0] * WORKING_SIDE / side
    return replace(look, stroke_scale=min(max(scale, STROKE_SCALES[0]), STROKE_SCALES[1]))


def start_clip(work: ClipWork | LookClipWork, *, expected_s: float) -> str:
    """Queue the work on a clip; returns the token that finds its job in `job_queue`.

    Raises:
        QueueFullError: Too many visitors wait already, or this one has too many jobs.
    """
    job = job_queue().submit(
        work,
        held_bytes=len(work.clip.data),
        about=work.request,
        owner=visit().owner,
        expected_s=expected_s,
        expected_bytes=EXPECTED_BYTES,
    )
    return job.token
