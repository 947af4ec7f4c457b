import numpy as np
import pytest
from PIL import Image

from stylecore import ClipError, ClipLimits, ClipProgress, FastStylizer, MissingExtraError, stylize_clip
from stylecore.video.painting import painting_size
from stylecore.video.reading import open_clip
from tests.video.making import panning, write_animation, write_clip


@pytest.fixture(scope="module")
def stylizer():
    return FastStylizer("cpu")


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    return write_clip(path, panning(10, speed=1), sound="aac")


def frames_of(path):
    return [frame.pixels for frame in open_clip(path, ClipLimits()).frames()]


def test_a_clip_is_painted_with_its_sound(tmp_path, clip, stylizer):
    reports: list[ClipProgress] = []
    result = stylize_clip(
        clip, tmp_path / "painted.mp4", "mosaic", fine=False, stylizer=stylizer, on_progress=reports.append
    )
    assert (result.width, result.height, result.frames, result.is_complete) == (96, 64, 10, True)
    assert result.has_sound
    assert result.duration_s == pytest.approx(1.0)
    assert open_clip(result.path, ClipLimits()).info.has_sound
    assert [report.frames for report in reports] == [*range(1, 11)]
    assert reports[4].total_frames == 10
    assert reports[-1].remaining_s == pytest.approx(0, abs=0.01)
    assert reports[0].image.size == reports[0].content_image.size == (96, 64)
    shown = np.asarray(reports[5].image, int)
    assert np.abs(frames_of(result.path)[5] - shown).mean() < 12
    assert np.abs(frames_of(clip)[5] - shown).mean() > 25
    assert [path.name for path in tmp_path.iterdir()] == ["painted.mp4"]


def test_a_frame_for_itself_is_painted_as_a_photo_at_its_own_size(tmp_path, clip, stylizer):
    shown = []
    stylize_clip(
        clip,
        tmp_path / "painted.webm",
        {"mosaic": 0.5, "fire": 0.5},
        steadiness=0,
        strength=0.7,
        preserve_color=True,
        stylizer=stylizer,
        end_s=0.2,
        on_progress=lambda progress: shown.append((progress.content_image, progress.image)),
    )
    content, image = shown[1]
    photo = stylizer.stylize(
        content, {"mosaic": 0.5, "fire": 0.5}, strength=0.7, preserve_color=True, stroke_size=512
    )
    assert np.abs(np.asarray(image, int) - np.asarray(photo)).max() <= 2


def test_a_stopped_clip_is_a_playable_file(tmp_path, clip, stylizer):
    count = 0

    def should_stop():
        nonlocal count
        count += 1
        return count == 4

    result = stylize_clip(
        clip, tmp_path / "painted.mp4", "mosaic", fine=False, stylizer=stylizer, should_stop=should_stop
    )
    assert (result.frames, result.is_complete) == (4, False)
    assert len(frames_of(result.path)) == 4
    assert open_clip(result.path, ClipLimits()).info.duration_s == pytest.approx(0.4, abs=0.01)


def test_a_failed_clip_leaves_no_file(tmp_path, clip, stylizer):
    def fail(progress):
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        stylize_clip(clip, tmp_path / "a.mp4", "mosaic", fine=False, stylizer=stylizer, on_progress=fail)
    assert not [*tmp_path.iterdir()]


def test_a_part_is_scaled_and_painted(tmp_path, clip, stylizer):
    result = stylize_clip(
        clip,
        tmp_path / "painted.webp",
        "fire",
        start_s=0.3,
        end_s=0.5,
        max_side=48,
        fine=False,
        stylizer=stylizer,
    )
    assert (result.width, result.height, result.frames) == (48, 32, 2)
    assert result.duration_s == pytest.approx(0.2)
    assert not result.has_sound


def test_transparent_animations_stay_transparent(tmp_path, stylizer):
    frames = [np.dstack((frame, np.full(frame.shape[:2], 255, np.uint8))) for frame in panning(3)]
    for frame in frames:
        frame[20:40, 20:60] = 0
    animation = write_animation(tmp_path / "clip.webp", frames, [80, 80, 80])
    result = stylize_clip(animation, tmp_path / "new.webp", "fire", fine=False, stylizer=stylizer)
    with Image.open(result.path) as image:
        assert image.n_frames == 3
        assert image.convert("RGBA").getchannel("A").crop((25, 25, 55, 35)).getextrema() == (0, 0)


def test_large_frames_are_painted_at_1024_px():
    assert painting_size((640, 360), 1.0) == (640, 360)
    assert painting_size((1024, 1024), 1.0) == (1024, 1024)
    assert painting_size((1920, 1080), 1.0) == (1024, 576)
    assert painting_size((1280, 720), 1.0) == (1024, 576)
    assert painting_size((640, 360), 2.0) == (320, 180)
    assert painting_size((640, 360), 0.5) == (1280, 720)
    assert painting_size((96, 64), 10.0) == (48, 32)  # no side below 32 px
    assert painting_size((24, 60), 1.0) == (32, 80)


@pytest.mark.parametrize("stroke_scale", [0.5, 2.25])
def test_strokes_of_any_size_fill_the_frame(tmp_path, clip, stylizer, stroke_scale):
    result = stylize_clip(
        clip,
        tmp_path / "painted.mp4",
        "mosaic",
        fine=False,
        stylizer=stylizer,
        stroke_scale=stroke_scale,
        end_s=0.3,
    )
    assert frames_of(result.path)[0].shape == (64, 96, 3)


def test_bad_input_is_refused_before_painting(tmp_path, clip):
    with pytest.raises(ClipError, match="clips are written as"):
        stylize_clip(clip, tmp_path / "a.avi", "mosaic")
    with pytest.raises(ClipError, match="is the clip that is read"):
        stylize_clip(clip, clip, "mosaic")
    with pytest.raises(ClipError, match=r"at most 0\.2 s are accepted \(IMPASTO_CLIP_SECONDS\)"):
        stylize_clip(clip, tmp_path / "a.mp4", "mosaic", limits=ClipLimits(seconds=0.2))
    with pytest.raises(ValueError, match="steadiness is 2"):
        stylize_clip(clip, tmp_path / "a.mp4", "mosaic", steadiness=2)


def test_a_missing_package_is_named(monkeypatch):
    def fail(name):
        raise ModuleNotFoundError("No module named 'av'", name="av")

    monkeypatch.setattr("stylecore.import_module", fail)
    with pytest.raises(MissingExtraError, match=r"pip install 'impasto\[video\]'"):
        from stylecore import stylize_clip  # noqa: F401
