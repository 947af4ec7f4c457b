"""Settings of the whole process that several runs need at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack


class Overlapping:
    """A context shared by threads: the first one enters it, the last one leaves it.

    If each run saved and restored the setting, a run that ends would take it from those still running, and
    the last one would restore what the first had set.

    Args:
        enter: Makes the context that is shared.
    """

    def __init__(self, enter: Callable[[], AbstractContextManager]) -> None:
        self._enter = enter
        self._lock = threading.Lock()
        self._runs = 0
        self._shared = ExitStack()

    def __enter__(self) -> None:
        with self._lock:
            if self._runs == 0:
                self._shared.enter_context(self._enter())
            self._runs += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._runs -= 1
            if self._runs == 0:
                self._shared.close()
