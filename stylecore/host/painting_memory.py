"""How much memory the networks may take for one photo."""

from __future__ import annotations

import os

import psutil

from stylecore.host.cgroups import memory_left

VARIABLE = "IMPASTO_MEMORY"  # environment variable, in megabytes
USUAL_BYTES = 400_000_000
LEAST_BYTES = 60_000_000
MOST_SHARE = 0.5  # of the memory that is free


def painting_memory() -> int:
    """Bytes that the networks may take for one photo.

    This is `IMPASTO_MEMORY` in megabytes, or 400 MB, but no more than half of what the machine or its
    container has left.

    Raises:
        ValueError: The variable is not a number above 0.
    """
    given = os.environ.get(VARIABLE)
    free, left = psutil.virtual_memory().available, memory_left()
    free = free if left is None else min(free, left)
    return max(LEAST_BYTES, min(_bytes(given) if given else USUAL_BYTES, int(MOST_SHARE * free)))


def _bytes(megabytes: str) -> int:
    try:
        value = int(megabytes) * 1_000_000
    except ValueError:
        value = 0
    if value <= 0:
        raise ValueError(f"{VARIABLE} is {megabytes!r}: a number of megabytes above 0 is needed")
    return value
