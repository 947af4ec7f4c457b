"""Folders painted by several processes, and runs that go on where an earlier one ended."""

import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import psutil
import pytest

from stylecore.commands import ray_batch
from stylecore.commands.journal import FOLDER, Journal
from stylecore.errors import WeightsError
from stylecore.host.cgroups import THREADS_VARIABLE
from tests.browsing import ROOT
from tests.commands.conftest import run
from tests.conftest import encoded, make_photo


@pytest.fixture
def folder(tmp_path) -> Path:
    path = tmp_path / "photos"
    path.mkdir()
    for place in range(4):
        make_photo(64, 48, seed=place).save(path / f"{place}.png")
    return path


@pytest.fixture
def painted(monkeypatch) -> list[str]:
    """Names of the photos that are painted, in this process instead of Ray's."""
    monkeypatch.setenv(THREADS_VARIABLE, "1")  # as it was after the test
    names = []

    def outcomes(batch, tasks):
        worker = ray_batch.Worker(batch.options, batch.styles, batch.where, tasks, 1)
        for place, task in enumerate(tasks):
            names.append(Path(task.source).name)
            yield worker.paint(place)

    monkeypatch.setattr(ray_batch, "_outcomes", outcomes)
    monkeypatch.setattr(ray_batch, "import_extra", lambda module: None)
    return names


def command(folder: Path, output: Path, *more: str) -> list:
    return ["stylize", folder, "--style", "mosaic", "-o", output, "--ray", "--json", *more]


def test_a_second_run_paints_what_is_new_or_changed(capsys, folder, painted, tmp_path):
    output = tmp_path / "out"
    status, out, _ = run(capsys, *command(folder, output))
    first = json.loads(out)
    assert (status, len(first["pictures"]), painted) == (0, 4, ["0.png", "1.png", "2.png", "3.png"])
    assert first["device"] == "cpu"
    painted.clear()
    status, out, err = run(capsys, *command(folder, output))
    assert (status, painted) == (0, [])
    assert json.loads(out)["pictures"] == first["pictures"]
    assert "4 of 4 were painted by an earlier run" in err
    make_photo(64, 48, seed=9).save(folder / "1.png")
    make_photo(64, 48).save(folder / "new.png")
    (output / "2_mosaic.png").unlink()
    assert run(capsys, *command(folder, output))[0] == 0
    assert painted == ["1.png", "2.png", "new.png"]


def test_other_settings_paint_everything_again(capsys, folder, painted, tmp_path):
    run(capsys, *command(folder, tmp_path / "out"))
    for more in (["--strength", "0.5"], ["--fast"], ["--max-side", "50"]):
        painted.clear()
        run(capsys, *command(folder, tmp_path / "out", *more))
        assert len(painted) == 4, more


def test_bad_files_are_reported_and_tried_again(capsys, folder, painted, tmp_path):
    (folder / "2.png").write_text("dear diary")
    for _ in range(2):
        status, out, _ = run(capsys, *command(folder, tmp_path / "out"))
        report = json.loads(out)
        assert (status, len(report["pictures"])) == (2, 3)
        assert "2.png is not a picture" in report["errors"][0]["error"]
    assert painted == ["0.png", "1.png", "2.png", "3.png", "2.png"]


def test_a_broken_installation_ends_the_run(capsys, folder, painted, tmp_path, monkeypatch):
    def broken(self, device):
        raise WeightsError("painter.onnx is missing")

    monkeypatch.setattr("stylecore.instant.stylizer.FastStylizer.__init__", broken)
    status, out, _ = run(capsys, *command(folder, tmp_path / "out"))
    assert (status, painted) == (1, ["0.png"])
    assert json.loads(out)["errors"] == [{"photo": str(folder / "0.png"), "error": "painter.onnx is missing"}]


def test_photos_whose_process_ends_are_reported(capsys, folder, painted, tmp_path, monkeypatch):
    outcomes = ray_batch._outcomes
    monkeypatch.setattr(ray_batch, "_outcomes", lambda *given: list(outcomes(*given))[:3])
    status, out, _ = run(capsys, *command(folder, tmp_path / "out"))
    report = json.loads(out)
    assert (status, len(report["pictures"])) == (1, 3)
    assert "ended twice" in report["errors"][0]["error"]


def test_a_photo_is_not_overwritten_by_its_painting(capsys, folder, painted):
    (folder / "0_mosaic.png").write_bytes((folder / "0.png").read_bytes())
    before = (folder / "0_mosaic.png").read_bytes()
    status, out, _ = run(capsys, *command(folder, folder))
    assert status == 2
    assert "0_mosaic.png is one of the pictures that are read" in json.loads(out)["errors"][0]["error"]
    assert (folder / "0_mosaic.png").read_bytes() == before


def test_a_journal_skips_a_line_that_was_cut(tmp_path):
    (tmp_path / "a.png").touch()
    Journal(tmp_path).note("1", {"output": str(tmp_path / "a.png")})
    Journal(tmp_path).note("2", {"output": str(tmp_path / "gone.png")})
    for path in (tmp_path / FOLDER).iterdir():
        with path.open("a") as file:
            file.write('{"key": "3", "rep')
    assert Journal(tmp_path).read() == {"1": {"output": str(tmp_path / "a.png")}}


@pytest.mark.parametrize("more", [["--workers", "2"], ["--worker-gpus", "0.5"], ["--cluster", "a:1"]])
def test_options_that_do_nothing_are_refused(capsys, folder, more):
    assert run(capsys, "stylize", folder, "--style", "mosaic", *more)[0] == 2


def test_streams_are_refused(capsys, folder, painted):
    assert run(capsys, "stylize", "-", "--style", "mosaic", "--ray")[0] == 2


def start(folder: Path, output: Path, *more: object) -> subprocess.Popen:
    arguments = [
        "stylize",
        folder,
        *more,
        "--style",
        "mosaic",
        "-o",
        output,
        "--ray",
        "--workers",
        "2",
        "--json",
    ]
    return subprocess.Popen(
        [sys.executable, "-m", "stylecore", *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def painted_in(output: Path) -> list[str]:
    return sorted(path.name for path in output.glob("*.png"))


def wait_for(number: int, output: Path, process: subprocess.Popen) -> None:
    while len(painted_in(output)) < number:
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)


@pytest.mark.slow
def test_a_run_on_ray_that_is_killed_halfway_paints_each_photo_once(folder, tmp_path):
    pytest.importorskip("ray", reason="ray is not installed")
    for place in range(20):
        make_photo(500, 400, seed=place).save(folder / f"more_{place}.png")
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as file:
        file.writestr("zipped.png", encoded(make_photo(64, 48)))
    output = tmp_path / "out"
    process = start(folder, output, tmp_path / "more.zip")
    wait_for(8, output, process)
    for each in [*psutil.Process(process.pid).children(recursive=True), process]:
        os.kill(each.pid, signal.SIGKILL)
    process.wait()
    before = {path: path.stat().st_mtime_ns for path in output.glob("*.png")}
    process = start(folder, output, tmp_path / "more.zip")
    out, err = process.communicate(timeout=600)
    report = json.loads(out)
    assert process.returncode == 0, err
    assert len(report["pictures"]) == 25 == len(painted_in(output))
    assert before.items() <= {path: path.stat().st_mtime_ns for path in output.glob("*.png")}.items()
    assert f"{len(before)} of 25 were painted by an earlier run" in err


@pytest.mark.slow
def test_photos_of_a_lost_worker_are_painted_by_another(folder, tmp_path):
    pytest.importorskip("ray", reason="ray is not installed")
    for place in range(12):
        make_photo(500, 400, seed=place).save(folder / f"more_{place}.png")
    output = tmp_path / "out"
    process = start(folder, output)
    wait_for(4, output, process)
    workers = [
        each
        for each in psutil.Process(process.pid).children(recursive=True)
        if "".join(each.cmdline()).startswith("ray::MapWorker")  # Ray's own raylet has "Worker" in it, too
    ]
    workers[0].kill()
    out, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    assert out.startswith("{"), out
    assert len(json.loads(out)["pictures"]) == 16 == len(painted_in(output))
