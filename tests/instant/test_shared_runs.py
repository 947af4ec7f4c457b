"""Runs that several threads share."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from stylecore.instant.shared_runs import SharedRuns

WAIT_S = 30


class Runner:
    """Squares numbers, once it is let; notes what ran together."""

    def __init__(self, *, is_open: bool = True) -> None:
        self.groups: list[tuple[str, list[int]]] = []
        self.gate = threading.Event()
        self.has_begun = threading.Event()
        if is_open:
            self.gate.set()

    def __call__(self, key: str, items: list[int]) -> list[int]:
        self.groups.append((key, [*items]))
        self.has_begun.set()
        assert self.gate.wait(WAIT_S)
        if -1 in items:
            raise ValueError("a negative number")
        return [item**2 for item in items]


def waiting(runs: SharedRuns) -> int:
    with runs._changed:
        return len(runs._waiting)


def run_behind_one(runner: Runner, items: list[tuple[str, int]], *, most: int) -> list:
    """Results or errors of items that come while a first one runs, in threads of their own."""
    runs = SharedRuns(runner, most=lambda key: most, at_once=1)
    with ThreadPoolExecutor(1 + len(items)) as pool:
        first = pool.submit(runs, "first", 0)
        assert runner.has_begun.wait(WAIT_S)
        coming = []
        for count, item in enumerate(items, start=1):  # one by one, so that their order is known
            coming.append(pool.submit(runs, *item))
            while waiting(runs) < count:
                time.sleep(0.001)
        runner.gate.set()
        assert first.result(WAIT_S) == 0
        return [each.exception(WAIT_S) or each.result() for each in coming]


def test_a_single_item_runs_at_once():
    runner = Runner()
    assert SharedRuns(runner, most=lambda key: 8, at_once=1)("a", 3) == 9
    assert runner.groups == [("a", [3])]


def test_what_waits_for_the_same_runs_together():
    runner = Runner(is_open=False)
    items = [("a", 1), ("b", 2), ("a", 3), ("b", 4)]
    assert run_behind_one(runner, items, most=8) == [1, 4, 9, 16]
    assert sorted((key, sorted(items)) for key, items in runner.groups[1:]) == [("a", [1, 3]), ("b", [2, 4])]


@pytest.mark.parametrize(("most", "sizes"), [(8, {4, 2, 1}), (3, {2, 1}), (0, {1})])
def test_runs_have_few_sizes_and_at_most_as_many_items_as_are_allowed(most, sizes):
    runner = Runner(is_open=False)
    assert run_behind_one(runner, [("a", i) for i in range(7)], most=most) == [i**2 for i in range(7)]
    assert {len(items) for _, items in runner.groups[1:]} <= sizes
    assert sum(len(items) for _, items in runner.groups[1:]) == 7


def test_one_that_fails_does_not_fail_those_it_ran_with():
    results = run_behind_one(Runner(is_open=False), [("a", 2), ("a", -1), ("a", 3), ("a", 4)], most=8)
    assert [results[0], *results[2:]] == [4, 9, 16]
    assert str(results[1]) == "a negative number"


def test_only_so_many_run_at_the_same_time():
    running, most, lock = [], [], threading.Lock()

    def run(key, items):
        with lock:
            running.append(key)
            most.append(len(running))
        time.sleep(0.01)
        with lock:
            running.remove(key)
        return items

    runs = SharedRuns(run, most=lambda key: 1, at_once=2)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(runs, range(12), range(12)))
    assert max(most) == 2
