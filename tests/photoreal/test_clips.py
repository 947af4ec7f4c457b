import numpy as np
import pytest
from PIL import Image

from stylecore import ClipError, ClipLimits, PhotoLook, PhotoLookConfig, apply_look_to_clip
from stylecore.photoreal import clips
from stylecore.photoreal.clips import LookPainter, SceneLook
from stylecore.photoreal.grid import constant_grid
from stylecore.video.frames import Frame
from stylecore.video.reading import open_clip
from tests.photoreal.conftest import TINY, colored_photo
from tests.video.making import RATE, panning, write_animation, write_clip

INSTANT = PhotoLookConfig(method="instant")


def mean_colors(path) -> np.ndarray:
    return np.array([frame.pixels.mean((0, 1)) for frame in open_clip(path, ClipLimits()).frames()])


@pytest.fixture(scope="module")
def two_scenes(tmp_path_factory):
    """A clip of a second in one place, and another in a darker one, with sound."""
    other = np.asarray(colored_photo(96, 64, 0.8, 9)) // 3
    frames = [*panning(RATE, speed=1), *[other] * RATE]
    return write_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", frames, sound="aac")


def test_each_scene_of_a_clip_takes_over_the_colors_and_its_sound_stays(two_scenes, reference, tmp_path):
    result = apply_look_to_clip(two_scenes, tmp_path / "new.mp4", reference, INSTANT)
    assert (result.frames, result.cuts, result.has_sound, result.is_complete) == (2 * RATE, 1, True, True)
    wanted = np.asarray(reference, float).mean((0, 1))
    assert np.abs(mean_colors(result.path) - wanted).max() < 12
    assert np.abs(mean_colors(two_scenes) - wanted).max() > 40


def test_grids_are_blended_from_key_frame_to_key_frame():
    dark, light = (constant_grid(np.eye(3, 4) * factor) for factor in (0.5, 1.0))
    painter = LookPainter([SceneLook(0.0, [1.0, 3.0], [dark, light])], strength=1.0, keep_light=0.0)
    values = []
    for time_s in (0.0, 1.5, 2.0, 9.0):
        frame = Frame(np.full((32, 32, 3), 200, np.uint8), None, time_s, 0.1)
        values.append(int(painter.paint(frame)().pixels[0, 0, 0]))
    assert values == [100, 125, 150, 200]


def test_long_scenes_have_several_key_frames_away_from_their_ends():
    frames = [(float(time_s), Image.new("RGB", (32, 32))) for time_s in range(10)]
    assert [time_s for time_s, _ in clips.Scene.of(frames, 10.0).key_frames] == [2.0, 5.0, 8.0]
    assert [time_s for time_s, _ in clips.Scene.of(frames[:3], 3.0).key_frames] == [1.0]


def test_a_kept_look_gives_a_clip_its_global_part(two_scenes, photo, reference, tmp_path):
    look = PhotoLook.fit(photo, reference, INSTANT)
    result = apply_look_to_clip(two_scenes, tmp_path / "new.webm", look, strength=0.5)
    assert result.cuts == 0
    clip = [frame.pixels for frame in open_clip(two_scenes, ClipLimits()).frames()]
    wanted = np.asarray(look.apply(Image.fromarray(clip[3]), 0.5), float).mean((0, 1))
    assert np.abs(mean_colors(result.path)[3] - wanted).max() < 6


def test_a_transparent_animation_is_fitted(reference, tmp_path):
    frames = [np.dstack((frame, np.full((64, 96), 128, np.uint8))) for frame in panning(3)]
    source = write_animation(tmp_path / "a.webp", frames, [100] * 3)
    steps = []
    result = apply_look_to_clip(source, tmp_path / "b.webp", reference, TINY, on_fit=steps.append)
    assert [(each.key, each.keys, each.fit.step) for each in steps] == [(1, 1, step) for step in (1, 2, 3)]
    (frame, *_) = open_clip(result.path, ClipLimits()).frames()
    assert np.abs(frame.alpha.astype(int) - 128).max() <= 2


def test_a_clip_that_is_stopped_while_it_is_fitted_leaves_no_file(two_scenes, reference, tmp_path):
    with pytest.raises(ClipError, match="stopped before its first frame"):
        apply_look_to_clip(two_scenes, tmp_path / "new.mp4", reference, INSTANT, should_stop=lambda: True)
    assert list(tmp_path.iterdir()) == []
