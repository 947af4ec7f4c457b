import itertools
import json
import os
import time
from pathlib import Path

import pytest
from PIL import Image

from stylecore import FastStylizer, load_image
from stylecore.commands import batch
from stylecore.errors import DeviceError
from tests.commands.conftest import run
from tests.conftest import make_photo


def test_stylize_writes_the_file(capsys, photo_file, tmp_path):
    output = tmp_path / "out.png"
    status, out, err = run(capsys, "stylize", photo_file, "--style", "starry_night", "-o", output)
    assert status == 0
    assert out == ""
    assert "96 x 64 px" in err
    assert Image.open(output).size == (96, 64)


def test_stylize_passes_every_setting(capsys, photo_file, tmp_path):
    arguments = [
        "--strength",
        "0.7",
        "--preserve-color",
        "--stroke-size",
        "300",
        "--max-side",
        "80",
        "--fast",
    ]
    style = "starry_night:3,the_wave:1"
    output = tmp_path / "out.png"
    assert run(capsys, "stylize", photo_file, "--style", style, "-o", output, *arguments)[0] == 0
    expected = FastStylizer().stylize(
        load_image(photo_file, max_side=80),
        {"starry_night": 3, "the_wave": 1},
        strength=0.7,
        preserve_color=True,
        stroke_size=300,
        fine=False,
    )
    assert Image.open(output).tobytes() == expected.tobytes()


def test_stylize_takes_a_folder_and_reports_the_bad_files(capsys, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    make_photo(64, 64).save(folder / "a.png")
    (folder / "b.jpg").write_text("dear diary")
    make_photo(64, 48).save(folder / "c.webp")
    status, out, _ = run(capsys, "stylize", folder, "--style", "mosaic", "-o", tmp_path / "out", "--json")
    report = json.loads(out)
    assert status == 2
    assert [picture["output"] for picture in report["pictures"]] == [
        str(tmp_path / "out" / "a_mosaic.png"),
        str(tmp_path / "out" / "c_mosaic.webp"),
    ]
    assert "b.jpg is not a picture" in report["errors"][0]["error"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a_mosaic.png", "c_mosaic.webp"]


def test_on_a_gpu_photos_are_painted_ahead_and_reported_in_their_order(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(batch.Batch, "_is_on_gpu", property(lambda self: self.stylizer is not None))
    together, running, stylize = [], [], batch.Batch.stylize

    def note(self, image, source, stylizer):
        running.append(source)
        together.append(len(running))
        deadline = time.monotonic() + 5
        while len(together) == 2 and len(running) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)  # the first that is painted ahead waits for company
        try:
            return stylize(self, image, source, stylizer)
        finally:
            running.remove(source)

    monkeypatch.setattr(batch.Batch, "stylize", note)
    folder = tmp_path / "photos"
    folder.mkdir()
    for place in range(6):
        make_photo(64, 40 + place).save(folder / f"{place}.png")
    (folder / "3.png").write_text("dear diary")
    status, out, _ = run(capsys, "stylize", folder, "--style", "mosaic", "-o", tmp_path / "out", "--json")
    report = json.loads(out)
    assert status == 2
    assert [picture["height"] for picture in report["pictures"]] == [40, 41, 42, 44, 45]
    assert "3.png is not a picture" in report["errors"][0]["error"]
    assert max(together) > 1


def test_a_folder_with_one_picture_makes_a_folder(capsys, photo_file, tmp_path):
    assert run(capsys, "stylize", photo_file.parent, "--style", "mosaic", "-o", tmp_path / "out")[0] == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["holiday_mosaic.jpg"]


def test_a_folder_painted_into_itself_twice_has_no_paintings_of_paintings(capsys, photo_file):
    folder = photo_file.parent
    command = ["stylize", folder, "--style", "mosaic", "-o", folder, "--json"]
    assert run(capsys, *command)[0] == 0
    status, out, err = run(capsys, *command)
    report, painting = json.loads(out), str(folder / "holiday_mosaic.jpg")
    assert status == 0
    assert sorted(os.listdir(folder)) == ["holiday.jpg", "holiday_mosaic.jpg"]
    assert [picture["photo"] for picture in report["pictures"]] == [str(photo_file)]
    assert report["skipped"] == [{"photo": painting, "reason": "it is a painting of Impasto already"}]
    assert f"{painting} is skipped: it is a painting of Impasto already\n" in err
    status, out, _ = run(capsys, "stylize", painting, "--style", "fire", "-o", folder, "--json")
    assert len(json.loads(out)["pictures"]) == 1  # named itself, it is painted


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_named_pipe_in_a_folder_is_skipped(capsys, photo_file, tmp_path):
    os.mkfifo(photo_file.parent / "pipe.jpg")
    arguments = ["stylize", photo_file.parent, "--style", "mosaic", "-o", tmp_path / "out", "--json"]
    status, out, err = run(capsys, *arguments)
    assert status == 0
    assert len(json.loads(out)["pictures"]) == 1
    assert "pipe.jpg is skipped: it is no regular file\n" in err


def test_an_empty_folder_leaves_the_other_photos(capsys, photo_file, tmp_path):
    (tmp_path / "empty").mkdir()
    arguments = ["stylize", tmp_path / "empty", photo_file, "--style", "mosaic", "-o", f"{tmp_path}/out/"]
    status, out, err = run(capsys, *arguments, "--json")
    report = json.loads(out)
    assert status == 2
    assert len(report["pictures"]) == 1
    assert "has no pictures" in report["errors"][0]["error"]
    assert "has no pictures" in err


def test_a_photo_that_fails_leaves_the_others(capsys, tmp_path, monkeypatch):
    write_output = batch.write_output

    def refuse_one(image, output, **settings):
        if output.name.startswith("a"):
            raise PermissionError(f"{output.name}: permission denied")
        write_output(image, output, **settings)

    monkeypatch.setattr(batch, "write_output", refuse_one)
    for name in "ab":
        make_photo(64, 64).save(tmp_path / f"{name}.png")
    photos = [tmp_path / "a.png", tmp_path / "b.png"]
    status, out, _ = run(capsys, "stylize", *photos, "--style", "mosaic", "-o", f"{tmp_path}/out/", "--json")
    report = json.loads(out)
    assert status == 1
    assert [Path(picture["output"]).name for picture in report["pictures"]] == ["b_mosaic.png"]
    assert "permission denied" in report["errors"][0]["error"]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (KeyboardInterrupt(), "interrupted"),
        (DeviceError("the GPU has gone"), "the GPU has gone"),
    ],
)
def test_a_batch_that_ends_early_reports_what_was_done(capsys, tmp_path, monkeypatch, error, message):
    paint = FastStylizer.stylize
    calls = itertools.count(1)

    def break_down(self, *arguments, **settings):
        if next(calls) == 2:
            raise error
        return paint(self, *arguments, **settings)

    monkeypatch.setattr(FastStylizer, "stylize", break_down)
    photos = tmp_path / "photos"
    photos.mkdir()
    for name in "abc":
        make_photo(64, 64).save(photos / f"{name}.png")
    arguments = ["stylize", photos, "--style", "mosaic", "-o", tmp_path / "out", "--json"]
    status, out, err = run(capsys, *arguments)
    report = json.loads(out)
    assert status == 1
    assert [Path(picture["photo"]).name for picture in report["pictures"]] == ["a.png"]
    assert report["errors"] == [{"photo": str(photos / "b.png"), "error": message}]
    assert err.splitlines()[-1] == f"error: {message}"


def test_a_path_that_cannot_be_looked_at_costs_no_other(capsys, photo_file, tmp_path):
    arguments = [
        "stylize",
        "n" * 300 + ".jpg",
        photo_file,
        "--style",
        "pink",
        "-o",
        tmp_path / "out",
        "--json",
    ]
    status, out, err = run(capsys, *arguments)
    report = json.loads(out)
    assert status == 2
    assert len(report["pictures"]) == len(report["errors"]) == 1
    assert "File name too long" in err
