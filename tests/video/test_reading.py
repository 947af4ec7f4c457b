import contextlib
from fractions import Fraction

import numpy as np
import pytest

from stylecore.errors import ClipError
from stylecore.video.limits import ClipLimits
from stylecore.video.reading import open_clip
from tests.conftest import encoded
from tests.video.making import panning, write_animation, write_clip

LIMITS = ClipLimits()


def read(path, *part, limits=LIMITS):
    return list(open_clip(path, limits).frames(*part))


def test_frames_have_their_own_times(tmp_path):
    times = [0, 0.04, 0.5, 0.6]
    frames = read(write_clip(tmp_path / "clip.mp4", panning(4), times_s=times))
    assert [float(frame.start_s) for frame in frames] == times
    assert [float(frame.duration_s) for frame in frames[:3]] == pytest.approx([0.04, 0.46, 0.1])


def test_a_part_starts_at_zero_again(tmp_path):
    clip = write_clip(tmp_path / "clip.mp4", panning(20))
    frames = read(clip, 0.5, 0.9)
    assert [float(frame.start_s) for frame in frames] == pytest.approx([0, 0.1, 0.2, 0.3])
    assert np.abs(frames[0].pixels - panning(20)[5].astype(int)).mean() < 10


@pytest.mark.parametrize("turn", [90, 180, -90])
def test_turned_clips_are_upright(tmp_path, turn):
    upright = np.zeros((64, 96, 3), np.uint8)
    upright[:16], upright[:, :16] = (255, 0, 0), (0, 255, 0)
    stored = np.ascontiguousarray(np.rot90(upright, -turn // 90))  # which players turn back
    clip = write_clip(tmp_path / "clip.mov", [stored] * 2, turn=turn)
    info = open_clip(clip, LIMITS).info
    (frame, _) = read(clip)
    assert (info.height, info.width, frame.pixels.shape) == (64, 96, (64, 96, 3))
    assert np.abs(frame.pixels - upright.astype(int)).mean() < 8


def test_colors_follow_the_matrix_of_the_file(tmp_path):
    frame = np.full((64, 96, 3), (200, 40, 90), np.uint8)
    for name, color in (("hd", (1, 1, 1)), ("sd", (6, 6, 6))):
        pixels = read(write_clip(tmp_path / f"{name}.mp4", [frame] * 2, color=color))[0].pixels
        assert np.abs(pixels - frame.astype(int)).max() <= 3, name


@pytest.mark.parametrize(("transfer", "white"), [(16, 0.5807), (18, 0.75)])  # codes of 203 nits, BT.2408
def test_hdr_white_becomes_sdr_white(tmp_path, transfer, white):
    frame = np.full((64, 96, 3), round(white * 255), np.uint8)
    frame[:, :32], frame[:, 64:] = 0, 255
    clip = write_clip(tmp_path / "hdr.mp4", [frame] * 2, pixels="yuv420p10le", color=(9, transfer, 9))
    pixels = read(clip)[0].pixels
    assert pixels[:, :28].max() <= 3
    assert 235 <= pixels[:, 36:60].min() <= pixels[:, 36:60].max() <= 252
    assert pixels[:, 68:].min() >= 243


@pytest.mark.parametrize("name", ["clip.gif", "clip.webp", "clip.png", "clip.apng"])
def test_animations_keep_times_and_alpha(tmp_path, name):
    frames = [np.dstack((frame // 64 * 64, np.full(frame.shape[:2], 255, np.uint8))) for frame in panning(3)]
    for frame in frames:
        frame[:20, :30] = 0
    found = read(write_animation(tmp_path / name, frames, [50, 200, 100]))
    assert [frame.start_s for frame in found] == [0, Fraction(1, 20), Fraction(1, 4)]
    assert found[2].duration_s == Fraction(1, 10)
    assert not found[1].alpha[:20, :30].any()
    assert found[1].alpha[30:].min() == 255
    assert np.abs(found[1].pixels[30:] - frames[1][30:, :, :3].astype(int)).mean() < 8


def test_a_part_of_an_animation_starts_at_zero_again(tmp_path):
    clip = write_animation(tmp_path / "clip.png", panning(5), [100] * 5)
    frames = read(clip, 0.2, 0.4)
    assert [float(frame.start_s) for frame in frames] == [0, 0.1]
    assert np.array_equal(frames[0].pixels, panning(5)[2])


def test_transparent_videos_keep_alpha(tmp_path):
    frame = np.zeros((64, 96, 4), np.uint8)
    frame[:, 48:] = (250, 20, 30, 255)
    found = read(write_clip(tmp_path / "clip.mov", [frame] * 2, codec="qtrle", pixels="argb"))[0]
    assert (found.alpha[:, :48] == 0).all()
    assert (found.alpha[:, 48:] == 255).all()


@pytest.mark.parametrize(
    ("name", "contents", "message"),
    [
        ("text.mp4", b"no clip", "not a clip that can be read"),
        ("list.m3u8", b"#EXTM3U\n#EXTINF:1,\n/etc/hostname\n", "not a clip that can be read"),
        ("empty.mp4", b"", "is empty"),
        ("photo.png", None, "not a clip that can be read"),
    ],
)
def test_what_is_no_clip_is_refused(tmp_path, photo, name, contents, message):
    path = tmp_path / name
    path.write_bytes(encoded(photo) if contents is None else contents)
    with pytest.raises(ClipError, match=message):
        open_clip(path, LIMITS)


def test_a_clip_cut_off_gives_the_frames_it_has(tmp_path):
    clip = write_clip(tmp_path / "clip.webm", panning(30), codec="libvpx-vp9")
    whole = clip.read_bytes()
    clip.write_bytes(whole[: len(whole) * 2 // 3])
    assert 5 < len(read(clip)) < 30


def test_sound_of_an_unknown_codec_is_left_out(tmp_path):
    path = write_clip(tmp_path / "a.mp4", panning(4), sound="aac")
    path.write_bytes(path.read_bytes().replace(b"mp4a", b"zzzz").replace(b"esds", b"free"))
    assert len(read(path)) == 4
    assert not open_clip(path, LIMITS).info.has_sound


def test_frames_of_an_unknown_codec_are_refused(tmp_path):
    path = write_clip(tmp_path / "a.mp4", panning(4))
    path.write_bytes(path.read_bytes().replace(b"avc1", b"zzzz"))
    with pytest.raises(ClipError, match="no frames that can be decoded"):
        open_clip(path, LIMITS)


def test_a_damaged_animation_is_named(tmp_path):
    path = write_animation(tmp_path / "a.png", panning(4), [100] * 4)
    sound = path.read_bytes()
    for place in range(60, len(sound), 997):
        damaged = bytearray(sound)
        damaged[place : place + 4] = b"\xff\xff\xff\xff"
        path.write_bytes(damaged)
        with contextlib.suppress(ClipError):
            read(path)


def test_missing_files_are_named(tmp_path):
    with pytest.raises(ClipError, match=r"away\.mp4 does not exist"):
        open_clip(tmp_path / "away.mp4", LIMITS)


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (ClipLimits(megabytes=0.001), "at most 0.001 MB"),
        (ClipLimits(megapixels=0.001), r"96 x 64 px .* at most 0.001 megapixels"),
    ],
)
@pytest.mark.parametrize("name", ["clip.mp4", "clip.webp"])
def test_limits_are_checked_from_the_header(tmp_path, limits, message, name):
    path = tmp_path / name
    if name == "clip.mp4":
        write_clip(path, panning(3))
    else:
        write_animation(path, panning(3), [100] * 3)
    with pytest.raises(ClipError, match=message):
        open_clip(path, limits)


def test_parts_are_checked_against_length_and_limit(tmp_path):
    info = open_clip(write_clip(tmp_path / "clip.mp4", panning(30)), LIMITS).info
    LIMITS.check_part("clip.mp4", info, 0, None)
    with pytest.raises(ClipError, match=r"ends at 3\.0 s"):
        LIMITS.check_part("clip.mp4", info, 3.5, None)
    with pytest.raises(ClipError, match="at most 1 s"):
        ClipLimits(seconds=1).check_part("clip.mp4", info, 0, None)
    ClipLimits(seconds=1).check_part("clip.mp4", info, 1, 2)
    with pytest.raises(ValueError, match="later end"):
        LIMITS.check_part("clip.mp4", info, 2, 1)


def test_limits_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("IMPASTO_CLIP_SECONDS", "12.5")
    assert ClipLimits.from_environment() == ClipLimits(seconds=12.5)
    monkeypatch.setenv("IMPASTO_CLIP_SECONDS", "long")
    with pytest.raises(ValueError, match="IMPASTO_CLIP_SECONDS is 'long'"):
        ClipLimits.from_environment()
