"""Reading of clips: frames in the order of their times, upright and in sRGB."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from os import PathLike
from pathlib import Path

import av
import numpy as np
from av.stream import Disposition
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from PIL import Image

from stylecore.errors import ClipError
from stylecore.images.color_codes import HLG, PQ, note_color_codes
from stylecore.images.colors import to_srgb
from stylecore.video.animations import AnimationReader, is_animated
from stylecore.video.frames import ClipInfo, Frame, exact_s
from stylecore.video.limits import ClipLimits
from stylecore.video.marking import PAINTED

# Containers by FFmpeg's names; playlists, which name other files and addresses, are not among them.
CONTAINERS = "mov,mp4,matroska,webm,avi,mpegts,mpeg,ogg,flv,3gp"
SAFE = {"format_whitelist": CONTAINERS, "protocol_whitelist": "file"}
UNSPECIFIED = 2  # color matrix by ITU-T H.273
WIDE = (9, 11, 12, 22)  # primaries by the same, whose colors sRGB does not have all of
FIRST_HD_HEIGHT = 720  # px, from which an unspecified matrix is BT.709


def open_clip(source: str | PathLike, limits: ClipLimits) -> ClipReader | AnimationReader:
    """Open a clip: MP4, MOV, WebM, MKV, AVI, or an animated GIF, WebP or PNG.

    Args:
        source: The file.
        limits: Of its size in megabytes and pixels.
    Raises:
        ClipError: Not a clip, damaged, or beyond the limits.
    """
    path = Path(source)
    limits.check_file(path)
    return AnimationReader(path, limits) if is_animated(path) else ClipReader(path, limits)


def is_painted(path: Path) -> bool:
    """Whether a video was written by `ClipWriter`; for GIF and WebP see `is_marked`."""
    try:
        with av.open(str(path), options=SAFE) as container:
            return container.metadata.get("comment", "").startswith(PAINTED)
    except (av.error.FFmpegError, UnicodeError):
        return False  # whoever paints it reports it


class ClipReader:
    """Reads the frames of a video one by one.

    Args:
        path: The file.
        limits: Its size in pixels is checked before a frame is decoded.
    Attributes:
        path: The file.
        info: What its header describes.
        origin_s: Time in the file of the first frame that `frames` yielded, in seconds.
    Raises:
        ClipError: Not a video, damaged, or beyond the limits.
    """

    def __init__(self, path: Path, limits: ClipLimits) -> None:
        self.path, self._limits, self.origin_s = path, limits, Fraction(0)
        with self._open() as container:
            stream = _video_stream(container)
            first = next(self._decoded(container, stream), None)
            if first is None:
                raise ClipError(f"{path.name} has no frame that can be decoded")
            width, height = _square_size(first, stream)
            if first.rotation % 180:
                width, height = height, width
            self._start_s = _time(first, stream) or Fraction(0)
            self._rate = Fraction(stream.average_rate or stream.guessed_rate or 25)
            length = stream.duration and float(stream.duration * stream.time_base)
            if not length and container.duration:
                length = container.duration / av.time_base
            has_sound = sound_stream(container) is not None
            self.info = ClipInfo(width, height, length, float(self._rate), has_sound)

    def frames(self, start_s: float = 0.0, end_s: float | None = None) -> Iterator[Frame]:
        """Yield the frames that start from `start_s` on and before `end_s`, in seconds of the clip.

        Raises:
            ClipError: The file is damaged.
        """
        held, held_time = None, None  # the frame before, whose duration is known with the next one
        for frame, time in self._timed(start_s):
            if held is None:
                self.origin_s = time
            elif time <= held_time:
                continue
            else:
                yield self._finished(held, held_time, time - held_time)
            held, held_time = None, None
            if end_s is not None and time - self._start_s >= exact_s(end_s):
                return
            held, held_time = frame, time
        if held is not None:
            yield self._finished(held, held_time, _duration(held) or 1 / self._rate)

    def _timed(self, start_s: float) -> Iterator[tuple[av.VideoFrame, Fraction]]:
        """Decoded frames from a time on, with their times in the file."""
        begin = self._start_s + exact_s(start_s)
        with self._open() as container:
            stream = _video_stream(container)
            if start_s:
                container.seek(int(begin / stream.time_base), stream=stream)
            time = begin if start_s else self._start_s
            for frame in self._decoded(container, stream):
                known = _time(frame, stream)
                time = time + 1 / self._rate if known is None else known
                if time >= begin:
                    yield frame, time

    def _open(self) -> av.container.InputContainer:
        name = self.path.name
        try:
            container = av.open(str(self.path), options=SAFE)
        except (av.error.FFmpegError, UnicodeError) as error:
            raise ClipError(
                f"{name} is not a clip that can be read: use MP4, MOV, WebM, GIF, or animated WebP or PNG"
            ) from error
        try:
            stream = _video_stream(container)
            if stream is None:
                raise ClipError(f"{name} has no frames that can be decoded: a clip is needed")
            self._limits.check_size(name, stream.codec_context.width, stream.codec_context.height)
        except ClipError:
            container.close()
            raise
        stream.thread_type = "AUTO"
        return container

    def _decoded(
        self, container: av.container.InputContainer, stream: av.VideoStream
    ) -> Iterator[av.VideoFrame]:
        """Frames of a container; packets that are damaged are skipped, as players do."""
        for packet in container.demux(stream):
            try:
                yield from packet.decode()
            except av.error.InvalidDataError:
                continue
            except av.error.FFmpegError as error:
                raise ClipError(f"{self.path.name} is damaged: {error}") from error

    def _finished(self, frame: av.VideoFrame, time: Fraction, duration: Fraction) -> Frame:
        pixels, alpha = _pixels(frame, self.info)
        return Frame(pixels, alpha, time - self.origin_s, duration)


def _video_stream(container: av.container.InputContainer) -> av.VideoStream | None:
    """The first stream of frames that can be decoded and is not the cover of a song."""
    streams = (stream for stream in container.streams.video if stream.codec_context is not None)
    return next((stream for stream in streams if not stream.disposition & Disposition.attached_pic), None)


def sound_stream(container: av.container.InputContainer) -> av.AudioStream | None:
    """The first stream of sound that can be decoded."""
    return next((stream for stream in container.streams.audio if stream.codec_context is not None), None)


def _time(frame: av.VideoFrame, stream: av.VideoStream) -> Fraction | None:
    # AVI has no times of its own, and those that FFmpeg guesses for B-frames are out of order.
    ticks = frame.dts if stream.container.format.name == "avi" else frame.pts
    return None if ticks is None else ticks * (frame.time_base or stream.time_base)


def _duration(frame: av.VideoFrame) -> Fraction:
    return (frame.duration or 0) * (frame.time_base or Fraction(0))


def _square_size(frame: av.VideoFrame, stream: av.VideoStream) -> tuple[int, int]:
    """Width and height in square pixels, before rotation."""
    aspect = stream.sample_aspect_ratio or Fraction(1)
    if not Fraction(1, 4) <= aspect <= 4:  # such files have a broken header
        aspect = Fraction(1)
    return round(frame.width * aspect), frame.height


def _pixels(frame: av.VideoFrame, info: ClipInfo) -> tuple[np.ndarray, np.ndarray | None]:
    """Upright sRGB of the size of the clip, and alpha where there is one."""
    turns = round(frame.rotation / 90)
    width, height = (info.height, info.width) if turns % 2 else (info.width, info.height)
    has_alpha = any(component.is_alpha for component in frame.format.components)
    matrix = frame.colorspace
    if matrix == UNSPECIFIED:
        matrix = Colorspace.ITU709 if frame.height >= FIRST_HD_HEIGHT else Colorspace.ITU601
    converted = frame.reformat(
        width,
        height,
        "rgba" if has_alpha else "rgb24",
        src_colorspace=matrix,
        dst_color_range=ColorRange.JPEG,
        interpolation=Interpolation.BICUBIC,
    )
    pixels = np.rot90(converted.to_ndarray(), turns)
    pixels, alpha = (pixels[..., :3], pixels[..., 3]) if has_alpha else (pixels, None)
    pixels = np.ascontiguousarray(pixels)
    if frame.color_primaries in WIDE or frame.color_trc in (PQ, HLG):
        image = Image.fromarray(pixels)
        note_color_codes(image, primaries=frame.color_primaries, transfer=frame.color_trc)
        pixels = np.asarray(to_srgb(image))
    return pixels, None if alpha is None else np.ascontiguousarray(alpha)
