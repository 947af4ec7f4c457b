"""Custom runs on Ray: an actor that keeps them, and actors that work them off."""

from __future__ import annotations

import logging
import os
import threading
from typing import Any

import ray
from ray.actor import ActorHandle
from ray.exceptions import RayActorError, RayTaskError

from stylecore.errors import ServerError
from stylecore.host.cgroups import THREADS_VARIABLE
from stylecore.host.jobs import RunningJob
from stylecore.serving.config import ServingConfig
from stylecore.serving.job_board import JobAbout, JobBoard, Progress, Result
from stylecore.serving.local_ray import NAMESPACE
from stylecore.serving.orders import Order
from stylecore.serving.sent_job import Outcome, work_off

BOARD_NAME = "custom_runs"  # of the actor that keeps them
BOARD_CALLS = 32  # that it answers at once
TRIES = 2  # of an order whose process ends
logger = logging.getLogger(__name__)


class JobWorker:
    """Works off orders, one at a time, in a process of its own."""

    def __init__(self, config: ServingConfig) -> None:
        os.environ[THREADS_VARIABLE] = str(max(1, round(config.job_cpus)))

    def work(self, order: Order, job_id: str, board: ActorHandle) -> Outcome:
        """Work off an order, whose progress goes to the board."""
        return work_off(order, lambda progress: ray.get(board.report.remote(job_id, progress)))


class WorkerPool:
    """Hands orders to processes, which stay for the next ones: importing torch takes seconds.

    Args:
        config: Settings of the server.
    """

    def __init__(self, config: ServingConfig) -> None:
        self._config = config
        self._idle: list[ActorHandle] = []
        self._lock = threading.Lock()

    def run(self, order: Order, job: RunningJob) -> Result:
        """Work off an order; one whose process ends is tried once more.

        Raises:
            ServerError: The processes that worked at it ended.
            StyleTransferError: See `RefinementOrder` and `LearningOrder`.
        """
        board = ray.get_actor(BOARD_NAME, namespace=NAMESPACE)
        for _ in range(TRIES):
            worker = self._take()
            try:
                outcome = ray.get(worker.work.remote(order, job.token, board))
            except RayActorError as error:
                logger.warning("a process ended while it worked at a custom run: %s", error)
                continue
            with self._lock:
                self._idle.append(worker)
            job.report(outcome.progress)
            if outcome.error is not None:
                raise outcome.error
            return outcome.result
        raise ServerError("the processes that worked at it ended, twice")

    def _take(self) -> ActorHandle:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        config = self._config
        return (
            ray.remote(JobWorker).options(num_cpus=config.job_cpus, num_gpus=config.job_gpus).remote(config)
        )


class BoardActor(JobBoard):
    """A `JobBoard` whose orders are worked off by other actors."""

    def __init__(self, config: ServingConfig) -> None:
        super().__init__(config, WorkerPool(config).run)


def start_board(config: ServingConfig) -> ActorHandle | None:
    """Start the actor that keeps the custom runs; None where none are accepted.

    It is begun again, without its jobs, if its process ends.
    """
    if not config.jobs:
        return None
    options = {"name": BOARD_NAME, "namespace": NAMESPACE, "num_cpus": 0, "max_restarts": -1}
    return ray.remote(BoardActor).options(**options, max_concurrency=BOARD_CALLS).remote(config)


class RayJobs:
    """The custom runs of a server on Ray, see `Jobs`."""

    def __init__(self) -> None:
        self._board = ray.get_actor(BOARD_NAME, namespace=NAMESPACE)

    async def start(self, order: Order, about: JobAbout, owner: str = "") -> dict[str, Any]:
        return await self._ask("start", order, about, owner)

    async def status(self, job_id: str, losses_from: int = 0) -> dict[str, Any]:
        return await self._ask("status", job_id, losses_from)

    async def picture(self, job_id: str, step: int | None = None) -> bytes:
        return await self._ask("picture", job_id, step)

    async def about(self, job_id: str) -> JobAbout:
        return await self._ask("about", job_id)

    async def result(self, job_id: str) -> tuple[JobAbout, Progress, Result]:
        return await self._ask("result", job_id)

    async def cancel(self, job_id: str) -> dict[str, Any]:
        return await self._ask("cancel", job_id)

    async def _ask(self, method: str, *given: Any) -> Any:
        try:
            return await getattr(self._board, method).remote(*given)
        except RayTaskError as error:
            raise error.cause.with_traceback(None) from None
        except RayActorError as error:
            raise ServerError("the process that keeps the custom runs has ended") from error
