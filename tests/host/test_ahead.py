"""Work on what comes next while what came before is used."""

import threading

import pytest

from stylecore.host.ahead import work_ahead


def test_results_come_in_order():
    assert list(work_ahead(lambda item: item**2, range(20), threads=4)) == [item**2 for item in range(20)]


def test_with_one_thread_the_caller_works_and_nothing_is_made_ahead():
    worked = []
    results = work_ahead(lambda item: worked.append((item, threading.current_thread())), [1, 2], threads=1)
    next(results)
    assert worked == [(1, threading.current_thread())]


def test_items_are_taken_no_further_ahead_than_there_are_threads():
    taken = []
    results = work_ahead(str, (taken.append(item) or item for item in range(9)), threads=3)
    assert next(results) == "0"
    assert taken == [0, 1, 2]
    results.close()
    assert taken == [0, 1, 2]


def test_work_goes_on_at_the_same_time():
    barrier = threading.Barrier(3)
    assert len(list(work_ahead(lambda item: barrier.wait(30), range(3), threads=3))) == 3


def test_a_failure_is_raised_in_its_place():
    results = work_ahead(lambda item: 1 / item, [1, 2, 0, 4], threads=2)
    assert [next(results), next(results)] == [1, 0.5]
    with pytest.raises(ZeroDivisionError):
        next(results)
