"""Freed memory stays for the next step of a run, and goes back behind it."""

import resource
import subprocess
import sys

import psutil
import pytest

from stylecore.memory import MEBIBYTE, kept_memory, return_freed_memory

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator")

BLOCK = 64 * MEBIBYTE  # above 32 MB, from where on glibc never keeps a block by itself


def _page_faults(rounds: int = 5) -> int:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(rounds):
        assert b"x" * BLOCK
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def test_kept_memory_is_not_cleared_anew_for_every_block():
    outside = _page_faults()
    with kept_memory():
        _page_faults(1)
        assert _page_faults() < outside / 10


def test_the_default_is_back_behind_the_last_of_nested_runs():
    with kept_memory():
        with kept_memory():
            pass
        _page_faults(1)
        inside = _page_faults()
    assert _page_faults() > 10 * inside


def test_memory_goes_back_behind_the_run():
    process = psutil.Process()
    return_freed_memory()
    before = process.memory_info().rss
    with kept_memory():
        assert b"x" * BLOCK
        assert process.memory_info().rss > before + BLOCK // 2
    assert process.memory_info().rss < before + BLOCK // 4


def test_the_default_is_back_after_an_error():
    with pytest.raises(ValueError, match="stop"), kept_memory():
        raise ValueError("stop")
    outside = _page_faults()
    with kept_memory():
        _page_faults(1)
        assert _page_faults() < outside / 10


THREADS = """
import sys, threading
import psutil
from stylecore.memory import share_freed_memory

if sys.argv[1] == "shared":
    share_freed_memory()
bytearray(30 * 2**20)  # from now on blocks of this size come from the arenas
before = psutil.Process().memory_info().rss
ended = threading.Event()

def work():
    bytearray(b"x" * (8 * 2**20))
    freed.set()
    ended.wait()

for _ in range(8):  # one after another, and all of them stay
    freed = threading.Event()
    threading.Thread(target=work).start()
    freed.wait()
print(psutil.Process().memory_info().rss - before)
ended.set()
"""


def test_threads_share_what_they_freed():
    def left(mode: str) -> int:
        return int(subprocess.check_output([sys.executable, "-c", THREADS, mode]))

    assert left("shared") < left("apart") / 2
