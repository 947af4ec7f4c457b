"""A job as its work sees it in another process than its queue's: its progress is sent there."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic

from stylecore.errors import ServerError, StyleTransferError, describe
from stylecore.host.jobs import Progress, RunningJob
from stylecore.optimization.iterates import OptimizationResult
from stylecore.serving.job_board import Result
from stylecore.serving.orders import Order

SEND_S = 0.25  # at least, between two reports
logger = logging.getLogger(__name__)


class SentJob(Generic[Progress]):
    """A `RunningJob` whose reports go to another process, some of them a second.

    Args:
        send: Sends the newest progress; returns whether to stop.
    """

    def __init__(self, send: Callable[[Progress], bool]) -> None:
        self.progress: Progress | None = None
        self.paused_s = 0.0  # other jobs have processes of their own
        self._send = send
        self._should_stop = False
        self._sent_at = -math.inf

    def report(self, progress: Progress) -> None:
        self.progress = progress
        if time.monotonic() - self._sent_at >= SEND_S:
            self._should_stop = self._send(progress)
            self._sent_at = time.monotonic()

    def should_stop(self) -> bool:
        return self._should_stop

    def yield_turn(self, share_left: float, *, free_bytes: float = math.inf) -> None:
        pass


@dataclass(frozen=True)
class Outcome:
    """How an order ended: its last progress, and either a result or an error."""

    progress: object
    result: Result | None = None
    error: StyleTransferError | None = None


def work_off(order: Order, send: Callable[[Progress], bool]) -> Outcome:
    """Work off an order in this process; errors are returned as data that any process can read."""
    job: RunningJob = SentJob(send)
    try:
        result = order(job)
    except StyleTransferError as error:
        return Outcome(job.progress, error=_plain(error))
    except Exception as error:
        logger.exception("a custom run failed")
        return Outcome(job.progress, error=_plain(error))
    if isinstance(result, OptimizationResult) and result.error is not None:
        result = replace(result, error=_plain(result.error))
    return Outcome(job.progress, result)


def _plain(error: Exception) -> StyleTransferError:
    """The error without its frames, which hold pictures, and without classes of torch."""
    if isinstance(error, StyleTransferError):
        error.__cause__ = error.__context__ = None
        return error.with_traceback(None)
    return ServerError(describe(error))
