"""Freed memory stays for the next step of a run, and goes back behind it."""

import subprocess
import sys

import pytest

from stylecore.host.memory import MEBIBYTE, kept_memory

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator")

BLOCK = 64 * MEBIBYTE  # above 32 MB, from where on glibc never keeps a block by itself
# Each test in an interpreter of its own: here blocks that earlier tests freed would serve again.
COMMON = f"""
import resource, sys, threading
import psutil
from stylecore.host.memory import kept_memory, return_freed_memory, share_freed_memory

def page_faults(rounds=5):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(rounds):
        assert b"x" * {BLOCK}
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def resident():
    return psutil.Process().memory_info().rss
"""


def _numbers(script: str, *arguments: str) -> list[int]:
    printed = subprocess.check_output([sys.executable, "-c", COMMON + script, *arguments], text=True)
    return [int(number) for number in printed.split()]


FAULTS = """
outside = page_faults()
with kept_memory():
    page_faults(1)
    inside = page_faults()
print(outside, inside)
"""


def test_kept_memory_is_not_cleared_anew_for_every_block():
    outside, inside = _numbers(FAULTS)
    assert inside < outside / 10


NESTED = """
with kept_memory():
    with kept_memory():
        pass
    page_faults(1)
    inside = page_faults()
print(inside, page_faults())
"""


def test_the_default_is_back_behind_the_last_of_nested_runs():
    inside, behind = _numbers(NESTED)
    assert behind > 10 * inside


RETURNED = f"""
return_freed_memory()
before = resident()
with kept_memory():
    assert b"x" * {BLOCK}
    inside = resident() - before
print(inside, resident() - before)
"""


def test_memory_goes_back_behind_the_run():
    inside, behind = _numbers(RETURNED)
    assert inside > BLOCK // 2
    assert behind < BLOCK // 4


def test_an_error_goes_through():
    with pytest.raises(ValueError, match="stop"), kept_memory():
        raise ValueError("stop")


FAILED = """
try:
    with kept_memory():
        raise ValueError
except ValueError:
    pass
"""


def test_the_default_is_back_after_an_error():
    outside, inside = _numbers(FAILED + FAULTS)
    assert inside < outside / 10


THREADS = """
if sys.argv[1] == "shared":
    share_freed_memory()
bytearray(30 * 2**20)  # from now on blocks of this size come from the arenas
before = resident()
ended = threading.Event()

def work():
    bytearray(b"x" * (8 * 2**20))
    freed.set()
    ended.wait()

for _ in range(8):  # one after another, and all of them stay
    freed = threading.Event()
    threading.Thread(target=work).start()
    freed.wait()
print(resident() - before)
ended.set()
"""


def test_threads_share_what_they_freed():
    (shared,), (apart,) = _numbers(THREADS, "shared"), _numbers(THREADS, "apart")
    assert shared < apart / 2


PICTURES = """
if sys.argv[1] == "shared":
    share_freed_memory()
bytearray(30 * 2**20)  # from now on glibc would take blocks of this size from the arenas
before = resident()
large, small = [], []
for _ in range(6):
    large.append(bytearray(16 * 2**20))
    large[-1][::4096] = b"x" * 4096
    small.append(bytearray(2**17))  # lies between the large ones
large.clear()
print(resident() - before)
"""


def test_blocks_of_pictures_go_back_to_the_system():
    (shared,), (apart,) = _numbers(PICTURES, "shared"), _numbers(PICTURES, "apart")
    assert shared < apart / 4
