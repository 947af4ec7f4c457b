import json
import signal
from pathlib import Path

from PIL import Image

import stylecore.optimization.optimize
from stylecore import OptimizationConfig
from stylecore.commands import optimize
from stylecore.host import devices
from stylecore.optimization import planning
from tests.commands.conftest import run
from tests.conftest import make_photo


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


def test_optimize_takes_the_qualities_of_the_app(capsys, photo_file, tmp_path):
    arguments = ["optimize", photo_file, photo_file, "-o", tmp_path / "a.png", "--json"]
    status, out, _ = run(capsys, *arguments, "--quality", "quick", "--steps", 1, "--max-side", 48)
    assert status == 0
    assert json.loads(out)["config"]["start"] == "preview"


def test_the_classic_recipe_keeps_its_own_snapshots_and_its_row(capsys, photo_file, tmp_path):
    arguments = ["optimize", photo_file, photo_file, "-o", tmp_path / "a.png", "--classic", "--steps", 2]
    arguments += ["--max-side", 48, "--snapshots", tmp_path / "steps", "--sheet", tmp_path / "row.png"]
    status, out, _ = run(capsys, *arguments, "--json")
    assert status == 0
    assert json.loads(out)["config"]["preview_every"] == 250
    assert Image.open(tmp_path / "row.png").width > 3 * 48


def test_optimize_steps_down_when_memory_is_short(capsys, photo_file, tmp_path, monkeypatch):
    config = OptimizationConfig(max_side=181, stroke_size=181, method="adam")
    needed = planning.peak_memory((512, 512), config)
    monkeypatch.setattr(devices, "available_memory", lambda device: needed)
    make_photo(512, 512).save(tmp_path / "large.png")
    arguments = ["optimize", tmp_path / "large.png", photo_file, "--steps", 1, "--stroke-size", 512]
    status, out, err = run(capsys, *arguments, "-o", tmp_path / "a.png", "--json")
    assert status == 0
    assert json.loads(out)["changes"] == ["Adam instead of L-BFGS", "181 px instead of 512 px"]
    assert "little memory is free" in err
    assert Image.open(tmp_path / "a.png").size == (181, 181)


def test_a_snapshot_that_cannot_be_written_costs_no_painting(capsys, photo_file, tmp_path, monkeypatch):
    write = optimize.write_output

    def write_some(image, path, **options):
        if "00001" in path.name:
            raise OSError(28, "No space left on device")
        write(image, path, **options)

    monkeypatch.setattr(optimize, "write_output", write_some)
    arguments = ["optimize", photo_file, photo_file, "-o", tmp_path / "a.png", "--steps", 2, "--max-side", 48]
    status, out, err = run(capsys, *arguments, "--snapshots", tmp_path / "on", "--every", 1, "--json")
    assert status == 0
    assert "a_00001.png could not be written: [Errno 28] No space left" in err
    assert [Path(path).name for path in json.loads(out)["snapshots"]] == ["a_00002.png"]
    assert (tmp_path / "a.png").exists()


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


def test_an_interrupted_optimization_keeps_the_best_so_far(capsys, photo_file, tmp_path, monkeypatch):
    optimize_whole = stylecore.optimization.optimize.optimize_image

    def interrupt(*arguments, on_iterate, **settings):
        def note(iterate):
            on_iterate(iterate)
            if iterate.step == 2:
                signal.raise_signal(signal.SIGINT)

        return optimize_whole(*arguments, on_iterate=note, **settings)

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
