from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from stylecore.errors import ClipError
from stylecore.video.frames import Frame
from stylecore.video.limits import ClipLimits
from stylecore.video.marking import is_marked, mark_animation
from stylecore.video.reading import open_clip
from stylecore.video.recognizing import TRANSPARENT_EXTENSIONS
from stylecore.video.writing import CLIP_FORMATS, ClipWriter, check_alpha
from tests.video.making import RATE, loudness, panning, write_animation, write_clip

TIMES = [Fraction(0), Fraction(1, 20), Fraction(1, 2), Fraction(6, 10)]


def written(path, pictures, *, times=TIMES, alpha=None, sound=None):
    height, width = pictures[0].shape[:2]
    writer = ClipWriter(path, (width, height), RATE, sound, has_alpha=alpha is not None)
    for picture, start, end in zip(pictures, times, [*times[1:], times[-1] + Fraction(1, 4)], strict=True):
        writer.write(Frame(picture, alpha, start, end - start))
    writer.close(sound_until_s=float(writer.end_s))
    return writer


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mov", "clip.webm", "clip.gif", "clip.webp"])
def test_every_format_keeps_pictures_and_times(tmp_path, name):
    pictures = panning(4)
    written(tmp_path / name, pictures)
    found = list(open_clip(tmp_path / name, ClipLimits()).frames())
    assert [float(frame.start_s) for frame in found] == pytest.approx(
        [float(time) for time in TIMES], abs=0.011
    )
    for picture, frame in zip(pictures, found, strict=True):
        assert np.abs(frame.pixels - picture.astype(int)).mean() < 11  # of noise


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mov"])
def test_the_last_frame_lasts_as_long_as_it_should(tmp_path, name):
    written(tmp_path / name, panning(4))
    assert open_clip(tmp_path / name, ClipLimits()).info.duration_s == pytest.approx(0.85, abs=0.002)


@pytest.mark.parametrize(
    ("name", "size"), [("clip.mp4", (66, 98)), ("clip.webm", (66, 98)), ("clip.webp", (65, 97))]
)
def test_odd_sizes_are_padded_where_the_codec_needs_it(tmp_path, name, size):
    pictures = panning(4, width=97, height=65)
    writer = written(tmp_path / name, pictures)
    (frame, *_) = open_clip(tmp_path / name, ClipLimits()).frames()
    assert writer.size[::-1] == frame.pixels.shape[:2] == size
    assert np.abs(frame.pixels[:65, :97] - pictures[0].astype(int)).mean() < 9


@pytest.mark.parametrize(("name", "is_kept"), [("clip.gif", True), ("clip.webp", True), ("clip.mp4", False)])
def test_alpha_is_kept_or_white(tmp_path, name, is_kept):
    alpha = np.full((64, 96), 255, np.uint8)
    alpha[20:40, 10:60] = 0
    pictures = [np.full((64, 96, 3), (20, 90, 160 + change), np.uint8) for change in (0, 40, 0, 40)]
    written(tmp_path / name, pictures, alpha=alpha)
    (frame, *_) = open_clip(tmp_path / name, ClipLimits()).frames()
    if is_kept:
        assert (frame.alpha[24:36, 14:56].max(), frame.alpha[:, 64:].min()) == (0, 255)
    else:
        assert frame.alpha is None
        assert frame.pixels[24:36, 14:56].min() >= 250
    assert np.abs(frame.pixels[:, 64:] - (20, 90, 160)).mean() < 6


def test_a_webp_with_an_opaque_half_stays_transparent_in_the_other(tmp_path):
    alpha = np.zeros((64, 96), np.uint8)
    alpha[:, :48] = 255
    written(tmp_path / "clip.webp", panning(4), alpha=alpha)
    for frame in open_clip(tmp_path / "clip.webp", ClipLimits()).frames():
        assert (frame.alpha[:, :40].min(), frame.alpha[:, 56:].max()) == (255, 0)


def test_a_webm_is_transparent_for_players_that_know_it(tmp_path):
    alpha = np.full((64, 96), 255, np.uint8)
    alpha[20:40, 10:60] = 0
    pictures = [np.full((64, 96, 3), (20, 90, 160), np.uint8)] * 4
    written(tmp_path / "clip.webm", pictures, alpha=alpha)
    decoder = av.CodecContext.create("libvpx-vp9", "r")  # FFmpeg's own leaves alpha out
    with av.open(str(tmp_path / "clip.webm")) as container:
        assert container.streams.video[0].metadata["alpha_mode"] == "1"
        frames = [frame for packet in container.demux(video=0) for frame in decoder.decode(packet)]
    found = frames[0].to_ndarray(format="rgba")[..., 3]
    assert (found[24:36, 14:56].max(), found[:, 64:].min()) == (0, 255)


def test_formats_without_transparency_are_named():
    check_alpha(Path("clip.webm"))
    with pytest.raises(ClipError, match=r"clip\.mp4 cannot be transparent: use one of \.webm, \.gif, \.webp"):
        check_alpha(Path("clip.mp4"))
    endings = [ending for ending, known in CLIP_FORMATS.items() if known.alpha_pixels]
    assert tuple(endings) == TRANSPARENT_EXTENSIONS


def packets_of(path):
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


@pytest.mark.parametrize(
    ("name", "target", "codec"), [("clip.mp4", "new.mp4", "aac"), ("clip.webm", "new.webm", "libopus")]
)
def test_sound_is_copied_where_the_container_takes_it(tmp_path, name, target, codec):
    frames = "libx264" if name.endswith("mp4") else "libvpx-vp9"
    clip = write_clip(tmp_path / name, panning(12), codec=frames, sound=codec)
    times = [Fraction(index, RATE) for index in range(12)]
    written(tmp_path / target, panning(12), times=times, sound=(clip, Fraction(0)))
    assert packets_of(tmp_path / target)[:50] == packets_of(clip)[:50]


@pytest.mark.parametrize("target", ["new.mp4", "new.webm"])
@pytest.mark.parametrize(("name", "codec"), [("clip.mp4", "aac"), ("clip.mov", "pcm_s16le")])
@pytest.mark.parametrize("origin", [Fraction(0), Fraction(1, 2)])
def test_sound_stays_in_sync(tmp_path, target, name, codec, origin):
    clip = write_clip(tmp_path / name, panning(12), sound=codec)
    times = [Fraction(index, RATE) for index in range(12 - int(origin * RATE))]
    written(tmp_path / target, panning(len(times)), times=times, sound=(clip, origin))
    level, end = loudness(tmp_path / target)
    starts = np.flatnonzero(level > 0.1)[0] / 100
    assert starts == pytest.approx(max(0.0, 0.2 - float(origin)), abs=0.03)
    assert end == pytest.approx(float(times[-1]) + 0.1, abs=0.16)


def test_endings_that_cannot_be_written_are_refused(tmp_path):
    with pytest.raises(ClipError, match=r"clips are written as \.mp4"):
        ClipWriter(tmp_path / "clip.avi", (96, 64), RATE, None)
    with pytest.raises(ClipError, match="cannot be written"):
        ClipWriter(tmp_path / "away" / "clip.mp4", (96, 64), RATE, None)


def test_marks_of_animations_are_where_photos_have_them(tmp_path):
    for ending in (".gif", ".webp"):
        path = write_animation(tmp_path / f"clip{ending}", panning(3), [100] * 3)
        assert not is_marked(path)
        mark_animation(path)
        assert is_marked(path)
        with Image.open(path) as image:
            assert image.n_frames == 3
            image.seek(2)
            image.load()
