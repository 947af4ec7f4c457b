import json
from pathlib import Path

import pytest
from PIL import Image

from stylecore.commands import stylize
from stylecore.commands.console import print_json
from tests.commands.conftest import run
from tests.conftest import encoded, make_photo, png_header_of


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["stylize", "no.jpg", "--json"], 2, "the following arguments are required: --style"),
        (["stylize", "no.jpg", "--style", "nonsense", "--json"], 2, "nonsense"),
        (["optimize", "no.jpg", "no.jpg", "--json"], 2, "no.jpg does not exist"),
        (["train", "--json"], 2, "the following arguments are required"),
        (["evaluate", "--content", "nowhere", "--json"], 2, "nowhere is no folder"),
        (["bench", "--rounds", "0", "--json"], 2, "a whole number of at least 1 is needed"),
        (["nonsense", "--json"], 2, "invalid choice: 'nonsense'"),
        (["stylize", "PHOTO", "--style", "mosaic", "--json"], 1, "RuntimeError: no memory"),
    ],
)
def test_json_reports_failures_in_one_object(
    capsys, photo_file, tmp_path, monkeypatch, arguments, status, message
):
    def break_down(options):
        raise RuntimeError("no memory")

    monkeypatch.chdir(tmp_path)
    if status == 1:
        monkeypatch.setattr(stylize, "run_stylize", break_down)
    found, out, err = run(capsys, *[photo_file if word == "PHOTO" else word for word in arguments])
    report = json.loads(out)
    assert found == status
    assert report == {"error": err.removeprefix("error: ").strip(), "status": status}
    assert message in report["error"]


def test_json_holds_any_file_name(capsys):
    print_json({"photo": "caf\udce9.jpg"})  # Latin-1 on a disk that is UTF-8 otherwise
    assert json.loads(capsys.readouterr().out.encode())["photo"] == "caf\udce9.jpg"


def test_a_damaged_installation_is_a_failed_run(capsys, photo_file, monkeypatch):
    monkeypatch.setattr("stylecore.instant.networks.model_checksum", lambda model: "0" * 64)
    status, _, err = run(capsys, "stylize", photo_file, "--style", "mosaic")
    assert status == 1
    assert "is damaged" in err
    assert len(err.splitlines()) == 1


def test_an_unexpected_error_is_one_line_too(capsys, photo_file, monkeypatch):
    def break_down(*arguments, **settings):
        raise RuntimeError("CUDA out of memory")

    monkeypatch.setattr("stylecore.instant.stylizer.FastStylizer.stylize", break_down)
    status, _, err = run(capsys, "stylize", photo_file, "--style", "mosaic")
    assert (status, err) == (1, "error: RuntimeError: CUDA out of memory\n")


@pytest.mark.filterwarnings("ignore:Image size")  # pytest resets the filters
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["PHOTO", "PHOTO", "--shares", "1", "2"], "2 shares for 1 style pictures"),
        (["PHOTO", "PHOTO", "--recipe", "nowhere.json"], "nowhere.json is not a recipe"),
        (["PHOTO", "PHOTO", "--quality", "quick", "--classic"], "not allowed with"),
        (["nowhere.jpg", "PHOTO"], "nowhere.jpg does not exist"),
        (["PHOTO", "other.png", "new.png"], "new.png does not exist; to write to it: -o new.png"),
        (["PHOTO", "red.png"], "single color"),
        (["PHOTO", "huge.png"], "at most 100 megapixels"),
        (["PHOTO", "PHOTO", "--steps", "0"], "steps is 0"),
        (["PHOTO", "PHOTO", "-o", "out.xyz"], "use one of .png"),
        (["PHOTO", "PHOTO", "--every", "5"], "--every would do nothing without --snapshots"),
        (["PHOTO", "PHOTO", "--every", "0"], "0 given, a whole number of at least 1"),
        (["PHOTO", "other.png", "-o", "PHOTO"], "choose another output"),
        (["PHOTO", "other.png", "-o", "other.png"], "choose another output"),
        (["PHOTO", "other.png", "red.png"], "red.png has a single color"),
        (["PHOTO", "other.png", "--style-loss", "nonsense"], "style_loss is 'nonsense'"),
        (["PHOTO", "other.png", "--max-side", "0"], "max_side is 0"),
        (["PHOTO", "other.png", "--device", "gpu"], "invalid choice: 'gpu' (choose from "),
        (["PHOTO", "other.png", "-o", "other.png/out.png"], "other.png is no folder"),
        (["PHOTO", "other.png", "--sheet", "folder.png"], "folder.png is a folder"),
        (["PHOTO", "other.png", "-o", "-"], "the painting goes to a file"),
        (["PHOTO", "other.png", "-o", "a.png", "--sheet", "./a.png"], "both the painting and the sheet"),
        (["PHOTO", "other.png", "--snapshots", "other.png"], "other.png is no folder"),
    ],
)
def test_optimize_reports_bad_input_in_one_line(capsys, photo_file, monkeypatch, arguments, message):
    monkeypatch.chdir(photo_file.parent)
    Image.new("RGB", (64, 64), "red").save("red.png")
    Path("huge.png").write_bytes(png_header_of(12_000, 10_000))
    make_photo(64, 64).save("other.png")
    Path("folder.png").mkdir()
    arguments = [photo_file if argument == "PHOTO" else argument for argument in arguments]
    status, _, err = run(capsys, "optimize", *arguments)
    assert status == 2
    assert len(err.splitlines()) == 1
    assert message in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "--style-images", "PHOTO", "--content", ".", "--out", "run", "--init", "no.pt"], "no.pt"),
        (
            ["train", "--style-images", "PHOTO", "--content", ".", "--out", "run", "--style-turns", "a:x"],
            "'x'",
        ),
        (
            ["train", "--style-images", "PHOTO", "--content", ".", "--out", "run", "--batch-size", "0"],
            "batch_size is 0: at least 1",
        ),
        (["evaluate", "--content", ".", "--photos", "0"], "0 given, a whole number of at least 1"),
        (["evaluate", "--content", "no_folder"], "no_folder is no folder"),
        (["evaluate", "--content", ".", "--sheet", "sheet.xyz"], "use one of .png"),
        (["bench", "--rounds", "0"], "0 given, a whole number of at least 1"),
        (["bench", "--sizes", "64", "4"], "--sizes 4: at least 32 px"),
        (["bench", "--parts", "steps"], "--parts would do nothing without --optimizer"),
        (
            ["bench", "--optimizer", "PHOTO", "PHOTO", "--device", "cpu", "--rounds", "2"],
            "--rounds, --device would do nothing with --optimizer",
        ),
    ],
)
def test_the_other_commands_refuse_bad_input_before_the_work(
    capsys, photo_file, monkeypatch, arguments, message
):
    monkeypatch.chdir(photo_file.parent)
    status, out, err = run(capsys, *[photo_file if word == "PHOTO" else word for word in arguments])
    assert (status, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert message in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["PHOTO", "--style", "stary_night"], "did you mean 'starry_night'"),
        (["nowhere.jpg", "--style", "mosaic"], "nowhere.jpg does not exist"),
        (["diary.jpg", "--style", "mosaic"], "diary.jpg is not a picture"),
        (["empty.jpg", "--style", "mosaic"], "empty.jpg is empty"),
        (["cut.png", "--style", "mosaic"], "cut.png is damaged"),
        (["huge.png", "--style", "mosaic"], "at most 100 megapixels"),
        (["PHOTO", "--style", "mosaic:x"], "'x' is not a number"),
        (["PHOTO", "--style", "mosaic:-1"], "weights of at least 0"),
        (["PHOTO", "--style", "mosaic", "--strength", "9"], "strength is 9.0"),
        (["PHOTO", "--style", "mosaic", "--strength", "much"], "invalid float value"),
        (["PHOTO", "--style", "mosaic", "--max-side", "3"], "at least 32 px"),
        (["PHOTO", "--style", "mosaic", "-o", "out.xyz"], "use one of .png"),
        (["PHOTO", "PHOTO", "--style", "mosaic", "-o", "out.png"], "give a folder"),
        (["PHOTO"], "--style"),
        (["PHOTO", "--style", "mosaic", "-o", "PHOTO"], "is one of the pictures that are read"),
        (["PHOTO", "--style", "mosaic", "--stroke-size", "3"], "stroke_size is 3"),
        (["PHOTO", "--style", "mosaic", "--stroke-scale", "nan"], "stroke_scale is nan: use 0.1 to 10"),
        (["PHOTO", "--style", "mosaic", "--stroke-scale", "2", "--stroke-size", "512"], "not allowed with"),
        (["PHOTO", "--style", "mosaic", "-o", "-", "--json"], "both want standard output"),
    ],
)
def test_bad_input_gives_one_line_and_status_2(capsys, photo_file, monkeypatch, arguments, message):
    monkeypatch.chdir(photo_file.parent)
    (photo_file.parent / "diary.jpg").write_text("dear diary, " * 50)
    (photo_file.parent / "empty.jpg").write_bytes(b"")
    (photo_file.parent / "cut.png").write_bytes(encoded(make_photo(96, 64))[:900])
    (photo_file.parent / "huge.png").write_bytes(png_header_of(20_000, 20_000))
    arguments = [photo_file if argument == "PHOTO" else argument for argument in arguments]
    status, out, err = run(capsys, "stylize", *arguments)
    assert status == 2
    if "--json" in arguments:
        assert json.loads(out) == {"error": err.removeprefix("error: ").strip(), "status": 2}
    else:
        assert out == ""
    assert len(err.splitlines()) == 1
    assert message in err
