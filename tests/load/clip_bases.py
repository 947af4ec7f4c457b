"""Sound clips for mutations, and what reads them from the file to the last frame and sound."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from stylecore.video.frames import Frame
from stylecore.video.limits import ClipLimits
from stylecore.video.rewriting import rewrite_clip
from tests.load.bases import Reader
from tests.video.making import panning, write_animation, write_clip

LIMITS = ClipLimits(seconds=2, megapixels=1)


class Unchanged:
    """Leaves all frames as they are."""

    cuts, is_found = 0, True

    def follow(self, frame: Frame) -> Frame:
        return frame

    def paint(self, followed: Frame) -> Callable[[], Frame]:
        return lambda: followed


def clip_bases() -> list[tuple[str, bytes, Reader]]:
    """Name, contents, and what reads them."""
    frames = panning(4, width=64, height=48)
    made = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made["sound.mp4"] = write_clip(folder / "a.mp4", frames, sound="aac")
        made["encoded.mkv"] = write_clip(folder / "a.mkv", frames, sound="flac")
        made["sound.webm"] = write_clip(folder / "a.webm", frames, codec="libvpx-vp9", sound="libopus")
        made["silent.avi"] = write_clip(folder / "a.avi", frames, codec="mpeg4")
        for ending in (".gif", ".webp", ".png"):
            made[f"moving{ending}"] = write_animation(folder / f"a{ending}", frames, [100] * len(frames))
        contents = {name: path.read_bytes() for name, path in made.items()}
    return [(name, data, partial(rewrite, Path(name).suffix)) for name, data in contents.items()]


def rewrite(ending: str, data: bytes) -> None:
    """Read a clip to its end and write it anew."""
    with tempfile.TemporaryDirectory() as name:
        source = Path(name) / f"clip{ending}"
        source.write_bytes(data)
        rewrite_clip(
            source,
            Path(name) / "new.mp4",
            lambda *_: Unchanged(),
            max_side=None,
            start_s=0.0,
            end_s=None,
            limits=LIMITS,
            on_progress=None,
            should_stop=None,
        )
