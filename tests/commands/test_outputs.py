import errno
import itertools
import json
import os
from pathlib import Path

import pytest

from stylecore import load_image
from tests.commands.conftest import run
from tests.conftest import make_photo


def test_a_write_that_fails_leaves_the_old_file(capsys, photo_file, tmp_path, monkeypatch):
    output = tmp_path / "painting.png"
    output.write_bytes(b"the painting before")

    def run_full(path, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", run_full)
    status, _, err = run(capsys, "stylize", photo_file, "--style", "mosaic", "-o", output)
    assert status == 1
    assert "No space left" in err
    assert output.read_bytes() == b"the painting before"
    assert [path.name for path in tmp_path.iterdir() if "partial" in path.name] == []


def test_an_output_that_may_not_be_changed_is_refused_before_the_work(
    capsys, photo_file, tmp_path, monkeypatch
):
    output = tmp_path / "painting.png"
    output.write_bytes(b"the painting before")
    is_allowed = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: path != output and is_allowed(path, mode))
    status, _, err = run(capsys, "stylize", photo_file, "--style", "mosaic", "-o", output)
    assert (status, err) == (2, f"error: {output} cannot be written to: choose another output\n")
    assert output.read_bytes() == b"the painting before"


def test_an_output_in_a_folder_that_may_not_be_looked_into_is_bad_input(
    capsys, photo_file, tmp_path, monkeypatch
):
    locked = tmp_path / "locked"
    locked.mkdir()
    stat = os.stat

    def look(path, **settings):
        if str(path).startswith(f"{locked}/"):
            raise PermissionError(13, "Permission denied", str(path))
        return stat(path, **settings)

    monkeypatch.setattr(os, "stat", look)
    is_allowed = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: path != locked and is_allowed(path, mode))
    output = locked / "sub" / "painting.png"
    status, _, err = run(capsys, "stylize", photo_file, "--style", "mosaic", "-o", output)
    assert (status, err) == (2, f"error: {locked} cannot be written to: choose another output\n")


def test_another_photo_of_the_batch_is_not_written_over(capsys, photo_file):
    command = ["stylize", photo_file.parent, "--style", "mosaic", "-o", photo_file.parent]
    make_photo(96, 64).save(photo_file.parent / "holiday_mosaic.jpg")
    before = (photo_file.parent / "holiday_mosaic.jpg").read_bytes()
    status, _, err = run(capsys, *command)
    assert status == 2
    assert "holiday_mosaic.jpg is one of the pictures that are read: choose another output" in err
    assert (photo_file.parent / "holiday_mosaic.jpg").read_bytes() == before


@pytest.mark.parametrize("painted_before", [0, 1])
def test_a_full_disk_ends_the_batch_and_names_the_photo(capsys, tmp_path, monkeypatch, painted_before):
    replace, calls = Path.replace, itertools.count()

    def run_full(path, target):
        if next(calls) >= painted_before:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", run_full)
    photos = tmp_path / "photos"
    photos.mkdir()
    for name in "abc":
        make_photo(64, 64).save(photos / f"{name}.png")
    status, _, err = run(capsys, "stylize", photos, "--style", "mosaic", "-o", tmp_path / "out")
    failed = photos / f"{'ab'[painted_before]}.png"
    output = tmp_path / "out" / f"{failed.stem}_mosaic.png"
    assert status == 1
    assert len(err.splitlines()) == painted_before + 1
    last = err.splitlines()[-1]
    assert last == f"error: {failed}: {output} cannot be written: No space left on device"
    assert next(calls) == painted_before + 1  # the third photo is not tried


@pytest.mark.parametrize("letter", ["a", "ä", "画"])
def test_long_names_are_shortened_and_stay_different(capsys, tmp_path, letter):
    folder, ending = tmp_path / "photos", ".jpg"
    folder.mkdir()
    length = (255 - len(ending) - 1) // len(letter.encode())
    for last in "12":
        make_photo(64, 48).save(folder / f"{letter * length}{last}{ending}")
    status, out, _ = run(capsys, "stylize", folder, "--style", "the_wave", "-o", tmp_path / "out", "--json")
    assert status == 0
    first, second = (Path(picture["output"]).name for picture in json.loads(out)["pictures"])
    kept = (240 - len("_the_wave.jpg")) // len(letter.encode())
    assert (first, second) == (f"{letter * kept}_the_wave.jpg", f"{letter * kept}_the_wave_2.jpg")
    assert sorted(os.listdir(tmp_path / "out")) == sorted([first, second])


def test_an_output_with_too_long_a_name_is_refused_before_the_work(capsys, photo_file, tmp_path):
    output = tmp_path / f"{'a' * 252}.png"
    status, _, err = run(capsys, "stylize", photo_file, "--style", "mosaic", "-o", output)
    assert (status, err.endswith("is too long a file name: at most 255 bytes are needed\n")) == (2, True)


def test_an_output_that_is_a_link_stays_one(capsys, photo_file, tmp_path):
    link, board = tmp_path / "link.png", tmp_path / "board.png"
    link.symlink_to(board)
    assert run(capsys, "stylize", photo_file, "--style", "mosaic", "-o", link)[0] == 0
    assert link.is_symlink()
    assert load_image(board).size == (96, 64)


def test_a_style_without_weight_is_not_in_the_name(capsys, photo_file, tmp_path):
    arguments = ["stylize", photo_file, "--style", "mosaic:1,fire:0", "-o", f"{tmp_path}/out/"]
    assert run(capsys, *arguments)[0] == 0
    assert os.listdir(tmp_path / "out") == ["holiday_mosaic.jpg"]


def test_pictures_of_one_name_do_not_overwrite_each_other(capsys, photo_file, tmp_path):
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.png").write_bytes(photo_file.read_bytes())
    photos = [tmp_path / "first", tmp_path / "second"]
    status, out, _ = run(capsys, "stylize", *photos, "--style", "mosaic", "-o", f"{tmp_path}/out/", "--json")
    assert status == 0
    outputs = [picture["output"] for picture in json.loads(out)["pictures"]]
    assert [Path(output).name for output in outputs] == ["x_mosaic.png", "x_mosaic_2.png"]
    assert all(Path(output).exists() for output in outputs)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["PHOTO", "new.png"], "new.png does not exist; to write to it: -o new.png\n"),
        (["PHOTO", "new.png", "-o", "folder/"], "new.png does not exist\n"),
        (["PHOTO", "new.xyz"], "new.xyz does not exist\n"),
        (["new.png"], "new.png does not exist\n"),
    ],
)
def test_stylize_says_how_to_name_an_output(capsys, photo_file, monkeypatch, arguments, message):
    monkeypatch.chdir(photo_file.parent)
    arguments = [photo_file.name if argument == "PHOTO" else argument for argument in arguments]
    status, _, err = run(capsys, "stylize", *arguments, "--style", "mosaic")
    assert (status, err.splitlines(keepends=True)[-1]) == (2, f"error: {message}")


def test_an_output_without_an_ending_is_a_new_folder(capsys, photo_file, tmp_path):
    assert run(capsys, "stylize", photo_file, "--style", "mosaic", "-o", tmp_path / "painted")[0] == 0
    assert [path.name for path in (tmp_path / "painted").iterdir()] == ["holiday_mosaic.jpg"]


def test_a_write_that_fails_names_the_output(capsys, photo_file, tmp_path, monkeypatch):
    def refuse(path, target):
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", str(path))

    monkeypatch.setattr(Path, "replace", refuse)
    output = tmp_path / "painting.png"
    status, _, err = run(capsys, "stylize", photo_file, "--style", "mosaic", "-o", output)
    message = f"error: {photo_file}: {output} cannot be written: No such file or directory\n"
    assert (status, err) == (1, message)
