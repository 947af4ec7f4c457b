import json
import signal

import numpy as np
import pytest
from PIL import Image

from stylecore import ClipLimits
from stylecore.cli import main
from stylecore.commands import clips
from stylecore.video import recognizing
from stylecore.video.reading import open_clip
from stylecore.video.writing import CLIP_FORMATS
from tests.video.making import panning, write_animation, write_clip


@pytest.fixture
def folder(tmp_path, photo, monkeypatch):
    folder = tmp_path / "holiday"
    folder.mkdir()
    write_clip(folder / "beach.mp4", panning(3))
    photo.save(folder / "beach.png")
    Image.new("L", (32, 32), 255).save(tmp_path / "small.png")
    write_animation(folder / "cat.gif", panning(3), [100] * 3)
    monkeypatch.chdir(tmp_path)
    return folder


def stylize(*arguments):
    return main(["stylize", *map(str, arguments), "--style", "mosaic", "--fast", "--device", "cpu"])


def test_a_folder_of_photos_and_clips_is_painted(folder, tmp_path, capsys):
    assert stylize(folder, "-o", tmp_path / "out", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert [picture.get("frames") for picture in report["pictures"]] == [3, None, 3]
    names = ["beach_mosaic.mp4", "beach_mosaic.png", "cat_mosaic.gif"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names


def test_a_part_of_a_clip_is_painted_into_another_format(folder, tmp_path, capsys):
    assert (
        stylize(folder / "beach.mp4", "-o", tmp_path / "a.webm", "--start", "0.1", "--steadiness", "0") == 0
    )
    assert len([*open_clip(tmp_path / "a.webm", ClipLimits()).frames()]) == 2
    assert "96 x 64 px, 2 frames" in capsys.readouterr().err


def test_an_animation_painted_as_a_photo_is_its_first_frame(folder, tmp_path):
    assert stylize(folder / "cat.gif", "-o", tmp_path / "a.jpg") == 0
    assert (tmp_path / "a.jpg").stat().st_size > 1000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "a.jpg"], "is a clip: give a file ending in .mp4"),
        (["-o", "-"], "is a clip: give a file ending in .mp4"),
        (["--stroke-size", "256"], "--stroke-size is for photos"),
        (["--steadiness", "2"], "--steadiness is 2: use 0 to 1"),
        (["--start", "2", "--end", "1"], "a later end"),
        (["--start", "5"], "ends at 0.3 s"),
        (["--where-mask", "small.png"], "the mask small.png has 32 x 32 px, but the clip 96 x 64"),
        (
            ["--where", "subject", "--elsewhere", "transparent", "-o", "a.mp4"],
            "a.mp4 would have no transparency: give a file ending in .webm, .gif, .webp",
        ),
    ],
)
def test_wrong_usage_is_refused(folder, capsys, arguments, message):
    assert stylize(folder / "beach.mp4", *arguments) == 2
    assert message in capsys.readouterr().err


def test_a_part_of_the_frames_is_painted_and_a_missing_face_is_said(folder, tmp_path, capsys):
    command = [folder / "beach.mp4", "-o", tmp_path / "a.mp4", "--where", "faces", "--elsewhere", "ink"]
    assert stylize(*command) == 0
    assert "beach.mp4: no face was found, so all of it is as elsewhere" in capsys.readouterr().err


def test_what_a_mask_file_leaves_is_transparent(folder, tmp_path):
    left = Image.new("L", (96, 64))
    left.paste(255, (0, 0, 48, 64))
    left.save(tmp_path / "left.png")
    command = [folder / "beach.mp4", "-o", tmp_path / "out/", "--where-mask", tmp_path / "left.png"]
    assert stylize(*command, "--elsewhere", "transparent") == 0
    assert (tmp_path / "out" / "beach_mosaic.webm").exists()
    assert stylize(*command[:1], "-o", tmp_path / "a.webp", *command[3:], "--elsewhere", "transparent") == 0
    (frame, *_) = open_clip(tmp_path / "a.webp", ClipLimits()).frames()
    assert (frame.alpha[:, :40] > 250).all()
    assert (frame.alpha[:, 56:] == 0).all()


def test_a_clip_of_masks_is_read_along(folder, tmp_path, capsys):
    masks = [np.full((64, 96, 3), value, np.uint8) for value in (0, 0, 255)]
    write_clip(tmp_path / "masks.mp4", masks)
    command = [folder / "beach.mp4", "-o", tmp_path / "a.mp4", "--where-mask", tmp_path / "masks.mp4"]
    assert stylize(*command) == 0
    before, after = (
        [frame.pixels.astype(int) for frame in open_clip(path, ClipLimits()).frames()]
        for path in (folder / "beach.mp4", tmp_path / "a.mp4")
    )
    changes = [np.abs(new - old).mean() for old, new in zip(before, after, strict=True)]
    assert max(changes[:2]) < 8 < 16 < changes[2]
    write_clip(tmp_path / "masks.mp4", masks[:2])
    assert stylize(*command) == 0
    assert "no white in masks.mp4 was found, so all of it is as it was" in capsys.readouterr().err


def test_a_damaged_clip_does_not_stop_the_others(folder, tmp_path, capsys):
    (folder / "broken.mp4").write_bytes(b"none")
    assert stylize(folder, "-o", tmp_path / "out", "--json") == 2
    report = json.loads(capsys.readouterr().out)
    assert (len(report["pictures"]), len(report["errors"])) == (3, 1)
    assert "not a clip that can be read" in report["errors"][0]["error"]


def test_a_folder_painted_into_itself_twice_does_not_paint_the_paintings(folder, capsys):
    write_animation(folder / "dog.webp", panning(3), [100] * 3)
    assert stylize(folder, "-o", folder) == 0
    assert stylize(folder, "-o", folder, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert len(report["pictures"]) == len(report["skipped"]) == 4


def test_ctrl_c_keeps_what_is_done(folder, tmp_path, capsys, monkeypatch):
    write_clip(folder / "long.mp4", panning(30))
    monkeypatch.setattr(clips, "progress", lambda line: signal.raise_signal(signal.SIGINT))
    monkeypatch.setattr(clips, "REPORT_S", 0)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background
    try:
        assert stylize(folder / "long.mp4", "-o", tmp_path / "a.mp4", "--json") == 1
    finally:
        signal.signal(signal.SIGINT, before)
    printed = capsys.readouterr()
    report = json.loads(printed.out)
    assert (
        report["pictures"][0]["frames"] == len([*open_clip(tmp_path / "a.mp4", ClipLimits()).frames()]) == 1
    )
    assert f"interrupted after 1 frames; {tmp_path / 'a.mp4'} has the clip so far" in printed.err


def test_the_formats_that_are_written_are_known_without_their_packages():
    assert tuple(CLIP_FORMATS) == recognizing.WRITTEN_EXTENSIONS
