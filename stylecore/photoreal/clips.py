"""Photo looks over whole clips: a grid for each key frame, blended from one to the next."""

from __future__ import annotations

import itertools
import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from stylecore.errors import ClipError
from stylecore.images.sizes import limit_long_side
from stylecore.photoreal.config import PhotoLookConfig, check_look_config, check_share
from stylecore.photoreal.grid import apply_grid, weaken
from stylecore.photoreal.looks import PhotoLook
from stylecore.video.following import MotionFollower
from stylecore.video.frames import Frame
from stylecore.video.limits import ClipLimits
from stylecore.video.rewriting import ClipProgress, ClipResult, Reader, rewrite_clip

if TYPE_CHECKING:
    from stylecore.photoreal.fitting import LookProgress

KEY_S = 4.0  # seconds, most of a scene for which one key frame stands
CANDIDATE_S = 1.0  # seconds from one frame that may become a key frame to the next


@dataclass(frozen=True)
class KeyProgress:
    """State of the fitting of a clip's key frames after a step.

    Attributes:
        key: Number of the key frame, from 1.
        keys: How many there are.
        fit: The fitting of this one.
    """

    key: int
    keys: int
    fit: LookProgress


@dataclass(frozen=True)
class Scene:
    """A scene of a clip.

    Attributes:
        start_s: Its start, in seconds.
        key_frames: Their times, ascending, and the small frames.
    """

    start_s: float
    key_frames: list[tuple[float, Image.Image]]

    @classmethod
    def of(cls, candidates: list[tuple[float, Image.Image]], end_s: float) -> Scene:
        """Choose the key frames: those next to the middles of equal parts of at most `KEY_S`.

        At its ends a scene may fade from or to black.
        """
        times = np.array([time_s for time_s, _ in candidates])
        parts = max(1, math.ceil((end_s - times[0]) / KEY_S))
        middles = times[0] + (np.arange(parts) + 0.5) * (end_s - times[0]) / parts
        chosen = sorted({int(np.abs(times - middle).argmin()) for middle in middles})
        return cls(float(times[0]), [candidates[index] for index in chosen])


@dataclass(frozen=True)
class SceneLook:
    """Grids of the key frames of a scene.

    Attributes:
        start_s: Start of the scene, in seconds.
        times_s: Of the key frames, ascending.
        grids: As many, each (D, rows, columns, 3, 4).
    """

    start_s: float
    times_s: list[float]
    grids: list[np.ndarray]

    def grid_at(self, time_s: float) -> np.ndarray:
        """Blend the grids of the key frames before and after a time."""
        place = float(np.interp(time_s, self.times_s, range(len(self.times_s))))
        low = min(int(place), len(self.grids) - 1)
        high = min(low + 1, len(self.grids) - 1)
        return self.grids[low] + np.float32(place - low) * (self.grids[high] - self.grids[low])


class LookPainter:
    """Applies looks to the frames of a clip; alpha is kept.

    Args:
        scenes: Looks by scene, in their order.
        strength: 0 gives the clip, 1 the look.
        keep_light: Share of the clip's own brightness that stays, 0 to 1.
    Attributes:
        cuts: Number of cuts between scenes.
        is_found: Always True; all of a frame is changed.
    """

    is_found = True

    def __init__(self, scenes: list[SceneLook], strength: float, keep_light: float) -> None:
        self._scenes, self._strength, self._keep_light = scenes, strength, keep_light
        self._starts_s = [scene.start_s for scene in scenes]
        self.cuts = len(scenes) - 1

    def follow(self, frame: Frame) -> Frame:
        """Return the frame: nothing has to be prepared."""
        return frame

    def paint(self, frame: Frame) -> Callable[[], Frame]:
        """Apply the look of the frame's time; nothing is left to complete."""
        time_s = float(frame.start_s)
        scene = self._scenes[max(0, bisect_right(self._starts_s, time_s) - 1)]
        grid = weaken(scene.grid_at(time_s), self._strength, self._keep_light)
        painted = replace(frame, pixels=np.asarray(apply_grid(grid, Image.fromarray(frame.pixels))))
        return lambda: painted


def apply_look_to_clip(
    source: str | PathLike,
    target: str | PathLike,
    look: PhotoLook | Image.Image,
    config: PhotoLookConfig = PhotoLookConfig(),
    *,
    strength: float = 1.0,
    max_side: int | None = None,
    start_s: float = 0.0,
    end_s: float | None = None,
    limits: ClipLimits | None = None,
    on_scan: Callable[[float], None] | None = None,
    on_fit: Callable[[KeyProgress], None] | None = None,
    on_progress: Callable[[ClipProgress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> ClipResult:
    """Give a clip the light and colors of a picture, without flicker, and keep its sound.

    The clip is read twice: first for its scenes. A grid is fitted to the frame in the middle of every
    `KEY_S` seconds of a scene; the frames between take blends of these.

    Args:
        source: As `stylize_clip` takes it.
        target: File to write, likewise.
        look: The picture, or a look, whose global part is used for all frames.
        config: Settings of the fitting; of a look, its own are used instead.
        strength: 0 gives the clip, 1 the look.
        max_side: Scale larger frames down to this long side in pixels.
        start_s: Start of the part that is written, in seconds.
        end_s: Its end; by default the end of the clip.
        limits: Of the clip; by default those of the environment, see `ClipLimits`.
        on_scan: Called after each frame of the first reading with its time in seconds, from `start_s` on.
        on_fit: Called after every step of a fitting.
        on_progress: Called after each frame.
        should_stop: Asked after each step and each frame; frames written so far become the file.
    Returns:
        What was written.
    Raises:
        ClipError: The clip cannot be read or the file not written, is beyond a limit, or `should_stop` ended
            the fitting.
        ImageError: The picture, or `max_side`, is smaller than 32 px.
        ValueError: A setting out of range.
        MissingExtraError: torch is not installed, which all methods but `instant` need.
    """
    check_look_config(config)
    check_share("strength", strength)
    own_limits = limits or ClipLimits.from_environment()
    is_stopped = should_stop or (lambda: False)

    def make_painter(reader: Reader, _: tuple[int, int]) -> LookPainter:
        name = reader.path.name

        def check_stop() -> None:
            if is_stopped():
                raise ClipError(f"{name}: stopped before its first frame was written")

        def frames() -> Iterator[Frame]:
            for frame in reader.frames(start_s, end_s):
                own_limits.check_length(name, float(frame.start_s))
                check_stop()
                if on_scan is not None:
                    on_scan(float(frame.start_s))
                yield frame

        if isinstance(look, PhotoLook):
            return LookPainter([SceneLook(0.0, [0.0], [look.global_grid])], strength, look.config.keep_light)
        scenes = find_scenes(frames(), config.side)
        if not scenes:
            raise ClipError(f"{name} has no frame from {start_s:g} s on")
        scene_looks = fit_scenes(scenes, look, config, on_fit=on_fit, should_stop=is_stopped)
        check_stop()
        return LookPainter(scene_looks, strength, config.keep_light)

    return rewrite_clip(
        source,
        target,
        make_painter,
        max_side=max_side,
        start_s=start_s,
        end_s=end_s,
        limits=own_limits,
        on_progress=on_progress,
        should_stop=is_stopped,
    )


def find_scenes(frames: Iterable[Frame], side: int) -> list[Scene]:
    """Find the scenes of a clip, by its motion, and their key frames, at most `side` pixels long."""
    scenes: list[Scene] = []
    candidates: list[tuple[float, Image.Image]] = []
    follow, end_s = MotionFollower(), 0.0
    for frame in frames:
        time_s = float(frame.start_s)
        is_new = follow(frame.pixels).flow is None
        if is_new and candidates:
            scenes.append(Scene.of(candidates, time_s))
            candidates = []
        if not candidates or time_s >= candidates[-1][0] + CANDIDATE_S:
            pixels = frame.pixels if frame.alpha is None else np.dstack((frame.pixels, frame.alpha))
            candidates.append((time_s, limit_long_side(Image.fromarray(pixels), side)))
        end_s = float(frame.start_s + frame.duration_s)
    if candidates:
        scenes.append(Scene.of(candidates, end_s))
    return scenes


def fit_scenes(
    scenes: Sequence[Scene],
    reference: Image.Image,
    config: PhotoLookConfig,
    *,
    on_fit: Callable[[KeyProgress], None] | None,
    should_stop: Callable[[], bool],
) -> list[SceneLook]:
    """Fit the key frames of scenes; once `should_stop` returns True, each after a step."""
    keys = sum(len(scene.key_frames) for scene in scenes)
    numbers = itertools.count(1)

    def fit(frame: Image.Image) -> np.ndarray:
        key = next(numbers)
        look = PhotoLook.fit(
            frame,
            reference,
            config,
            on_progress=lambda state: on_fit(KeyProgress(key, keys, state)) if on_fit else None,
            should_stop=should_stop,
        )
        return look.grid

    return [
        SceneLook(
            scene.start_s,
            [time_s for time_s, _ in scene.key_frames],
            [fit(frame) for _, frame in scene.key_frames],
        )
        for scene in scenes
    ]
