"""The sound of a clip: copied where the new file can hold it, else encoded anew."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av

from stylecore.errors import ClipError
from stylecore.video.reading import SAFE, sound_stream

LEAD_S = Fraction(1, 10)  # that is decoded before the first sound that is kept


class Sound:
    """Writes the sound of one file into another, next to the frames that are painted.

    Args:
        path: The file with the sound, which `sound_stream` finds.
        origin_s: Time in that file that becomes 0.
        container: The file that is written, before anything is written to it.
        copied: Codecs that it can hold as they are.
        codec: Encoder for all others.
    """

    def __init__(
        self,
        path: Path,
        origin_s: Fraction,
        container: av.container.OutputContainer,
        *,
        copied: tuple[str, ...],
        codec: str,
    ) -> None:
        self._origin_s, self._target = origin_s, container
        try:
            self._source = av.open(str(path), options=SAFE)
        except av.error.FFmpegError as error:
            raise ClipError(f"the sound of {path.name} cannot be read: {error}") from error
        self._input = sound_stream(self._source)
        if origin_s > LEAD_S:
            self._source.seek(int((origin_s - LEAD_S) / self._input.time_base), stream=self._input)
        if self._input.codec_context.name in copied:
            self._output = container.add_stream_from_template(self._input)
            self._packets = self._copied()
        else:
            layout = "mono" if self._input.codec_context.channels == 1 else "stereo"
            self._output = container.add_stream(codec, rate=48_000, layout=layout)
            self._packets = self._encoded()
        self._waiting: tuple[Fraction, av.Packet] | None = None

    def write_until(self, time_s: Fraction | float) -> None:
        """Write what starts before a time, in seconds of the new clip."""
        while True:
            if self._waiting is None:
                self._waiting = next(self._packets, None)
            if self._waiting is None or self._waiting[0] >= time_s:
                return
            self._target.mux(self._waiting[1])
            self._waiting = None

    def close(self) -> None:
        self._packets.close()
        self._source.close()

    def _copied(self) -> Iterator[tuple[Fraction, av.Packet]]:
        base = self._input.time_base
        for packet in self._source.demux(self._input):
            if packet.pts is None or not packet.size:
                continue
            start = packet.pts * base - self._origin_s
            # The packet just before the first one stays: decoders need it.
            if start + packet.duration * base < 0:
                continue
            shift = round(self._origin_s / base)
            packet.pts, packet.dts = packet.pts - shift, packet.pts - shift
            packet.stream = self._output
            yield start, packet

    def _encoded(self) -> Iterator[tuple[Fraction, av.Packet]]:
        encoder = self._output.codec_context
        resampler = av.AudioResampler(format=encoder.format, layout=encoder.layout, rate=encoder.rate)
        start = None
        for frame in self._decoded():
            for part in resampler.resample(frame):
                if part is None or part.pts is None:
                    continue
                part.pts -= round(self._origin_s / part.time_base)
                start = part.pts * part.time_base
                if start < 0:
                    continue
                for packet in self._output.encode(part):
                    yield start, packet
        for packet in self._output.encode(None):
            yield start or Fraction(0), packet

    def _decoded(self) -> Iterator[av.AudioFrame | None]:
        for packet in self._source.demux(self._input):
            try:
                yield from packet.decode()
            except av.error.InvalidDataError:  # skipped, as players do
                continue
        yield None
