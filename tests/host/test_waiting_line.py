import threading
import time

import pytest

from stylecore.host.jobs import QueueFullError
from stylecore.host.waiting_line import WaitingLine


class Holder:
    """A thread that takes a turn and holds it until it is let go."""

    def __init__(self, line: WaitingLine, order: list[int], number: int) -> None:
        self.has_turn, self.may_go = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self._run, args=(line, order, number), daemon=True)
        self.thread.start()

    def _run(self, line: WaitingLine, order: list[int], number: int) -> None:
        with line.turn():
            order.append(number)
            self.has_turn.set()
            self.may_go.wait(10)

    def let_go(self) -> None:
        self.may_go.set()
        self.thread.join(10)


def wait_until(condition) -> None:
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.005)
    raise AssertionError("it did not happen within 5 s")


def line_of(holders: int, **settings) -> tuple[WaitingLine, list[Holder], list[int]]:
    line, order, started = WaitingLine(noun="pictures", **settings), [], []
    for number in range(holders):
        started.append(Holder(line, order, number))
        wait_until(lambda: len(order) + line.length == len(started))
    return line, started, order


def test_turns_are_given_in_the_order_in_which_they_were_asked_for():
    _, holders, order = line_of(5, at_once=2)
    assert order == [0, 1]
    for holder in holders:
        holder.let_go()
    assert order == [0, 1, 2, 3, 4]


def test_whoever_waits_is_told_the_place_until_the_turn_comes():
    line, (first, second), _ = line_of(2)
    in_front, places = {2: first, 1: second}, []

    def on_wait(place):
        places.append(place)
        in_front[place].let_go()

    with line.turn(on_wait):
        assert places == [2, 1]


def test_a_full_line_says_so_and_takes_more_later():
    line, (first, second), _ = line_of(2, capacity=1)
    with pytest.raises(QueueFullError, match="1 pictures are waiting already"), line.turn():
        pass
    first.let_go()
    with line.turn(lambda place: second.let_go(), is_patient=True):
        pass
    with line.turn():
        pass


def test_whoever_leaves_the_line_makes_room():
    line, (first,), _ = line_of(1, capacity=1)

    def leave(place):
        raise InterruptedError

    with pytest.raises(InterruptedError), line.turn(leave):
        pass
    assert line.length == 0
    first.let_go()
    with line.turn():
        pass


def test_an_error_gives_the_turn_back():
    line = WaitingLine(noun="pictures")
    with pytest.raises(ValueError, match="broken"), line.turn():
        raise ValueError("broken")
    with line.turn():
        pass
