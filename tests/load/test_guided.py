"""Coverage-guided runs of five minutes, see `tests.load.guided`."""

import importlib.util
import subprocess
import sys

import pytest

from tests.browsing import ROOT

READERS = (
    *("png", "jpeg", "tiff", "gif", "codes", "style", "look", "torch7", "torch", "onnx", "zip"),
    "recipe",
)
SECONDS = 300


@pytest.mark.soak
@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris is not installed")
@pytest.mark.parametrize("reader", READERS)
def test_no_input_that_reaches_new_code_breaks_a_reader(reader):
    command = [sys.executable, "-m", "tests.load.guided", reader, "--seconds", str(SECONDS)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-3000:]
