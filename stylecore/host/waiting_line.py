"""A line in front of something that few may use at once: bounded, in order, with places that can be told."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from stylecore.host.jobs import QueueFullError

POLL_S = 0.5  # from one call of `on_wait` to the next


class WaitingLine:
    """Gives turns to threads in the order in which they asked. Safe in many threads.

    Args:
        noun: What waits, for messages, in the plural.
        at_once: Turns that are held at the same time.
        capacity: Threads that may wait next to those that hold a turn.
    """

    def __init__(self, *, noun: str, at_once: int = 1, capacity: int = 60) -> None:
        if at_once < 1 or capacity < 0:
            raise ValueError(f"{at_once} turns and a capacity of {capacity}: at least 1 and 0 are needed")
        self.noun = noun
        self.at_once = at_once
        self.capacity = capacity
        self._held = 0
        self._waiting: deque[object] = deque()
        self._changed = threading.Condition()

    @property
    def length(self) -> int:
        """Threads that wait."""
        return len(self._waiting)

    @contextmanager
    def turn(
        self, on_wait: Callable[[int], None] = lambda place: None, *, is_patient: bool = False
    ) -> Iterator[None]:
        """Wait for a turn, and hold it within the context.

        Args:
            on_wait: Called in this thread with the place in line (1 is the next one), twice a second. An
                exception that it raises leaves the line.
            is_patient: Wait even in a full line, for work of which there is little at once.
        Raises:
            QueueFullError: Too many wait already.
        """
        ticket, has_turn = object(), False
        with self._changed:
            is_full = self._held >= self.at_once and len(self._waiting) >= self.capacity
            if is_full and not is_patient:
                raise QueueFullError(
                    f"{len(self._waiting)} {self.noun} are waiting already, which is all there is room for: "
                    "try again in a minute"
                )
            self._waiting.append(ticket)
        try:
            while not (has_turn := self._take(ticket)):
                on_wait(self._waiting.index(ticket) + 1)
            yield
        finally:
            with self._changed:
                if has_turn:
                    self._held -= 1
                else:
                    self._waiting.remove(ticket)
                self._changed.notify_all()

    def _take(self, ticket: object) -> bool:
        """Wait a while for a turn; returns whether the ticket has it now."""
        with self._changed:
            is_free = self._changed.wait_for(
                lambda: self._held < self.at_once and self._waiting[0] is ticket, POLL_S
            )
            if is_free:
                self._waiting.popleft()
                self._held += 1
                self._changed.notify_all()  # the next one may have a turn, too
            return is_free


# Large pictures are read one at a time in this process: each takes up to 12 bytes a pixel meanwhile.
reading_line = WaitingLine(noun="pictures")
