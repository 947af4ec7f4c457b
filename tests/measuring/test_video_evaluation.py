import json

import numpy as np
import pytest
from PIL import Image

from stylecore.cli import main
from stylecore.measuring import moving_clips
from stylecore.measuring.moving_clips import moving_cutout, pan_and_zoom, read_moving_clip
from stylecore.measuring.video_evaluation import sharpness, warping_error
from tests.conftest import make_photo
from tests.video.making import panning, write_clip


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(moving_clips, "WIDTH", 160)
    monkeypatch.setattr(moving_clips, "HEIGHT", 112)


@pytest.fixture
def photo() -> Image.Image:
    return make_photo(320, 224).resize((640, 448), Image.Resampling.BICUBIC)


@pytest.mark.parametrize("make", [pan_and_zoom, lambda photo, count: moving_cutout(photo, photo, count)])
def test_exact_flow_leads_to_the_frame_before(photo, monkeypatch, make):
    monkeypatch.setattr(moving_clips, "NOISE", 0.0)
    clip = make(photo, 4)
    still = type(clip)("still", clip.frames, [np.zeros_like(flow) for flow in clip.flows], clip.visible)
    assert warping_error(clip.frames, clip) < 3
    assert warping_error(clip.frames, still) > 3 * warping_error(clip.frames, clip)


def test_estimated_flow_leads_to_the_frame_before(tmp_path):
    clip = read_moving_clip(write_clip(tmp_path / "a.mp4", panning(4, width=192, height=128)), 3)
    assert len(clip.frames) == 3
    middle = clip.flows[1][32:-32, 32:-32]
    assert np.median(middle[..., 0]) == pytest.approx(2, abs=0.3)
    assert clip.visible[1][32:-32, 32:-32].mean() > 0.8


def test_flicker_is_counted_in_levels(photo):
    clip = pan_and_zoom(photo, 5)
    flickering = [frame.clip(0, 215) + np.uint8(40 * (index % 2)) for index, frame in enumerate(clip.frames)]
    assert 35 < warping_error(flickering, clip) < 45


def test_blurring_is_less_sharp(photo):
    frame = np.asarray(photo)
    assert sharpness(np.asarray(photo.reduce(4).resize(photo.size))) < 0.8 * sharpness(frame)


def test_evaluate_video_reports_exact_and_real_clips(tmp_path, photo, capsys, monkeypatch):
    monkeypatch.setattr("stylecore.measuring.video_evaluation.MEASURED", 2)
    (tmp_path / "photos").mkdir()
    photo.save(tmp_path / "photos" / "a.png")
    clip = write_clip(tmp_path / "clip.mp4", panning(4))
    command = ["evaluate", "--content", str(tmp_path / "photos"), "--styles", "mosaic", "--frames", "4"]
    assert main([*command, "--video", str(clip), str(tmp_path / "away.mp4"), "--json"]) == 2
    report = json.loads(capsys.readouterr().out)
    assert [(record["clip"], record["is_exact"]) for record in report["clips"]] == [
        ("pan and zoom", True),
        ("cut-out", True),
        ("clip", False),
    ]
    assert all(record["steady"] < 0.7 * record["by_frame"] for record in report["clips"][:2])
    assert report["skipped"] == ["away.mp4 does not exist"]


def test_video_and_sheet_are_not_for_each_other(tmp_path, photo, capsys):
    photo.save(tmp_path / "a.png")
    command = ["evaluate", "--content", str(tmp_path), "--video", "--reference-photos", "1"]
    assert main(command) == 2
    assert "leave them out, or --video" in capsys.readouterr().err
