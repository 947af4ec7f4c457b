"""Writing of clips: MP4, MOV, WebM, GIF and animated WebP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType

import av
import cv2
import numpy as np

from stylecore.errors import ClipError
from stylecore.video.frames import Frame
from stylecore.video.marking import PAINTED, mark_animation
from stylecore.video.sound import Sound


@dataclass(frozen=True)
class ClipFormat:
    """How clips of one file format are written.

    Attributes:
        container: FFmpeg's name of the format.
        codec: Encoder of the frames.
        pixels: Pixel format of the encoder.
        options: Of the encoder.
        container_options: Of the container.
        time_base: Unit of the times of frames, in seconds.
        sound_codec: Encoder of the sound; empty for a format without sound.
        copied_sound: Codecs of sound that are kept as they are.
        alpha_pixels: Pixel format of transparent frames; empty if the format has none.
        alpha_options: Of the encoder, with these.
    """

    container: str
    codec: str
    pixels: str
    options: Mapping[str, str] = field(default_factory=dict)
    container_options: Mapping[str, str] = field(default_factory=dict)
    time_base: Fraction = Fraction(1, 90_000)
    sound_codec: str = ""
    copied_sound: tuple[str, ...] = ()
    alpha_pixels: str = ""
    alpha_options: Mapping[str, str] = field(default_factory=dict)


_MP4 = ClipFormat(
    "mp4",
    "libx264",
    "yuv420p",
    {"preset": "veryfast", "crf": "20"},
    {"movflags": "+faststart"},
    sound_codec="aac",
    copied_sound=("aac", "mp3", "mp3float"),
)
_WEBM = ClipFormat(
    "webm",
    "libvpx-vp9",
    "yuv420p",
    {"deadline": "realtime", "cpu-used": "7", "crf": "28", "b": "0", "row-mt": "1"},
    time_base=Fraction(1, 1000),
    sound_codec="libopus",
    copied_sound=("opus", "libopus", "vorbis"),
    alpha_pixels="yuva420p",
    alpha_options={"auto-alt-ref": "0"},
)
_GIF = ClipFormat(
    "gif", "gif", "pal8", container_options={"loop": "0"}, time_base=Fraction(1, 100), alpha_pixels="pal8"
)
_WEBP = ClipFormat(
    "webp",
    "libwebp_anim",
    "yuva420p",
    {"quality": "85", "compression_level": "2"},
    {"loop": "0"},
    time_base=Fraction(1, 1000),
    alpha_pixels="yuva420p",
)
CLIP_FORMATS = MappingProxyType(
    {".mp4": _MP4, ".m4v": _MP4, ".mov": ClipFormat(**{**_MP4.__dict__, "container": "mov"}), ".webm": _WEBM,
     ".gif": _GIF, ".webp": _WEBP}
)  # fmt: skip


def clip_format(path: Path) -> ClipFormat:
    """Format by the ending of a file name.

    Raises:
        ClipError: No format that can be written.
    """
    if path.suffix.lower() not in CLIP_FORMATS:
        raise ClipError(f"{path.name}: clips are written as {', '.join(CLIP_FORMATS)}")
    return CLIP_FORMATS[path.suffix.lower()]


def check_alpha(path: Path) -> None:
    """Refuse a file whose format has no transparency.

    Raises:
        ClipError: The message has the formats that have it.
    """
    if not clip_format(path).alpha_pixels:
        endings = ", ".join(ending for ending, known in CLIP_FORMATS.items() if known.alpha_pixels)
        raise ClipError(f"{path.name} cannot be transparent: use one of {endings}")


class ClipWriter:
    """Writes frames, and the sound that goes with them, into a file.

    Args:
        path: The file; its ending is the format.
        size: Width and height of the frames; H.264 and VP9 get even ones, by repeating the last pixels.
        frame_rate: Frames a second, the mean: times are kept as they are.
        sound: File with the sound and the time in it that becomes 0, or None.
        has_alpha: Whether frames are transparent; in formats without transparency they get a white ground.
    Raises:
        ClipError: No format that can be written, or a file that cannot be made.
    """

    def __init__(
        self,
        path: Path,
        size: tuple[int, int],
        frame_rate: float,
        sound: tuple[Path, Fraction] | None,
        *,
        has_alpha: bool = False,
    ) -> None:
        self.path, self._format = path, clip_format(path)
        self._is_transparent = has_alpha
        is_always = self._format.alpha_pixels == self._format.pixels
        self._has_alpha = is_always or (has_alpha and bool(self._format.alpha_pixels))
        self._pixels = self._format.alpha_pixels if self._has_alpha else self._format.pixels
        self._is_yuv = self._format.pixels == "yuv420p"
        width, height = size
        self.size = (width + width % 2, height + height % 2) if self._is_yuv else size
        self.end_s = Fraction(0)
        self._held: av.Packet | None = None  # the newest packet, whose duration depends on what follows
        self._container = av.open(
            str(path), "w", format=self._format.container, options={**self._format.container_options}
        )
        self._container.metadata["comment"] = PAINTED
        self._stream = self._add_stream(frame_rate)
        self._palette = _PaletteFilter(self.size) if self._format.codec == "gif" else None
        self.sound = None
        if sound and self._format.sound_codec:
            self.sound = Sound(
                *sound, self._container, copied=self._format.copied_sound, codec=self._format.sound_codec
            )
        try:
            self._container.start_encoding()
        except (av.error.FFmpegError, OSError) as error:
            raise self._failed(error) from error

    def _add_stream(self, frame_rate: float) -> av.VideoStream:
        rate = Fraction(frame_rate).limit_denominator(1001)
        options = {**self._format.options} | (self._format.alpha_options if self._has_alpha else {})
        stream = self._container.add_stream(self._format.codec, rate=rate, options=options)
        stream.width, stream.height = self.size
        stream.pix_fmt = self._pixels
        context = stream.codec_context
        context.time_base = self._format.time_base
        if self._is_yuv:  # BT.709, in studio range
            context.colorspace = context.color_primaries = context.color_trc = context.color_range = 1
        return stream

    def write(self, frame: Frame) -> None:
        """Write the next frame.

        Raises:
            ClipError: The disk is full, for instance.
        """
        start = round(frame.start_s / self._format.time_base)
        self.end_s = frame.start_s + frame.duration_s
        try:
            for picture in self._encodable(frame):
                picture.pts, picture.time_base = start, self._format.time_base
                self._mux(self._stream.encode(picture))
            if self.sound:
                self.sound.write_until(self.end_s)
        except (av.error.FFmpegError, OSError) as error:
            raise self._failed(error) from error

    def close(self, *, sound_until_s: float) -> None:
        """Finish the file, with the sound up to a time in seconds of the new clip."""
        try:
            self._mux(self._stream.encode(None))
            if self._held is not None:
                # Else the last frame would last as long as the mean one.
                length = round(self.end_s / self._held.time_base)
                self._held.duration = max(1, length - self._held.pts)
                self._container.mux(self._held)
            if self.sound:
                self.sound.write_until(sound_until_s)
            self._container.close()
            if self._format.container in ("gif", "webp"):
                mark_animation(self.path, has_alpha=self._is_transparent)
        except (av.error.FFmpegError, OSError) as error:
            raise self._failed(error) from error
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Close the files without finishing them."""
        if self.sound:
            self.sound.close()
        self._container.close()

    def _encodable(self, frame: Frame) -> Iterator[av.VideoFrame]:
        pixels = frame.pixels
        if frame.alpha is not None:
            pixels = np.dstack((pixels, frame.alpha)) if self._has_alpha else _on_white(frame)
        width, height = self.size
        bottom, right = height - pixels.shape[0], width - pixels.shape[1]
        if bottom or right:
            pixels = cv2.copyMakeBorder(pixels, 0, bottom, 0, right, cv2.BORDER_REPLICATE)
        picture = av.VideoFrame.from_ndarray(pixels, format="rgba" if pixels.shape[2] == 4 else "rgb24")
        if self._palette:
            yield from self._palette(picture)
        elif self._is_yuv:
            yield picture.reformat(format=self._pixels, dst_colorspace=av.video.reformatter.Colorspace.ITU709)
        else:
            yield picture.reformat(format=self._pixels)

    def _mux(self, packets: list[av.Packet]) -> None:
        for packet in packets:
            if self._held is not None:
                self._container.mux(self._held)
            self._held = packet

    def _failed(self, error: Exception) -> ClipError:
        return ClipError(f"{self.path} cannot be written: {getattr(error, 'strerror', None) or error}")


class _PaletteFilter:
    """Reduces each frame to its own 255 colors and transparency, by FFmpeg's filters for GIF."""

    def __init__(self, size: tuple[int, int]) -> None:
        self._graph = graph = av.filter.Graph()
        width, height = size
        source = graph.add(
            "buffer", f"video_size={width}x{height}:pix_fmt=rgba:time_base=1/100:pixel_aspect=1/1"
        )
        split = graph.add("split")
        generate = graph.add("palettegen", "stats_mode=single")
        use = graph.add("paletteuse", "new=1:dither=bayer:bayer_scale=4")
        sink = graph.add("buffersink")
        source.link_to(split)
        split.link_to(use, 0, 0)
        split.link_to(generate, 1, 0)
        generate.link_to(use, 0, 1)
        use.link_to(sink)
        graph.configure()
        self._count = 0

    def __call__(self, picture: av.VideoFrame) -> Iterator[av.VideoFrame]:
        picture = picture.reformat(format="rgba")
        picture.pts, picture.time_base = self._count, Fraction(1, 100)
        self._count += 1
        self._graph.push(picture)
        yield self._graph.pull()


def _on_white(frame: Frame) -> np.ndarray:
    share = frame.alpha[..., None].astype(np.float32) / 255
    return np.rint(255 + share * (frame.pixels - np.float32(255))).astype(np.uint8)
