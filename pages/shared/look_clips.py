"""Photo looks of clips in the queue of long jobs: what the jobs do and report."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace

from pages.shared.clip_files import DOWNLOAD_FORMATS, Clip, PaintedClip, clip_file
from pages.shared.clip_painting import ClipState, free_bytes, is_full, make_room, newest_frame
from pages.shared.looking import Mix, expected_seconds, look_config
from pages.shared.painting import WORKING_SIDE, read_photo
from stylecore import ClipError, ClipProgress, PhotoLook, apply_look_to_clip
from stylecore.host.jobs import Job, RunningJob
from stylecore.photoreal.clips import KEY_S, KeyProgress
from stylecore.photoreal.config import INSTANT

# Seconds on two cores: of a frame in which scenes are looked for, and of one of a megapixel that is changed.
SCAN_S, CHANGE_S = 0.03, 0.15
REPORT_S = 1.0  # from one report to the next
SURE_SHARE = 0.1  # of a stage, after which its pace is known


@dataclass(frozen=True)
class LookClipRequest:
    """What a clip is given.

    Attributes:
        name: File name of the result, without its ending.
        title: Title of the reference.
        still: A frame as it was, encoded at screen size.
        painted_still: The same in the look.
        megapixels: Of a frame.
        length_s: Seconds of the part.
        frame_rate: Frames a second.
        start_s: Start of the part, in seconds.
        end_s: Its end; None for that of the clip.
        method: One of `looking.METHODS`, or `instant`.
        mix: How strong the look is.
        file_format: One of `DOWNLOAD_FORMATS`.
        is_trial: Whether it is only a short part, to try the look.
        choice: What was chosen, to compare with what is chosen now.
    """

    name: str
    title: str
    still: bytes
    painted_still: bytes
    megapixels: float
    length_s: float
    frame_rate: float
    start_s: float
    end_s: float | None
    method: str
    mix: Mix
    file_format: str
    is_trial: bool
    choice: tuple

    @property
    def alt(self) -> str:
        """Alternative text of the clip in the look."""
        return f"Your clip in the look of {self.title}"

    @property
    def made(self) -> str:
        """What the clip is, in words."""
        return f"The look of {self.title}"


@dataclass(frozen=True)
class LookClipState(ClipState):
    """The progress of a clip that is given a look.

    Attributes:
        stage: What is done before the first frame, in words.
    """

    stage: str = ""

    @property
    def share(self) -> float:
        """The finished part, 0 to 1, by its time."""
        return self.painting_s / max(self.painting_s + (self.remaining_s or 0.0), 1e-6)

    @property
    def done(self) -> str:
        return super().done or self.stage


LookClipJob = Job[LookClipRequest, LookClipState, PaintedClip]


@dataclass(frozen=True)
class LookClipWork:
    """The work of a job; it holds the encoded clip.

    Attributes:
        clip: The clip.
        look: The encoded picture whose look it takes, or a look of which it takes the global part.
        request: How it is made.
    """

    clip: Clip
    look: bytes | PhotoLook
    request: LookClipRequest

    def __call__(self, job: RunningJob[LookClipState]) -> PaintedClip | None:
        job.report(LookClipState())
        request, reporter = self.request, Reporter(job, self.request, is_fitted=isinstance(self.look, bytes))
        config = replace(look_config(request.method), keep_light=request.mix.keep_light)
        if isinstance(self.look, bytes):
            look = read_photo(self.look, max_side=WORKING_SIDE)
        else:
            look = replace(self.look, config=replace(self.look.config, keep_light=config.keep_light))
        with clip_file(self.clip.data, self.clip.name, self.clip.ending) as source:
            target = source.with_name(f"look.{DOWNLOAD_FORMATS[request.file_format][0]}")
            try:
                result = apply_look_to_clip(
                    source,
                    target,
                    look,
                    config,
                    strength=request.mix.strength,
                    start_s=request.start_s,
                    end_s=request.end_s,
                    on_scan=reporter.scanned,
                    on_fit=reporter.fitted,
                    on_progress=reporter.changed,
                    should_stop=lambda: job.should_stop() or is_full(source),
                )
            except ClipError:
                if job.should_stop():  # before the first frame
                    return None
                raise
            make_room(result.path.stat().st_size)
            return PaintedClip(result)


class Reporter:
    """Reports on a job in its three stages, with the time left for all of them, and lets shorter jobs run.

    Args:
        job: The job.
        request: What it makes.
        is_fitted: Whether scenes are looked for and key frames fitted.
    """

    def __init__(self, job: RunningJob[LookClipState], request: LookClipRequest, *, is_fitted: bool) -> None:
        self._job, self._length_s = job, request.length_s
        self._stages = stage_seconds(request, is_fitted=is_fitted)
        self._started = self._stage_started = time.monotonic()
        self._stage, self._stage_paused_s, self._reported = "", 0.0, -math.inf

    def scanned(self, time_s: float) -> None:
        """After a frame in which scenes are looked for."""
        self._report("scan", time_s / self._length_s, "Looking for scenes")

    def fitted(self, state: KeyProgress) -> None:
        """After a step of the fitting of a key frame."""
        share = (state.key - 1 + state.fit.step / state.fit.steps) / state.keys
        self._report("fit", share, f"Key frame {state.key} of {state.keys}")

    def changed(self, state: ClipProgress) -> None:
        """After a frame that was given the look."""
        share = state.frames / state.total_frames if state.total_frames else 0.0
        self._report("change", share, "", state)

    def _report(self, stage: str, share: float, words: str, progress: ClipProgress | None = None) -> None:
        now = time.monotonic()
        if stage != self._stage:
            self._stage, self._stage_started, self._stage_paused_s = stage, now, self._job.paused_s
        elif now - self._reported < REPORT_S:
            return
        self._reported, share = now, min(share, 1.0)
        ran_s = now - self._stage_started - (self._job.paused_s - self._stage_paused_s)
        names = list(self._stages)
        left_s = ran_s / share * (1 - share) if share > SURE_SHARE else self._stages[stage] * (1 - share)
        left_s += sum(self._stages[name] for name in names[names.index(stage) + 1 :])
        frames = (0, None) if progress is None else (progress.frames, progress.total_frames)
        pictures = (None, None) if progress is None else newest_frame(progress)
        spent_s = now - self._started - self._job.paused_s
        self._job.report(LookClipState(*frames, spent_s, left_s, *pictures, stage=words))
        self._job.yield_turn(1 - self._job.progress.share, free_bytes=free_bytes())


def stage_seconds(request: LookClipRequest, *, is_fitted: bool) -> dict[str, float]:
    """Predict the seconds of the stages, in their order."""
    frames = request.length_s * request.frame_rate
    keys = max(1, math.ceil(request.length_s / KEY_S))
    fit_s = 0.0 if request.method == INSTANT else keys * expected_seconds(request.method)
    stages = {"change": frames * request.megapixels * CHANGE_S}
    return {"scan": frames * SCAN_S, "fit": fit_s, **stages} if is_fitted else stages


def expected_clip_seconds(request: LookClipRequest, *, is_fitted: bool) -> float:
    """Predict how long a clip takes."""
    return sum(stage_seconds(request, is_fitted=is_fitted).values())
