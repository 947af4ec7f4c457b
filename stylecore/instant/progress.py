"""Progress of a painting, and its end before time."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from stylecore.errors import StoppedError


@dataclass(frozen=True)
class PaintingProgress:
    """How far a painting is. A photo of usual size is painted in a few parts, a large one in many.

    Attributes:
        share: Of the work that is done, 0 to 1.
        elapsed_s: Seconds since the start.
        remaining_s: Seconds that are expected still.
    """

    share: float
    elapsed_s: float
    remaining_s: float


OnProgress = Callable[[PaintingProgress], None] | None
ShouldStop = Callable[[], bool] | None


class Meter:
    """Counts the work of one painting, in pixels that the fast network paints.

    Args:
        on_progress: Called after each part.
        should_stop: Asked after each part.
    Attributes:
        notes: What the user should know about the painting.
    """

    def __init__(self, on_progress: OnProgress = None, should_stop: ShouldStop = None) -> None:
        self._on_progress, self._should_stop = on_progress, should_stop
        self._expected: dict[Hashable, float] = {}
        self._done, self._started = 0.0, time.monotonic()

        self.notes: list[str] = []

    def expect(self, look: Hashable, work: float) -> None:
        """Count on the work of a look, which is painted once."""
        self._expected[look] = work

    def add(self, work: float) -> None:
        """Count a part that is done.

        Raises:
            StoppedError: `should_stop` answered True.
        """
        self._done += work
        if self._should_stop is not None and self._should_stop():
            raise StoppedError("the painting was stopped")
        if self._on_progress is not None:
            share = min(1.0, self._done / max(sum(self._expected.values()), self._done))
            elapsed_s = time.monotonic() - self._started
            self._on_progress(PaintingProgress(share, elapsed_s, elapsed_s * (1 / share - 1)))
