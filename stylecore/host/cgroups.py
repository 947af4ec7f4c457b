"""Limits that containers and service managers set: control groups of Linux, versions 1 and 2."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

SYSTEM = Path("/")  # a test puts another folder in its place
THREADS_VARIABLE = "IMPASTO_THREADS"
UNLIMITED = 2**60  # bytes; version 1 has a number above this where nothing limits


def memory_left() -> int | None:
    """Bytes that this process may still use; None without a limit.

    Every group from the process's own up to the topmost that can be seen may have a limit.
    """
    left = [_left(*group) for group in _groups("memory")]
    return max(0, min(left)) if (left := [free for free in left if free is not None]) else None


def thread_limit() -> int | None:
    """Threads that can run at once: processors allowed to this process, and the quota of its time.

    `IMPASTO_THREADS` lowers it, for several processes on one machine. None where there is none of the three.
    A quota is rounded up: with 1.5 processors, two threads are faster than one.
    """
    allowed = [len(os.sched_getaffinity(0))] if hasattr(os, "sched_getaffinity") else []
    quotas = [_quota(*group) for group in _groups("cpu")]
    allowed += [max(1, math.ceil(quota)) for quota in quotas if quota is not None]
    if (given := os.environ.get(THREADS_VARIABLE, "")).isdecimal():
        allowed.append(max(1, int(given)))
    return min(allowed, default=None)


def _groups(controller: str) -> Iterator[tuple[Path, int]]:
    """Folders of a controller from the process's own group upwards, each with the version.

    Without a namespace of its own, a container sees its path on the host in `/proc/self/cgroup`, and only its
    part of the tree is mounted. With one, or without a container, the path counts from the mount on.

    Source: cgroups(7), proc(5).
    """
    for version, root, mount in _mounts(controller):
        path = _own_path(controller, version)
        if path is None:
            continue
        parts = Path(path).parts[1:]
        above = Path(root).parts[1:]
        below = parts[len(above) :] if parts[: len(above)] == above else ()
        if ".." in below:  # a group outside of the namespace
            below = ()
        for depth in range(len(below), -1, -1):
            yield mount.joinpath(*below[:depth]), version


def _mounts(controller: str) -> Iterator[tuple[int, str, Path]]:
    """Version, root in the tree and place of each mount with a controller."""
    for line in _lines(SYSTEM / "proc/self/mountinfo"):
        before, _, after = line.partition(" - ")
        if not after.startswith("cgroup"):
            continue
        (_, _, _, root, mount, *_), (kind, _, options) = before.split(), after.split()
        if kind == "cgroup2" or controller in options.split(","):
            yield 2 if kind == "cgroup2" else 1, root, SYSTEM / mount.lstrip("/")


def _own_path(controller: str, version: int) -> str | None:
    for line in _lines(SYSTEM / "proc/self/cgroup"):
        number, controllers, path = (*line.split(":", 2), "", "", "")[:3]
        if (version == 2 and number == "0") or (version == 1 and controller in controllers.split(",")):
            return path
    return None


def _left(folder: Path, version: int) -> int | None:
    if version == 2:
        limits = [_number(folder / "memory.max"), _number(folder / "memory.high")]
        used, key = _number(folder / "memory.current"), "inactive_file"
    else:
        limits = [_number(folder / "memory.limit_in_bytes")]
        used, key = _number(folder / "memory.usage_in_bytes"), "total_inactive_file"
    limit = min((limit for limit in limits if limit is not None), default=UNLIMITED)
    if limit >= UNLIMITED or used is None:
        return None
    # Counts files that were read, such as torch's libraries, which make room when needed.
    statistics = dict(line.split()[:2] for line in _lines(folder / "memory.stat"))
    return limit - used + int(statistics.get(key, 0))


def _quota(folder: Path, version: int) -> float | None:
    """Processors' worth of time."""
    if version == 2:
        quota, period = (*"".join(_lines(folder / "cpu.max")).split(), "max", "max")[:2]
        return int(quota) / int(period) if quota.isdigit() and period.isdigit() else None
    quota, period = _number(folder / "cpu.cfs_quota_us"), _number(folder / "cpu.cfs_period_us")
    return quota / period if quota and period and quota > 0 else None


def _number(path: Path) -> int | None:
    """The number in a file; None where it is missing or has a word, as `max`."""
    try:
        return int("".join(_lines(path)))
    except ValueError:
        return None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
