"""Runs of a network that pictures of several threads share."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(eq=False)
class _Entry(Generic[Key, Item, Result]):
    """An item that waits for its run."""

    key: Key
    item: Item
    result: Future[Result] = field(default_factory=Future)
    is_taken: bool = False


class SharedRuns(Generic[Key, Item, Result]):
    """Collects what threads want to run, so that what is alike runs together. Safe in many threads.

    A thread that finds fewer than `at_once` runs under way begins one at once, with all that wait for the
    same. No thread waits for others to come, so a single one loses no time.

    Args:
        run: Runs items of one key; returns a result for each, in order.
        most: Returns the most items of a run, by key.
        at_once: Runs at the same time.
    """

    def __init__(
        self,
        run: Callable[[Key, Sequence[Item]], Sequence[Result]],
        *,
        most: Callable[[Key], int],
        at_once: int,
    ) -> None:
        self._run, self._most, self._at_once = run, most, at_once
        self._waiting: list[_Entry[Key, Item, Result]] = []
        self._running = 0
        self._changed = threading.Condition()

    def __call__(self, key: Key, item: Item) -> Result:
        """Run an item, alone or with others; returns its result.

        Raises:
            Exception: What `run` raises for this item alone.
        """
        entry: _Entry[Key, Item, Result] = _Entry(key, item)
        group: list[_Entry[Key, Item, Result]] = []
        with self._changed:
            self._waiting.append(entry)
            self._changed.wait_for(lambda: entry.is_taken or self._running < self._at_once)
            if not entry.is_taken:
                group = self._take_like(entry)
                self._running += 1
        if group:
            try:
                self._run_group(group)
            finally:
                with self._changed:
                    self._running -= 1
                    self._changed.notify_all()
        return entry.result.result()

    def _take_like(self, entry: _Entry[Key, Item, Result]) -> list[_Entry[Key, Item, Result]]:
        """Take what waits for the same as an entry: as many as the largest power of two, for few sizes."""
        alike = [other for other in self._waiting if other.key == entry.key and other is not entry]
        count = min(len(alike) + 1, max(1, self._most(entry.key)))
        group = [entry, *alike[: 2 ** (count.bit_length() - 1) - 1]]
        for each in group:
            each.is_taken = True
            self._waiting.remove(each)
        self._changed.notify_all()  # those that are taken wait for their results
        return group

    def _run_group(self, group: list[_Entry[Key, Item, Result]]) -> None:
        """Run entries together, or, if that fails, one by one: one of them must not fail the others."""
        try:
            results = self._run(group[0].key, [entry.item for entry in group])
        except Exception as error:
            if len(group) == 1:
                group[0].result.set_exception(error)
                return
            for entry in group:
                self._run_group([entry])
            return
        for entry, result in zip(group, results, strict=True):
            entry.result.set_result(result)
