"""Free memory; control of what glibc does with freed memory: kept during a long run, returned after it."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import psutil

from stylecore.host.cgroups import memory_left
from stylecore.host.overlapping import Overlapping

# Parameters of mallopt(3) in glibc's malloc.h.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -2, -3, -4, -8
MEBIBYTE = 2**20
_KEPT = ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, 2**31 - 1), (_TOP_PAD, 128 * MEBIBYTE))
# Pillow holds pictures in blocks of this size. From it on, blocks go back to the system once they are freed.
_PICTURE_BLOCK = 16 * MEBIBYTE
# glibc's defaults but for the threshold, which it would raise to 32 MiB once larger blocks were freed.
_DEFAULT = (
    (_MMAP_MAX, 65_536),
    (_MMAP_THRESHOLD, _PICTURE_BLOCK),
    (_TRIM_THRESHOLD, 64 * MEBIBYTE),
    (_TOP_PAD, 0),
)


def free_memory() -> int:
    """Bytes that this process may still use: of the machine, or what a container's limit leaves."""
    free, left = psutil.virtual_memory().available, memory_left()
    return free if left is None else min(free, left)


@Overlapping
@contextmanager
def _keeping() -> Iterator[None]:
    _set(_KEPT)
    yield
    _set(_DEFAULT)


@contextmanager
def kept_memory() -> Iterator[None]:
    """Keep freed memory in the process, for all its threads, within this context.

    Every step of an optimization allocates and frees the same blocks. Large ones come from the
    system and go back to it each time, and its clearing of their pages takes a tenth to a fifth
    of a step. Kept blocks fit less well: the peak grows by a sixth. After the last run that
    overlaps all is returned. Without glibc nothing changes.
    """
    try:
        with _keeping:
            yield
    finally:
        return_freed_memory()


def share_freed_memory() -> None:
    """Let all threads of this process allocate from two arenas, for servers of many threads.

    Else glibc has eight arenas a core, and each keeps what its threads freed: of the pictures of
    twenty threads twice to three times the memory stayed. The blocks of pictures go back to the
    system: of a photo of 48 megapixels that was read for its preview, 190 MB stayed.
    """
    _set(((_ARENA_MAX, 2), (_MMAP_THRESHOLD, _PICTURE_BLOCK)))


def return_freed_memory() -> None:
    """Return to the system what glibc keeps of freed tensors: 100 MB and more."""
    if (library := _glibc()) is not None:
        library.malloc_trim(0)


def _set(parameters: tuple[tuple[int, int], ...]) -> None:
    if (library := _glibc()) is not None:
        for parameter, value in parameters:
            library.mallopt(parameter, value)


@cache
def _glibc() -> ctypes.CDLL | None:
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    return library if hasattr(library, "gnu_get_libc_version") else None
