"""Thousands of paintings in one process: memory stays flat."""

import subprocess
import sys

import pytest

from tests.browsing import ROOT

pytestmark = pytest.mark.soak
MOST_GROWTH_MB = 60  # between the first tenth and the last
# In an interpreter of its own: what other tests left would hide growth.
COMMON = """
import gc, sys, tempfile
from pathlib import Path
import numpy as np, psutil
from stylecore import FastStylizer, LearningConfig, OptimizationConfig, learn_style, list_styles
from stylecore import optimize_image, stylize_clip
from stylecore.host.memory import return_freed_memory
from tests.conftest import make_photo

def resident_mb():
    gc.collect()
    return_freed_memory()
    return psutil.Process().memory_info().rss / 2**20

sizes = []
def repeat(times, work):
    for number in range(times):
        work(number)
        if number % max(1, times // 20) == 0:
            sizes.append(resident_mb())
"""
WORK = {
    "stylizations": """
stylizer, styles = FastStylizer("cpu"), list_styles()
def work(number):
    photo = make_photo(200 + 37 * (number % 7), 160 + 23 * (number % 5), seed=number)
    stylizer.stylize(photo, styles[number % len(styles)], fine=number % 2 == 0, strength=1 + number % 3 / 4)
repeat(2000, work)
""",
    "optimizations": """
def work(number):
    config = OptimizationConfig(max_side=128, steps=10, preview_every=5, seed=number)
    optimize_image(make_photo(160, 120, seed=number), make_photo(120, 120, seed=99 - number), config)
repeat(50, work)
""",
    "learnings": """
def work(number):
    config = LearningConfig(minutes=0, steps=20, crop_size=64, crops=8)
    learn_style([make_photo(160, 120, seed=number)], config)
repeat(20, work)
""",
    "clips": """
from tests.video.making import panning, write_clip
stylizer = FastStylizer("cpu")
with tempfile.TemporaryDirectory() as folder:
    source = write_clip(Path(folder) / "clip.mp4", panning(10))
    repeat(20, lambda number: stylize_clip(source, Path(folder) / "out.mp4", "mosaic", stylizer=stylizer))
""",
}


@pytest.mark.parametrize("kind", WORK)
def test_memory_stays_flat(kind, record_property):
    script = f"{COMMON}{WORK[kind]}print(*map(round, sizes))"
    printed = subprocess.check_output([sys.executable, "-c", script], text=True, cwd=ROOT)
    sizes = [int(size) for size in printed.split()]
    record_property("megabytes", sizes)
    warm = sizes[2:]
    assert max(warm[-3:]) - max(warm[:3]) < MOST_GROWTH_MB
