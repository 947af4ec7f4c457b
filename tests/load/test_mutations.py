"""Mutated files, read in an interpreter of its own, so that its memory and its terminal are seen."""

import json
import subprocess
import sys

import pytest

from tests.browsing import ROOT


@pytest.mark.parametrize(
    ("files", "seed"), [(300, 0), pytest.param(10_000, 1, marks=pytest.mark.soak)], ids=["some", "many"]
)
def test_sound_files_are_read_and_mutated_ones_read_or_refused(files, seed, record_property):
    command = [sys.executable, "-m", "tests.load.mutations", str(files), "--seed", str(seed)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found = json.loads(run.stdout)
    for name in ("read", "refused", "slowest_s", "most_mb"):
        record_property(name, found[name])
    assert found["faults"] == []
    assert found["read"] + found["refused"] >= files
    assert run.stderr == ""  # no library wrote to the terminal
