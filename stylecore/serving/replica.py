"""A process that paints, as Ray Serve runs it."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from ray import serve

from stylecore.errors import StyleTransferError
from stylecore.host.cgroups import THREADS_VARIABLE
from stylecore.instant.networks import MAX_OWN_NETWORKS
from stylecore.serving.batching import Pass, SharedNetworks, run_together
from stylecore.serving.config import ServingConfig
from stylecore.serving.painting import PhotoPainter
from stylecore.serving.painting_request import Painted, PaintRequest


class Painter:
    """Paints requests with an engine of its own.

    Args:
        config: Settings of the server.
    Raises:
        DeviceError: See `FastStylizer`.
        WeightsError: See `FastStylizer`.
    """

    def __init__(self, config: ServingConfig) -> None:
        os.environ[THREADS_VARIABLE] = str(max(1, round(config.cpus)))
        networks = SharedNetworks(config.device, self._run_pass) if config.batch > 1 else None
        self._painter = PhotoPainter(config.device, megapixels=config.megapixels, networks=networks)
        self._threads = ThreadPoolExecutor(config.concurrent, thread_name_prefix="paint")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._run_passes.set_max_batch_size(config.batch)
        self._run_passes.set_batch_wait_timeout_s(config.batch_wait_s)

    async def paint(self, request: PaintRequest) -> Painted | Exception:
        """Paint a photo; an error raised on purpose is returned, so that Ray does not wrap it."""
        self._loop = asyncio.get_running_loop()
        if own_network := serve.get_multiplexed_model_id():
            await self._note_network(own_network)
        try:
            return await self._loop.run_in_executor(self._threads, self._painter.paint, request)
        except StyleTransferError as error:
            return error.with_traceback(None)

    async def run_network(self, model: str, feed: dict[str, np.ndarray]) -> np.ndarray | Exception:
        """Run a network in `weights/`; errors are returned as by `paint`."""
        self._loop = asyncio.get_running_loop()
        try:
            return await self._loop.run_in_executor(self._threads, self._painter.run_network, model, feed)
        except StyleTransferError as error:
            return error.with_traceback(None)

    async def check_health(self) -> None:
        """Called by Serve, which replaces a process whose check fails."""
        self._loop = asyncio.get_running_loop()
        await asyncio.to_thread(self._painter.check)

    @serve.multiplexed(max_num_models_per_replica=MAX_OWN_NETWORKS)
    async def _note_network(self, name: str) -> str:
        """Tell Serve that this process has a network loaded; the engine itself keeps the last ones."""
        return name

    def _run_pass(self, each: Pass) -> np.ndarray:
        """Hand a pass of a painting thread to the batch, and wait for its painting."""
        painting = asyncio.run_coroutine_threadsafe(self._run_passes(each), self._loop).result()
        if isinstance(painting, Exception):
            raise painting
        return painting

    @serve.batch
    async def _run_passes(self, passes: list[Pass]) -> list[np.ndarray | Exception]:
        return await asyncio.to_thread(run_together, passes)
