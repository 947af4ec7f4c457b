import errno
import io
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

import stylecore.learning.training
import stylecore.optimization.optimize
from stylecore import (
    FastStylizer,
    OptimizationConfig,
    __version__,
    cli,
    list_styles,
    load_image,
    optimize_image,
)
from stylecore.commands import optimize, stylize
from stylecore.commands.console import print_json
from stylecore.errors import DeviceError, DivergenceError
from tests.conftest import encoded, make_photo, png_header_of


@pytest.fixture
def photo_file(tmp_path):
    path = tmp_path / "holiday.jpg"
    make_photo(96, 64).save(path)
    return path


def run(capsys, *arguments: object) -> tuple[int, str, str]:
    status = cli.main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_stylize_writes_the_file(capsys, photo_file, tmp_path):
    output = tmp_path / "out.png"
    status, out, err = run(capsys, "stylize", photo_file, "--style", "starry_night", "-o", output)
    assert status == 0
    assert out == ""
    assert "96 x 64 px" in err
    assert Image.open(output).size == (96, 64)


@pytest.mark.parametrize(
    "command", [["styles", "--json"], ["stylize", "PHOTO", "--style", "pink", "-o", "-"]]
)
def test_a_reader_who_has_seen_enough_is_no_error(photo_file, command):
    command = [str(photo_file) if part == "PHOTO" else part for part in command]
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([sys.executable, "-m", "stylecore", *command], stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    assert (done.returncode, done.stderr) == (1, b"")


def test_a_full_disk_behind_standard_output_is_one_line():
    with open("/dev/full", "wb") as full:
        command = [sys.executable, "-m", "stylecore", "styles", "--json"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (1, "error: [Errno 28] No space left on device\n")


@pytest.mark.parametrize(
    ("streams", "arguments", "status", "err"),
    [
        (">&-", "PHOTO --style mosaic -o OUT", 0, "96 x 64 px"),
        ("2>&-", "PHOTO --style mosaic -o OUT", 0, ""),
        (">&-", "PHOTO --style mosaic -o -", 2, "error: standard output (-) is closed: name a file\n"),
        ("<&-", "- --style mosaic -o OUT", 2, "error: standard input (-) is closed: name a file\n"),
    ],
)
def test_closed_standard_streams_do_no_harm(photo_file, tmp_path, streams, arguments, status, err):
    words = arguments.replace("PHOTO", str(photo_file)).replace("OUT", str(tmp_path / "out.png"))
    command = f"exec {sys.executable} -m stylecore stylize {words} {streams}"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (status, "")
    assert err in done.stderr
    assert (tmp_path / "out.png").exists() == (status == 0)


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


def test_a_folder_with_one_picture_makes_a_folder(capsys, photo_file, tmp_path):
    assert run(capsys, "stylize", photo_file.parent, "--style", "mosaic", "-o", tmp_path / "out")[0] == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["holiday_mosaic.jpg"]


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


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the system has no /dev/full")
def test_a_painting_for_a_full_standard_output_is_one_line(photo_file):
    command = [sys.executable, "-m", "stylecore", "stylize", str(photo_file), "--style", "mosaic", "-o", "-"]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert done.stderr == f"error: {photo_file}: - cannot be written: No space left on device\n"


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


def test_a_training_that_diverges_is_a_failed_run(capsys, photo_file, tmp_path, monkeypatch):
    def diverge(*arguments, **settings):
        raise DivergenceError("step 7 has a loss of nan")

    monkeypatch.setattr(stylecore.learning.training, "train", diverge)
    folders = ("--content", photo_file.parent, "--style-images", photo_file, "--out", tmp_path / "out")
    status, _, err = run(capsys, "train", *folders)
    assert (status, err) == (1, "error: step 7 has a loss of nan\n")


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
def test_json_tells_of_failures_in_one_object(
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
    write_output = stylize.write_output

    def refuse_one(image, output, **settings):
        if output.name.startswith("a"):
            raise PermissionError(f"{output.name}: permission denied")
        write_output(image, output, **settings)

    monkeypatch.setattr(stylize, "write_output", refuse_one)
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


def test_a_style_without_weight_is_not_in_the_name(capsys, photo_file, tmp_path):
    arguments = ["stylize", photo_file, "--style", "mosaic:1,fire:0", "-o", f"{tmp_path}/out/"]
    assert run(capsys, *arguments)[0] == 0
    assert os.listdir(tmp_path / "out") == ["holiday_mosaic.jpg"]


def test_stylize_reads_standard_input_and_writes_standard_output():
    command = [sys.executable, "-m", "stylecore", "stylize", "-", "--style", "the_wave", "-o", "-"]
    done = subprocess.run(command, input=encoded(make_photo(64, 48)), capture_output=True, check=True)
    assert Image.open(io.BytesIO(done.stdout)).size == (64, 48)


def test_styles_lists_all(capsys):
    status, out, _ = run(capsys, "styles", "--json")
    assert status == 0
    assert [style["name"] for style in json.loads(out)["styles"]] == [style.name for style in list_styles()]
    assert "Hokusai" in run(capsys, "styles")[1]


def test_info_tells_versions_devices_and_weights(capsys):
    status, out, _ = run(capsys, "info", "--json")
    facts = json.loads(out)
    assert status == 0
    assert facts["stylecore"] == __version__
    assert facts["devices"]["cpu"] == "starts"
    assert {record["state"] for record in facts["weights"].values()} == {"intact"}


def test_info_names_damaged_and_missing_files(capsys, monkeypatch):
    for module in ("stylecore.commands.info", "stylecore.instant.stylizer"):
        monkeypatch.setattr(f"{module}.model_checksum", lambda model: "0" * 64)
    monkeypatch.setattr("stylecore.commands.info.TENSOR_FILES", ("nowhere.safetensors",))
    status, out, _ = run(capsys, "info", "--json")
    facts = json.loads(out)
    assert status == 1
    assert "damaged" in facts["weights"][list_styles()[0].model]["state"]
    assert "is missing" in facts["weights"]["nowhere.safetensors"]["state"]
    assert "does not start" in facts["devices"]["cpu"]
    status, _, err = run(capsys, "info")
    assert status == 1
    assert "nowhere.safetensors cannot be used" in err


def test_a_damaged_installation_is_a_failed_run(capsys, photo_file, monkeypatch):
    monkeypatch.setattr("stylecore.instant.stylizer.model_checksum", lambda model: "0" * 64)
    status, _, err = run(capsys, "stylize", photo_file, "--style", "mosaic")
    assert status == 1
    assert "is damaged" in err
    assert len(err.splitlines()) == 1


def test_optimize_writes_picture_and_snapshots(capsys, photo_file, tmp_path):
    make_photo(80, 80, seed=3).save(tmp_path / "style.png")
    arguments = ["optimize", photo_file, tmp_path / "style.png", "-o", tmp_path / "out.jpg"]
    arguments += ["--steps", 4, "--max-side", 64, "--snapshots", tmp_path / "steps", "--every", 2, "--json"]
    status, out, err = run(capsys, *arguments)
    report = json.loads(out)
    assert status == 0
    assert Image.open(tmp_path / "out.jpg").size == (64, 43)
    assert report["steps"] == 4
    assert report["config"]["max_side"] == 64
    assert [Image.open(path).size for path in report["snapshots"]] == [(64, 43)] * 2
    assert "step 4/4" in err


def test_optimize_names_the_painting_in_a_folder_as_stylize_does(capsys, photo_file, tmp_path):
    for name in ("dots", "lines"):
        make_photo(80, 80, seed=3).save(tmp_path / f"{name}.png")
    make_photo(64, 64).save(tmp_path / "cat.jpg")
    arguments = ["optimize", tmp_path / "cat.jpg", tmp_path / "dots.png", tmp_path / "lines.png"]
    arguments += ["--steps", 1, "--max-side", 48, "--start", "content", "-o", f"{tmp_path}/out/", "--json"]
    status, out, _ = run(capsys, *arguments)
    assert status == 0
    assert Path(json.loads(out)["output"]) == tmp_path / "out" / "cat_dots_lines.jpg"
    assert Image.open(tmp_path / "out" / "cat_dots_lines.jpg").size == (48, 48)


def test_optimize_repeats_a_recipe(capsys, photo_file, tmp_path):
    make_photo(80, 80, seed=3).save(tmp_path / "style.png")
    make_photo(80, 80, seed=4).convert("L").save(tmp_path / "grey.png")
    recipe = {
        "content": "photo",
        "styles": [{"name": "style", "weight": 0.75}, {"name": "grey", "weight": 0.25}],
        "config": {"steps": 2, "max_side": 48, "style_layers": ["relu1_1", "relu2_1"], "start": "content"},
    }
    (tmp_path / "recipe.json").write_text(json.dumps(recipe))
    pictures = ["optimize", photo_file, tmp_path / "style.png", tmp_path / "grey.png"]
    status, out, _ = run(
        capsys, *pictures, "--recipe", tmp_path / "recipe.json", "-o", tmp_path / "a.png", "--json"
    )
    report = json.loads(out)
    assert status == 0
    assert report["config"]["style_layers"] == ["relu1_1", "relu2_1"]
    arguments = ["--steps", 2, "--max-side", 48, "--start", "content", "--shares", 0.75, 0.25]
    status, out, _ = run(capsys, *pictures, *arguments, "-o", tmp_path / "b.png", "--json")
    assert json.loads(out)["style_loss"] > report["style_loss"]  # five layers in place of two


@pytest.mark.parametrize(
    "setting",
    [
        {"steps": "50"},
        {"steps": None},
        {"content_weight": "much"},
        {"content_weight": True},
        {"style_layers": [1, 2]},
        {"style_layer_weights": 3},
        {"stroke_size": [512]},
    ],
)
def test_a_recipe_with_unusable_settings_is_refused(capsys, photo_file, tmp_path, setting):
    recipe = {"styles": [{"name": "a", "weight": 1}], "config": {"max_side": 48, "style_weight": 4} | setting}
    (tmp_path / "recipe.json").write_text(json.dumps(recipe))
    status, _, err = run(capsys, "optimize", photo_file, photo_file, "--recipe", tmp_path / "recipe.json")
    assert status == 2
    assert f"unusable settings: {next(iter(setting))}" in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("field", ["weight", "stopped_at"])
def test_a_recipe_with_words_for_numbers_is_refused(capsys, photo_file, tmp_path, field):
    recipe = {"styles": [{"name": "a", "weight": 1}], "config": {"max_side": 48}}
    (recipe["styles"][0] if field == "weight" else recipe)[field] = "x"
    (tmp_path / "recipe.json").write_text(json.dumps(recipe))
    status, _, err = run(capsys, "optimize", photo_file, photo_file, "--recipe", tmp_path / "recipe.json")
    assert status == 2
    assert f"unusable settings: {field} 'x'" in err


def test_an_error_from_below_is_one_line_too(capsys, photo_file, monkeypatch):
    def break_down(*arguments, **settings):
        raise RuntimeError("CUDA out of memory")

    monkeypatch.setattr("stylecore.instant.stylizer.FastStylizer.stylize", break_down)
    status, _, err = run(capsys, "stylize", photo_file, "--style", "mosaic")
    assert (status, err) == (1, "error: RuntimeError: CUDA out of memory\n")


def test_optimize_takes_every_setting(capsys, photo_file, tmp_path):
    arguments = ["--steps", 1, "--max-side", 48, "--content-layer", "relu3_1", "--pooling", "average"]
    arguments += ["--style-layers", "relu1_1", "relu2_1", "--style-layer-weights", 1, 2, "--coarse-to-fine"]
    arguments += ["--learning-rate", 0.1, "--tv-weight", 0, "--precision", "float32", "--preserve-color"]
    status, out, _ = run(
        capsys, "optimize", photo_file, photo_file, "-o", tmp_path / "a.png", *arguments, "--json"
    )
    config = json.loads(out)["config"]
    assert status == 0
    assert (config["content_layer"], config["pooling"], config["learning_rate"]) == (
        "relu3_1",
        "average",
        0.1,
    )
    assert (config["style_layers"], config["style_layer_weights"]) == (["relu1_1", "relu2_1"], [1, 2])
    assert config["is_coarse_to_fine"]
    assert config["preserve_color"]


def test_the_classic_recipe_keeps_its_own_snapshots_and_its_row(capsys, photo_file, tmp_path):
    arguments = ["optimize", photo_file, photo_file, "-o", tmp_path / "a.png", "--classic", "--steps", 2]
    arguments += ["--max-side", 48, "--snapshots", tmp_path / "steps", "--sheet", tmp_path / "row.png"]
    status, out, _ = run(capsys, *arguments, "--json")
    assert status == 0
    assert json.loads(out)["config"]["preview_every"] == 250
    assert Image.open(tmp_path / "row.png").width > 3 * 48


def test_optimize_repeats_a_run_that_was_stopped(capsys, photo_file, tmp_path):
    config = {"steps": 6, "max_side": 48, "start": "content", "decay_share": 0.5}
    recipe = {"styles": [{"name": "a", "weight": 1}], "config": config, "stopped_at": 4}
    (tmp_path / "recipe.json").write_text(json.dumps(recipe))
    make_photo(80, 80, seed=3).save(tmp_path / "style.png")
    arguments = [photo_file, tmp_path / "style.png", "-o", tmp_path / "a.png"]
    status, out, err = run(capsys, "optimize", *arguments, "--recipe", tmp_path / "recipe.json", "--json")
    assert status == 0
    assert json.loads(out)["steps"] == 4
    step, end = err.splitlines()
    assert step.startswith("step 4/6")
    assert end.startswith(f"{photo_file} + {tmp_path / 'style.png'} -> {tmp_path / 'a.png'}: 48 x 32 px, ")
    seen = []
    whole = optimize_image(
        load_image(photo_file),
        load_image(tmp_path / "style.png"),
        OptimizationConfig(**config, preview_every=0),
        on_iterate=seen.append,
        should_stop=lambda: len(seen) == 4,
    )
    assert Image.open(tmp_path / "a.png").tobytes() == whole.image.tobytes()


def test_an_interrupted_optimization_keeps_the_best_so_far(capsys, photo_file, tmp_path, monkeypatch):
    optimize_whole = stylecore.optimization.optimize.optimize_image

    def interrupt(*arguments, on_iterate, should_stop):
        def note(iterate):
            on_iterate(iterate)
            if iterate.step == 2:
                signal.raise_signal(signal.SIGINT)

        return optimize_whole(*arguments, on_iterate=note, should_stop=should_stop)

    monkeypatch.setattr("stylecore.optimization.optimize.optimize_image", interrupt)
    arguments = ["optimize", photo_file, photo_file, "-o", tmp_path / "a.png", "--max-side", 48]
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        status, out, err = run(capsys, *arguments, "--json")
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert status == 1
    assert (json.loads(out)["steps"], json.loads(out)["interrupted"]) == (2, True)
    assert "interrupted after 2 steps" in err
    assert (tmp_path / "a.png").exists()


def test_what_runs_in_the_background_is_not_interrupted():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with optimize.interruptible() as is_interrupted:
            signal.raise_signal(signal.SIGINT)
            assert not is_interrupted()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


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


def test_optimize_takes_the_qualities_of_the_app(capsys, photo_file, tmp_path):
    arguments = ["optimize", photo_file, photo_file, "-o", tmp_path / "a.png", "--json"]
    status, out, _ = run(capsys, *arguments, "--quality", "quick", "--steps", 1, "--max-side", 48)
    assert status == 0
    assert json.loads(out)["config"]["start"] == "preview"


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


def test_a_snapshot_that_cannot_be_written_costs_no_painting(capsys, photo_file, tmp_path, monkeypatch):
    from stylecore.commands import optimize

    write = optimize.write_output

    def write_some(image, path):
        if "00001" in path.name:
            raise OSError(28, "No space left on device")
        write(image, path)

    monkeypatch.setattr(optimize, "write_output", write_some)
    arguments = ["optimize", photo_file, photo_file, "-o", tmp_path / "a.png", "--steps", 2, "--max-side", 48]
    status, out, err = run(capsys, *arguments, "--snapshots", tmp_path / "on", "--every", 1, "--json")
    assert status == 0
    assert "a_00001.png could not be written: [Errno 28] No space left" in err
    assert [Path(path).name for path in json.loads(out)["snapshots"]] == ["a_00002.png"]
    assert (tmp_path / "a.png").exists()


def test_optimize_steps_down_when_memory_is_short(capsys, photo_file, tmp_path, monkeypatch):
    from stylecore.host import devices
    from stylecore.optimization import planning
    from stylecore.optimization.optimize import OptimizationConfig

    config = OptimizationConfig(max_side=181, stroke_size=181, method="adam")
    needed = planning.peak_memory((512, 512), config)
    monkeypatch.setattr(devices, "available_memory", lambda device: needed)
    make_photo(512, 512).save(tmp_path / "large.png")
    arguments = ["optimize", tmp_path / "large.png", photo_file, "--steps", 1, "--stroke-size", 512]
    status, out, err = run(capsys, *arguments, "-o", tmp_path / "a.png", "--json")
    assert status == 0
    assert json.loads(out)["changes"] == ["Adam in place of L-BFGS", "181 px in place of 512 px"]
    assert "little memory is free" in err
    assert Image.open(tmp_path / "a.png").size == (181, 181)


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


def test_train_runs_and_resumes(capsys, tmp_path):
    (tmp_path / "content").mkdir()
    make_photo(100, 80).save(tmp_path / "content" / "a.jpg")
    make_photo(64, 64, seed=1).save(tmp_path / "style.png")
    arguments = ["train", "--style-images", tmp_path / "style.png", "--content", tmp_path / "content"]
    arguments += ["--out", tmp_path / "run"]
    tiny = ["--steps", 3, "--pixel-steps", 1, "--crop-size", 48, "--style-size", 64]
    tiny += ["--channels", 8, "--blocks", 1]
    status, out, err = run(capsys, *arguments, *tiny, "--json")
    assert status == 0
    assert json.loads(out)["checkpoint"] == str(tmp_path / "run" / "checkpoint.pt")
    assert "images/s" in err
    assert run(capsys, *arguments, "--resume")[0] == 0
    status, _, err = run(capsys, *arguments, *tiny)
    assert status == 2
    assert "is there already: resume it" in err
    status, _, err = run(capsys, *arguments, "--resume", "--steps", 5, "--trunk-frozen")
    assert status == 2
    assert "--steps, --trunk-frozen: a run that is resumed keeps" in err
    (tmp_path / "a_file").touch()
    status, _, err = run(capsys, *arguments[:-1], tmp_path / "a_file" / "run")
    assert status == 2
    assert "a_file is no folder" in err


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


def test_a_snapshot_writes_over_no_picture_that_is_read(capsys, photo_file, tmp_path):
    earlier = tmp_path / "on" / "a_00020.png"
    earlier.parent.mkdir()
    earlier.write_bytes(photo_file.read_bytes())
    arguments = ["optimize", earlier, photo_file, "--steps", 1, "-o", tmp_path / "a.png"]
    status, _, err = run(capsys, *arguments, "--snapshots", tmp_path / "on")
    assert status == 2
    assert "a_00020.png could be written over by a snapshot" in err


def test_a_snapshot_is_not_written_over_by_the_sheet(capsys, photo_file, tmp_path):
    arguments = ["optimize", photo_file, photo_file, "--steps", 1, "-o", tmp_path / "a.png"]
    arguments += ["--snapshots", tmp_path / "on", "--sheet", tmp_path / "on" / "a_00001.png"]
    status, _, err = run(capsys, *arguments)
    assert status == 2
    assert "a_00001.png could be written over by a snapshot" in err


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


def test_a_huge_picture_is_refused_within_two_seconds_and_little_memory(tmp_path):
    path = tmp_path / "huge.png"
    path.write_bytes(png_header_of(20_000, 20_000))
    # A small process in between: a child's peak memory counts from its parent's size at the fork.
    code = (
        "import resource, subprocess, sys\n"
        "done = subprocess.run(sys.argv[1:], stderr=subprocess.PIPE, text=True)\n"
        "peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss\n"
        "print(done.returncode, peak, done.stderr, end='')"
    )
    command = [sys.executable, "-m", "stylecore", "stylize", str(path), "--style", "mosaic"]
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True, check=True)
    elapsed = time.monotonic() - started
    status, peak_kilobytes, message = done.stdout.split(" ", 2)
    assert status == "2"
    assert "at most 100 megapixels" in message
    assert len(message.splitlines()) == 1
    assert int(peak_kilobytes) < 500 * 1024
    assert elapsed < 2 * load_factor()


def test_a_photo_of_1024_px_takes_less_than_five_seconds(tmp_path):
    make_photo(1024, 1024).save(tmp_path / "photo.jpg")
    command = [sys.executable, "-m", "stylecore", "stylize", str(tmp_path / "photo.jpg")]
    command += ["--style", "starry_night", "-o", str(tmp_path / "out.png")]
    started = time.monotonic()
    subprocess.run(command, check=True, capture_output=True)
    assert time.monotonic() - started < 5 * load_factor()


def load_factor() -> float:
    """How much slower the machine is for being busy with other processes."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
