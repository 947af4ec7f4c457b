import io
import os
import subprocess
import sys

import pytest
from PIL import Image

from tests.conftest import encoded, make_photo


@pytest.mark.parametrize(
    "command", [["styles", "--json"], ["stylize", "PHOTO", "--style", "pink", "-o", "-"]]
)
def test_a_closed_pipe_prints_no_error(photo_file, command):
    command = [str(photo_file) if part == "PHOTO" else part for part in command]
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([sys.executable, "-m", "stylecore", *command], stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    assert (done.returncode, done.stderr) == (1, b"")


def test_standard_output_to_a_full_disk_fails_in_one_line():
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


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the system has no /dev/full")
def test_a_painting_for_a_full_standard_output_is_one_line(photo_file):
    command = [sys.executable, "-m", "stylecore", "stylize", str(photo_file), "--style", "mosaic", "-o", "-"]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert done.stderr == f"error: {photo_file}: - cannot be written: No space left on device\n"


def test_stylize_reads_standard_input_and_writes_standard_output():
    command = [sys.executable, "-m", "stylecore", "stylize", "-", "--style", "the_wave", "-o", "-"]
    done = subprocess.run(command, input=encoded(make_photo(64, 48)), capture_output=True, check=True)
    assert Image.open(io.BytesIO(done.stdout)).size == (64, 48)
