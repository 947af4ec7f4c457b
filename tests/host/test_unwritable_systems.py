"""Hosts without a home, with a read-only file system, no access or a full temporary folder."""

import errno
import io
import os
import subprocess
import sys

import pytest
from PIL import Image

from tests.browsing import ROOT
from tests.conftest import encoded, make_photo

# Refuses in Python what such a system refuses, then runs the rest.
PRELUDE = """
from streamlit.testing.v1 import AppTest  # makes a temporary folder of its own
import os, pwd, sys

number, folder = int(sys.argv.pop(1)), sys.argv.pop(1)
CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.link", "os.symlink", "tempfile.mkdtemp"}

def refuse(event, arguments):
    path = arguments[0] if arguments else None
    if event == "open":
        is_change = arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    else:
        is_change = event in CHANGES
    if is_change and isinstance(path, (str, bytes, os.PathLike)):
        path = os.path.abspath(os.fsdecode(path))
        if path.startswith(folder) and not path.startswith("/dev/"):
            raise OSError(number, os.strerror(number), path)

sys.addaudithook(refuse)
try:
    open(os.path.join(folder, "probe"), "w")
except OSError as error:
    assert error.errno == number
else:
    sys.exit("the system lets itself be written")
"""
# Also with a user whom the system does not know; Streamlit needs one it knows, or HOME.
STYLIZE = """
def getpwuid(user):
    raise KeyError(f"getpwuid(): uid not found: {user}")

pwd.getpwuid = getpwuid
from stylecore.cli import main
sys.exit(main(["stylize", "-", "--style", "mosaic", "-o", "-"]))
"""
OPTIMIZE = """
import io
from stylecore import OptimizationConfig, load_image, optimize_image
photo = load_image(sys.stdin.buffer.read())
result = optimize_image(photo, photo, OptimizationConfig(steps=1, max_side=48))
result.image.save(sys.stdout.buffer, "PNG")
"""
APP = """
app = AppTest.from_file("streamlit_app.py", default_timeout=120).run()
assert not app.exception, app.exception
app.button(key="photo_sample_cat").click().run()
assert not app.exception, app.exception
assert len(app.button)
"""


def run_on(system: str, script: str, tmp_path) -> bytes:
    number, folder = {
        "read-only": (errno.EROFS, "/"),
        "no access": (errno.EACCES, "/"),
        "full temporary folder": (errno.ENOSPC, str(tmp_path)),
    }[system]
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "PYTHONPATH")}
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + script, str(number), folder],
        input=encoded(make_photo(64, 48)),
        capture_output=True,
        cwd=ROOT,
        env=kept | {"TMPDIR": str(tmp_path), "IMPASTO_CONVOLUTIONS": "own"},
    )
    assert done.returncode == 0, done.stderr.decode()
    assert b"Traceback" not in done.stderr
    return done.stdout


@pytest.mark.parametrize("system", ["read-only", "no access", "full temporary folder"])
def test_a_photo_is_painted_where_nothing_can_be_written(system, tmp_path):
    painted = run_on(system, STYLIZE, tmp_path)
    with Image.open(io.BytesIO(painted)) as image:
        assert image.size == (64, 48)


def test_a_photo_is_refined_where_nothing_can_be_written(tmp_path):
    with Image.open(io.BytesIO(run_on("read-only", OPTIMIZE, tmp_path))) as image:
        assert image.size == (48, 36)


def test_the_app_works_where_nothing_can_be_written(tmp_path):
    run_on("read-only", APP, tmp_path)
