"""Freed memory stays for the next step of a run, and goes back behind it."""

import resource
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
