"""Thousands of paintings in one process: memory stays flat."""

import subprocess
import sys

import pytest

from tests.browsing import ROOT

pytestmark = pytest.mark.soak
MOST_GROWTH_MB = 60  # between the first measurements and the last
# In an interpreter of its own: what other tests left would hide growth.
COMMON = """
import gc, sys, tempfile
from functools import cache
from pathlib import Path
import psutil
from stylecore import FastStylizer, LearningConfig, OptimizationConfig, learn_style, list_styles
from stylecore import optimize_image, stylize_clip
from stylecore.host.memory import return_freed_memory
from tests.conftest import make_photo
from tests.video.making import panning, write_clip

stylizer, styles = cache(lambda: FastStylizer("cpu")), list_styles()
place = tempfile.TemporaryDirectory()  # removed at the end of the process
folder = Path(place.name)

def stylize(number):
    photo = make_photo(200 + 37 * (number % 7), 160 + 23 * (number % 5), seed=number)
    style, strength = styles[number % len(styles)], 1 + number % 3 / 4
    stylizer().stylize(photo, style, fine=number % 2 == 0, strength=strength)

def optimize(number):
    config = OptimizationConfig(max_side=128, steps=10, preview_every=5, seed=number)
    optimize_image(make_photo(160, 120, seed=number), make_photo(120, 120, seed=99 - number), config)

def learn(number):
    config = LearningConfig(minutes=0, steps=20, crop_size=64, crops=8)
    learn_style([make_photo(160, 120, seed=number)], config)

def paint_clip(number):
    source = folder / "clip.mp4"
    if not source.exists():
        write_clip(source, panning(10))
    stylize_clip(source, folder / "out.mp4", "mosaic", stylizer=stylizer())

def mix(number):  # a twentieth of all
    for each in range(100):
        stylize(100 * number + each)
    for each in range(2 + number % 2):
        optimize(3 * number + each)
    learn(number)
    paint_clip(number)

def resident_mb():
    gc.collect()
    return_freed_memory()
    return psutil.Process().memory_info().rss / 2**20

def repeat(times, work):
    for number in range(times):
        work(number)
        if number % max(1, times // 20) == 0:
            print(round(resident_mb()), flush=True)
"""
WORK = {
    "stylizations": "repeat(2000, stylize)",
    "optimizations": "repeat(50, optimize)",
    "learnings": "repeat(20, learn)",
    "clips": "repeat(20, paint_clip)",
    "all together": "repeat(20, mix)",
}


@pytest.mark.parametrize("kind", WORK)
def test_memory_stays_flat(kind, record_property):
    printed = subprocess.check_output([sys.executable, "-c", COMMON + WORK[kind]], text=True, cwd=ROOT)
    sizes = [int(size) for size in printed.split()]
    record_property("megabytes", sizes)
    warm = sizes[2:]
    assert max(warm[-3:]) - max(warm[:3]) < MOST_GROWTH_MB
