"""Peak of the memory of this process during a piece of work."""

from __future__ import annotations

import threading
from collections.abc import Callable

import psutil

INTERVAL_S = 0.002  # between two looks at the memory


def peak_above(work: Callable[[], object]) -> int:
    """Bytes that the process takes at most during a piece of work, above what it had before."""
    process = psutil.Process()
    before = peak = process.memory_info().rss
    is_done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not is_done.wait(INTERVAL_S):
            peak = max(peak, process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        work()
    finally:
        is_done.set()
        watcher.join()
    return peak - before
