import os
import subprocess
import sys
import time

from tests.conftest import make_photo, png_header_of


def load_factor() -> float:
    """How much slower the machine is for being busy with other processes."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


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
