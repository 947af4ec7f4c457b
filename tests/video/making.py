"""Short clips with known contents."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

from tests.conftest import make_photo

RATE = 10  # frames a second
SOUND_RATE = 48_000


def panning(count: int, *, width: int = 96, height: int = 64, speed: int = 2) -> list[np.ndarray]:
    """Frames that look at a photo, moving to the right by `speed` pixels a frame."""
    photo = np.asarray(make_photo(width + speed * count, height))
    return [photo[:, speed * index : speed * index + width] for index in range(count)]


def write_clip(
    path: Path,
    frames: Sequence[np.ndarray],
    *,
    times_s: Sequence[float] | None = None,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    turn: int = 0,
    color: tuple[int, int, int] = (1, 1, 1),
    sound: str = "",
    sound_s: float | None = None,
) -> Path:
    """Write a clip by PyAV, apart from the writer under test.

    Args:
        path: The file.
        frames: uint8 of shape (H, W, 3), or with alpha (H, W, 4).
        times_s: Of the frames; by default 10 frames a second.
        codec: Encoder of the frames.
        pixels: Its pixel format.
        turn: Degrees counterclockwise by which players turn the frames.
        color: Primaries, transfer and matrix by ITU-T H.273.
        sound: Encoder of a sine of 440 Hz that starts 0.2 s after the first frame, or none.
        sound_s: Its end; by default that of the frames.
    """
    times = times_s or [index / RATE for index in range(len(frames))]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=RATE)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pixels
        context = stream.codec_context
        context.time_base = Fraction(1, 1000)
        context.color_primaries, context.color_trc, context.colorspace = color
        if turn:
            stream.set_display_rotation(turn)
        track = container.add_stream(sound, rate=SOUND_RATE, layout="mono") if sound else None
        for frame, time in zip(frames, times, strict=True):
            picture = av.VideoFrame.from_ndarray(frame, format="rgba" if frame.shape[2] == 4 else "rgb24")
            if pixels.startswith("yuv"):
                picture = picture.reformat(format=pixels, dst_colorspace=color[2])
            picture.pts, picture.time_base = round(time * 1000), Fraction(1, 1000)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
        if track:
            for part in _sine(sound_s or times[-1] + 1 / RATE, track.codec_context.format.name):
                container.mux(track.encode(part))
            container.mux(track.encode(None))
    return path


def _sine(end_s: float, sample_format: str) -> list[av.AudioFrame]:
    time = np.arange(int(end_s * SOUND_RATE)) / SOUND_RATE
    wave = np.where(time < 0.2, 0, 0.5 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)
    parts = []
    for start in range(0, len(wave), 960):
        part = wave[None, start : start + 960]
        frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE, start, Fraction(1, SOUND_RATE)
        parts += av.AudioResampler(format=sample_format, layout="mono", rate=SOUND_RATE).resample(frame)
    return parts


def write_animation(path: Path, frames: Sequence[np.ndarray], milliseconds: Sequence[int]) -> Path:
    first, *others = [Image.fromarray(frame) for frame in frames]
    options = {"lossless": True} if path.suffix == ".webp" else {}
    first.save(path, save_all=True, append_images=others, duration=list(milliseconds), loop=0, **options)
    return path


def loudness(path: Path) -> tuple[np.ndarray, float]:
    """Sound of a file as RMS of each hundredth of a second from its time 0 on, and its end in seconds."""
    with av.open(str(path)) as container:
        samples: list[np.ndarray] = []
        end = 0.0
        resampler = av.AudioResampler(format="fltp", layout="mono", rate=SOUND_RATE)
        for frame in container.decode(audio=0):
            if not samples and frame.time > 0:
                samples.append(np.zeros(round(frame.time * SOUND_RATE), np.float32))
            end = frame.time + frame.samples / frame.sample_rate
            part = np.concatenate([each.to_ndarray()[0] for each in resampler.resample(frame)])
            samples.append(part[max(0, round(-frame.time * SOUND_RATE)) :])
    wave = np.concatenate(samples)
    step = SOUND_RATE // 100
    return np.sqrt(np.square(wave[: len(wave) // step * step].reshape(-1, step)).mean(1)), end
