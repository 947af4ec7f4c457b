"""The painting server as an application of Ray Serve: one process answers HTTP, others paint."""

from __future__ import annotations

import asyncio
import logging
import math
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import ray
from ray import serve
from ray.exceptions import RayActorError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError
from ray.serve.handle import DeploymentHandle

from stylecore.errors import ServerError
from stylecore.host.jobs import QueueFullError
from stylecore.serving.config import ServingConfig
from stylecore.serving.http_api import http_api
from stylecore.serving.job_actors import RayJobs, start_board
from stylecore.serving.local_ray import running_ray
from stylecore.serving.painting_request import Painted, PaintRequest, StylePicture
from stylecore.serving.replica import Painter

APP_NAME = "impasto"
START_S = 300.0  # until a server that does not paint yet counts as failed
FRONT_PLACES = 1000  # requests that the front may hold; the queue in front of the painters has its own limit
LOGGING = {"enable_access_log": False}  # paths have the ids of custom runs
logger = logging.getLogger(__name__)


class RayService:
    """Sends requests to the processes that paint.

    Args:
        painters: Handle of the deployment of `Painter`.
        config: Settings of the server.
        jobs: The custom runs; None where none are accepted.
    """

    def __init__(
        self, painters: DeploymentHandle, config: ServingConfig, jobs: RayJobs | None = None
    ) -> None:
        self._painters, self._config, self.jobs = painters, config, jobs

    async def paint(self, request: PaintRequest) -> Painted:
        """Paint a photo; a request whose process ends is tried once more. See `PaintingService`."""
        handle = self._painters.options(multiplexed_model_id=_own_network(request))
        return await self._ask(lambda: handle.paint.remote(request))

    async def run_network(self, model: str, feed: dict[str, np.ndarray]) -> np.ndarray:
        """Run a network in a process; tried once more if it ends. See `TensorService`."""
        return await self._ask(lambda: self._painters.run_network.remote(model, feed))

    async def _ask(self, send: Callable[[], Awaitable[Any]]) -> Any:
        """The answer of a process within the time."""
        try:
            async with asyncio.timeout(self._config.timeout_s):
                answer = await _ask_twice(send)
        except TimeoutError as error:
            raise ServerError(f"there was no answer within {self._config.timeout_s:g} s") from error
        except BackPressureError as error:
            raise QueueFullError(
                f"{self._config.queue} requests are waiting already, which is all there is room for"
            ) from error
        except DeploymentUnavailableError as error:
            raise ServerError("no process can paint now") from error
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def count_replicas(self) -> int:
        """Return the number of processes that can paint now."""
        status = await asyncio.to_thread(serve.status)
        painters = status.applications[APP_NAME].deployments[Painter.__name__]
        return painters.replica_states.get("RUNNING", 0)


async def _ask_twice(send: Callable[[], Awaitable[Any]]) -> Any:
    try:
        return await send()
    except RayActorError as error:
        logger.warning("a process ended while it painted: its request is tried once more: %s", error)
    try:
        return await send()
    except RayActorError as error:
        raise ServerError("the processes that worked at this request ended, twice") from error


def _own_network(request: PaintRequest) -> str:
    """Name of the network that a style brings along, so that a process is chosen that has it loaded."""
    own = [
        style.sha256
        for style, _ in request.styles
        if not isinstance(style, StylePicture) and (style.foreign_network or style.trunk)
    ]
    return own[0] if own else ""


def build_application(config: ServingConfig) -> serve.Application:
    """Build the application that Ray Serve runs."""

    def build_api() -> object:
        painters = serve.get_deployment_handle(Painter.__name__, app_name=APP_NAME)
        return http_api(RayService(painters, config, RayJobs() if config.jobs else None), config)

    @serve.deployment(
        max_ongoing_requests=FRONT_PLACES, ray_actor_options={"num_cpus": 0}, graceful_shutdown_timeout_s=5
    )
    @serve.ingress(build_api)
    class Front:
        def __init__(self, painters: DeploymentHandle) -> None:
            pass  # Serve starts the painters first

    return Front.bind(_painters(config).bind(config))


def _painters(config: ServingConfig) -> serve.Deployment:
    scaling: dict = {"num_replicas": config.min_replicas}
    if config.max_replicas > config.min_replicas:
        limits = {"min_replicas": config.min_replicas, "max_replicas": config.max_replicas}
        scaling = {"autoscaling_config": limits | {"target_ongoing_requests": config.concurrent}}
    return serve.deployment(Painter).options(
        **scaling,
        max_ongoing_requests=config.concurrent,
        max_queued_requests=config.queue,
        health_check_timeout_s=config.timeout_s,
        graceful_shutdown_timeout_s=5,
        ray_actor_options={"num_cpus": config.cpus, "num_gpus": config.gpus},
    )


@contextmanager
def running_server(config: ServingConfig, *, address: str, cpus: int | None = None) -> Iterator[str]:
    """Run a painting server; yields its address once it paints.

    Args:
        config: Its settings.
        address: Of a Ray cluster, see `running_ray`.
        cpus: See `running_ray`.
    Raises:
        ServerError: It does not start.
    """
    with running_ray(address, cpus=cpus or _least_cpus(config)):
        board = start_board(config)
        try:
            _start(config)
            yield f"http://{config.host}:{config.port}"
        finally:
            serve.shutdown()
            del board  # the actor lives as long as its handle


def _least_cpus(config: ServingConfig) -> int | None:
    """Cores that Ray is told of where this machine has too few for all processes, which then share them."""
    needed = math.ceil(config.min_replicas * config.cpus + config.jobs * config.job_cpus)
    return needed if needed > (os.cpu_count() or 1) else None


def _start(config: ServingConfig) -> None:
    """Start the application; Serve's own limit of a minute is too short for busy machines."""
    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    deadline = time.monotonic() + START_S
    while True:
        try:
            serve.start(http_options={"host": config.host, "port": config.port}, logging_config=LOGGING)
            serve.run(build_application(config), name=APP_NAME, route_prefix="/", logging_config=LOGGING)
            return
        except TimeoutError as error:
            if time.monotonic() > deadline:
                raise ServerError(f"the server did not start within {START_S:.0f} s: {error}") from error
        except (RuntimeError, ray.exceptions.RayError) as error:
            raise ServerError(f"the server does not start: {error}") from error
