import json
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import stylecore.photoreal.fitting
from stylecore import ClipLimits, PhotoLook
from stylecore.images.metadata import is_painting
from stylecore.video.reading import open_clip
from tests.commands.conftest import run
from tests.conftest import make_photo
from tests.video.making import panning, write_clip

INSTANT = ("--method", "instant")


@pytest.fixture
def evening(tmp_path):
    path = tmp_path / "evening.png"
    Image.fromarray((np.asarray(make_photo(80, 80, seed=3)) * [0.9, 0.5, 0.3]).astype(np.uint8)).save(path)
    return path


def test_look_writes_a_picture(capsys, photo_file, evening, tmp_path):
    output = tmp_path / "new" / "result.png"
    status, out, err = run(capsys, "look", photo_file, evening, "-o", output, *INSTANT, "--json")
    assert status == 0
    (record,) = json.loads(out)["pictures"]
    assert (record["output"], record["method"], record["is_fitted"]) == (str(output), "instant", True)
    red, _, blue = np.asarray(Image.open(output), np.float32).mean((0, 1))
    assert red > blue + 60
    assert is_painting(output)
    assert f"{photo_file} -> {output}: 96 x 64 px" in err


def test_a_look_file_is_used_on_its_photo_and_on_others(capsys, photo_file, evening, tmp_path):
    look, other = tmp_path / "evening.look", tmp_path / "photos" / "other.png"
    assert run(capsys, "look", photo_file, evening, "-o", look, *INSTANT, "--keep-light", 0.5)[0] == 0
    assert PhotoLook.load(look).config.keep_light == 0.5
    other.parent.mkdir()
    make_photo(64, 96).transpose(Image.Transpose.ROTATE_180).save(other)
    status, out, err = run(capsys, "look", photo_file, other.parent, look, "-o", tmp_path / "out/", "--json")
    assert status == 0
    first, second = json.loads(out)["pictures"]
    assert (first["is_fitted"], second["is_fitted"]) == (True, False)
    assert "other_evening.png: 64 x 96 px, global part of the look" in err
    again = ("look", other, look, "-o", tmp_path / "again.png", "--refit", "--json", *INSTANT)
    assert json.loads(run(capsys, *again)[1])["pictures"][0]["is_fitted"]


def test_a_color_table_is_written(capsys, photo_file, evening, tmp_path):
    output = tmp_path / "evening.cube"
    assert run(capsys, "look", photo_file, evening, "-o", output, *INSTANT)[0] == 0
    assert "LUT_3D_SIZE 33" in output.read_text()


def test_masks_join_regions(capsys, photo_file, evening, tmp_path):
    masks = []
    for name, size in (("own", (96, 64)), ("other", (80, 80))):
        mask = Image.new("L", size)
        mask.paste(255, (0, 0, size[0] // 2, size[1]))
        masks.append(tmp_path / f"{name}.png")
        mask.save(masks[-1])
    output = tmp_path / "a.png"
    arguments = ("look", photo_file, evening, "-o", output, *INSTANT)
    assert run(capsys, *arguments, "--region", *masks)[0] == 0
    status, _, err = run(capsys, *arguments, "--region", *reversed(masks))
    assert status == 2
    assert "a mask of the photo's size is needed" in err


def test_a_look_is_limited_to_a_mask(capsys, photo_file, evening, tmp_path):
    mask, output = Image.new("L", (96, 64)), tmp_path / "a.png"
    mask.paste(255, (0, 0, 48, 64))
    mask.save(tmp_path / "mask.png")
    arguments = ("look", photo_file, evening, "-o", output, *INSTANT, "--where-mask", tmp_path / "mask.png")
    assert run(capsys, *arguments)[0] == 0
    change = np.abs(np.asarray(Image.open(output), int) - np.asarray(Image.open(photo_file), int))
    assert change[:, 48:].max() == 0
    assert change[:, :48].mean() > 10
    assert "on a mask, elsewhere the photo" in Image.open(output).getexif()[270]


def test_an_interrupted_look_keeps_the_best_so_far(capsys, photo_file, evening, tmp_path, monkeypatch):
    fit_whole = stylecore.photoreal.fitting.fit_grid

    def interrupt(*arguments, on_progress, **options):
        def note(state):
            on_progress(state)
            signal.raise_signal(signal.SIGINT)

        return fit_whole(*arguments, on_progress=note, **options)

    monkeypatch.setattr(stylecore.photoreal.fitting, "fit_grid", interrupt)
    output = tmp_path / "a.look"
    settings = ("--side", 64, "--steps", 5, "--keep-skin", 0, "--precision", "float32")
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        status, _, err = run(capsys, "look", photo_file, evening, "-o", output, *settings)
    finally:
        signal.signal(signal.SIGINT, before)
    assert status == 1
    assert "interrupted; what is written is the best so far" in err
    assert PhotoLook.load(output).config.steps == 5


def test_wrong_usage_is_refused(capsys, photo_file, evening, tmp_path):
    look = tmp_path / "evening.look"
    assert run(capsys, "look", photo_file, evening, "-o", look, *INSTANT)[0] == 0
    output = tmp_path / "a.png"
    for arguments, message in (
        ((photo_file, evening, "-o", output, "--refit"), "--refit is for a .look file"),
        ((photo_file, look, "-o", output, *INSTANT), "give --refit to find it anew"),
        ((photo_file, evening, "-o", look, "--strength", 0.5), "would do nothing in a look file"),
        ((photo_file, photo_file, evening, "-o", look), "need exactly one photo"),
        ((photo_file, evening, "-o", output, "--strength", 2), "strength is 2.0: use 0 to 1"),
        ((photo_file, evening, "-o", output, "--method", "x"), "method is 'x'"),
        ((photo_file, tmp_path / "none.look", "-o", output), "none.look does not exist"),
        ((photo_file, evening, "-o", evening, *INSTANT), "is one of the pictures that are read"),
        ((tmp_path / "a.mp4", evening, "-o", output, *INSTANT), "is a clip: give a file ending in .mp4"),
        ((tmp_path / "a.mp4", evening, "-o", look, *INSTANT), "need a photo, not a clip"),
    ):
        status, _, err = run(capsys, "look", *arguments)
        assert (status, message in err) == (2, True), err
    assert not output.exists()


def test_a_folder_of_photos_and_clips_takes_a_look(capsys, photo_file, evening, tmp_path):
    folder = tmp_path / "holiday"
    folder.mkdir()
    write_clip(folder / "beach.mp4", panning(4))
    make_photo(64, 96).save(folder / "beach.png")
    arguments = ("look", folder, evening, "-o", tmp_path / "out/", *INSTANT, "--end", 0.3, "--json")
    status, out, _ = run(capsys, *arguments)
    assert status == 0
    records = json.loads(out)["pictures"]
    assert [(Path(each["output"]).name, each.get("frames")) for each in records] == [
        ("beach_evening.mp4", 3),
        ("beach_evening.png", None),
    ]
    (frame, *_) = open_clip(tmp_path / "out" / "beach_evening.mp4", ClipLimits()).frames()
    red, _, blue = frame.pixels.mean((0, 1))
    assert red > blue + 60
