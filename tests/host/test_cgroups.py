"""Limits of containers, in the files by which the kernel reports them."""

import os

import pytest
import torch

from stylecore.host import cgroups, devices

NO_LIMIT = 9223372036854771712  # of version 1
V2 = "31 23 0:28 {root} /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n"
V1 = "35 31 0:32 {root} /sys/fs/cgroup/{name} rw - cgroup cgroup rw,{name}\n"


@pytest.fixture
def system(tmp_path, monkeypatch):
    """Writes files of /proc and /sys below a folder that takes the place of /."""
    monkeypatch.setattr(cgroups, "SYSTEM", tmp_path)

    def write(files: dict[str, object]) -> None:
        for name, text in files.items():
            path = tmp_path / name.lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{text}\n")

    return write


def v2(own: str, root: str = "/") -> dict[str, object]:
    return {"/proc/self/cgroup": f"0::{own}", "/proc/self/mountinfo": V2.format(root=root)}


def v1(own: str, root: str = "/") -> dict[str, object]:
    names = ("memory", "cpu")
    return {
        "/proc/self/cgroup": "\n".join(f"{i}:{name}:{own}" for i, name in enumerate(names, 3)),
        "/proc/self/mountinfo": "".join(V1.format(root=root, name=name) for name in names),
    }


def memory2(folder: str, limit: object, used: int, files: int = 0) -> dict[str, object]:
    folder = f"/sys/fs/cgroup{folder}"
    return {
        f"{folder}/memory.max": limit,
        f"{folder}/memory.current": used,
        f"{folder}/memory.stat": f"anon 1\ninactive_file {files}",
    }


def memory1(folder: str, limit: int, used: int, files: int = 0) -> dict[str, object]:
    folder = f"/sys/fs/cgroup/memory{folder}"
    return {
        f"{folder}/memory.limit_in_bytes": limit,
        f"{folder}/memory.usage_in_bytes": used,
        f"{folder}/memory.stat": f"inactive_file 1\ntotal_inactive_file {files}",
    }


@pytest.mark.parametrize(
    ("files", "left"),
    [
        # A container with a namespace of its own sees itself as the root.
        (v2("/") | memory2("", 1000, 400, files=100), 700),
        # Without one: its path on the host, and only its part of the tree mounted.
        (v2("/docker/abc", root="/docker/abc") | memory2("", 1000, 400), 600),
        # A service of systemd, without a container: the limit is some folders down.
        (v2("/system.slice/app.service") | memory2("/system.slice/app.service", 1000, 400), 600),
        # Nested: the tightest counts, here of the slice around the service.
        (
            v2("/user.slice/app.scope")
            | memory2("/user.slice", 2000, 1900)
            | memory2("/user.slice/app.scope", 1000, 100),
            100,
        ),
        (v2("/a/b") | memory2("/a", "max", 1900) | memory2("/a/b", 1000, 100), 900),
        # A group outside of the namespace.
        (v2("/../../other") | memory2("", 1000, 400), 600),
        (v2("/") | memory2("", "max", 400), None),
        (v2("/") | memory2("", 1000, 400) | {"/sys/fs/cgroup/memory.high": 500}, 100),
        (v2("/") | memory2("", 1000, 1400), 0),
        (v1("/") | memory1("", 1000, 400, files=100), 700),
        (v1("/docker/abc", root="/docker/abc") | memory1("", 1000, 400), 600),
        # The whole tree of the host mounted, as in this kind of container without a namespace.
        (v1("/pod/abc") | memory1("", NO_LIMIT, 9000) | memory1("/pod/abc", 1000, 400), 600),
        (
            v1("/pod/abc") | memory1("/pod", 500, 450) | memory1("/pod/abc", 1000, 400),
            50,
        ),
        (v1("/") | memory1("", NO_LIMIT, 400), None),
        ({}, None),
        ({"/proc/self/cgroup": "0::/", "/proc/self/mountinfo": ""}, None),
    ],
)
def test_the_memory_that_is_left_is_that_of_the_tightest_group(system, files, left):
    system(files)
    assert cgroups.memory_left() == left


def test_both_versions_at_once_count(system):
    both = {
        "/proc/self/cgroup": "4:memory:/app\n0::/",
        "/proc/self/mountinfo": V1.format(root="/", name="memory")
        + V2.format(root="/").replace("/sys/fs/cgroup", "/sys/fs/cgroup/unified"),
    }
    system(both | memory1("/app", 1000, 400))
    assert cgroups.memory_left() == 600


@pytest.mark.parametrize(
    ("files", "threads"),
    [
        (v2("/") | {"/sys/fs/cgroup/cpu.max": "200000 100000"}, 2),
        (v2("/") | {"/sys/fs/cgroup/cpu.max": "150000 100000"}, 2),
        (v2("/") | {"/sys/fs/cgroup/cpu.max": "10000 100000"}, 1),
        (v2("/") | {"/sys/fs/cgroup/cpu.max": "max 100000"}, 64),
        (
            v2("/a/b")
            | {"/sys/fs/cgroup/a/cpu.max": "300000 100000", "/sys/fs/cgroup/a/b/cpu.max": "max 100000"},
            3,
        ),
        (
            v1("/docker/abc", root="/docker/abc")
            | {
                "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": 400_000,
                "/sys/fs/cgroup/cpu/cpu.cfs_period_us": 100_000,
            },
            4,
        ),
        (
            v1("/")
            | {"/sys/fs/cgroup/cpu/cpu.cfs_quota_us": -1, "/sys/fs/cgroup/cpu/cpu.cfs_period_us": 100_000},
            64,
        ),
        (v2("/") | {"/sys/fs/cgroup/cpu.max": "9900000 100000"}, 64),
        ({}, 64),
    ],
)
def test_threads_are_limited_by_quota_and_affinity(system, monkeypatch, files, threads):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(64)), raising=False)
    system(files)
    assert cgroups.thread_limit() == threads


def test_free_memory_is_never_above_the_limit(system):
    system(v1("/pod") | memory1("/pod", 900_000, 200_000))
    assert devices.available_memory("cpu") == 700_000
    system(memory1("/pod", NO_LIMIT, 200_000))
    assert devices.available_memory("cpu") > 10_000_000


def test_torch_takes_no_more_threads_than_the_quota(system):
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        system(v2("/") | {"/sys/fs/cgroup/cpu.max": "100000 100000"})
        devices.select_device("cpu")
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(threads)


def test_onnx_runtime_takes_no_more_threads_than_the_quota(system, monkeypatch):
    from stylecore.host.folders import WEIGHTS_FOLDER
    from stylecore.instant import sessions

    seen = []
    monkeypatch.setattr(
        sessions.ort,
        "InferenceSession",
        lambda model, options, providers: seen.append(options.intra_op_num_threads),
    )
    system(v2("/") | {"/sys/fs/cgroup/cpu.max": "100000 100000"})
    sessions.open_session(WEIGHTS_FOLDER / "collection.onnx", "cpu")
    assert seen == [1]


@pytest.mark.parametrize(("given", "threads"), [("3", 3), ("100", 64), ("0", 1), ("many", 64), ("", 64)])
def test_a_host_can_lower_the_threads_of_a_process(system, monkeypatch, given, threads):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(64)), raising=False)
    monkeypatch.setenv("IMPASTO_THREADS", given)
    system({})
    assert cgroups.thread_limit() == threads
