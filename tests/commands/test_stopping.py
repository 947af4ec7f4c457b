"""SIGTERM and SIGKILL in the middle of the work."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stylecore import load_style_file
from tests.browsing import ROOT
from tests.conftest import make_photo

# Many short steps.
SMALL = ("--steps", 5000, "--photo-side", 64, "--photo-count", 8)


def start(*arguments: object, folder: Path) -> subprocess.Popen:
    command = [sys.executable, "-m", "stylecore", *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)


def wait_for_line(process: subprocess.Popen, text: str) -> None:
    for line in process.stderr:
        if text in line:
            return
    raise AssertionError(f"the process ended without a line with {text!r}")


def stop(process: subprocess.Popen) -> tuple[int, str, float]:
    """Exit status, what was printed, and the seconds that it took after SIGTERM."""
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    printed = process.communicate(timeout=30)[1]
    return process.returncode, printed, time.monotonic() - began


# Minutes outside of Python, in which its handlers of signals wait.
LONG_CALL = """
import hashlib, signal, sys
from stylecore.commands import console
signal.signal(signal.SIGINT, signal.default_int_handler)  # shells ignore it in the background
console.STOP_S = 0.3
with console.stopping_in_time():
    print("at work", file=sys.stderr, flush=True)
    hashlib.pbkdf2_hmac("sha256", b"a", b"b", 10**9)
"""


def test_a_call_that_does_not_return_to_python_is_ended_in_time():
    process = subprocess.Popen([sys.executable, "-c", LONG_CALL], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    wait_for_line(process, "at work")
    time.sleep(0.2)
    status, printed, seconds = stop(process)
    assert status == 128 + signal.SIGTERM
    assert "given up" in printed
    assert seconds < 10


@pytest.mark.slow
def test_a_batch_that_is_terminated_says_so_and_leaves_whole_files(tmp_path):
    for number in range(12):
        make_photo(700, 500, seed=number).save(tmp_path / f"photo_{number:02}.png")
    process = start("stylize", tmp_path, "--style", "mosaic", "-o", tmp_path / "out", folder=tmp_path)
    wait_for_line(process, "photo_00.png ->")
    status, printed, seconds = stop(process)
    assert status == 1
    assert "interrupted" in printed
    assert "Traceback" not in printed
    assert seconds < 10
    left = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert 1 <= len(left) < 12
    assert all(name.endswith(".png") or name.endswith(".jpg") for name in left)


@pytest.mark.slow
def test_a_learning_that_is_terminated_keeps_the_best_so_far(tmp_path):
    make_photo(300, 200).save(tmp_path / "wave.png")
    process = start("learn", "wave.png", "-o", "wave.impasto", *SMALL, folder=tmp_path)
    wait_for_line(process, "step ")
    status, printed, seconds = stop(process)
    assert status == 1
    assert "has the best style so far" in printed
    assert seconds < 10
    assert load_style_file(tmp_path / "wave.impasto").rows


@pytest.mark.slow
def test_a_learning_that_is_killed_leaves_no_half_file(tmp_path):
    make_photo(300, 200).save(tmp_path / "wave.png")
    process = start("learn", "wave.png", "-o", "wave.impasto", *SMALL, folder=tmp_path)
    wait_for_line(process, "step ")
    process.kill()
    process.communicate()
    assert [path.name for path in tmp_path.iterdir()] == ["wave.png"]


@pytest.mark.slow
def test_a_training_that_is_killed_goes_on_from_its_checkpoint(tmp_path):
    (tmp_path / "photos").mkdir()
    for number in range(4):
        make_photo(120, 90, seed=number).save(tmp_path / "photos" / f"{number}.png")
    make_photo(96, 96, seed=9).save(tmp_path / "wave.png")
    places = ["--style-images", "wave.png", "--content", "photos", "--out", "run"]
    tiny = ["--steps", 3000, "--pixel-steps", 1, "--crop-size", 48, "--style-size", 64]
    tiny += ["--channels", 8, "--blocks", 1, "--checkpoint-s", 0.5]
    process = start("train", *places, *tiny, folder=tmp_path)
    deadline = time.monotonic() + 120
    while not (tmp_path / "run" / "checkpoint.pt").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1)
    process.kill()
    process.communicate()
    assert (tmp_path / "run" / "checkpoint.pt").exists()
    again = start("train", *places, "--resume", folder=tmp_path)
    wait_for_line(again, "images/s")
    assert stop(again)[2] < 10
