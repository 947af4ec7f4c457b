"""A queue whose custom runs are on a painting server, and everything else in this process."""

from __future__ import annotations

import json
import logging
import re
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from stylecore.errors import ServerError, StyleTransferError
from stylecore.host.job_queue import JobQueue
from stylecore.host.jobs import Job, JobState, QueueFullError, UnknownJobError, Work
from stylecore.serving.client import Form, PaintingServer
from stylecore.serving.job_board import KINDS
from stylecore.serving.orders import LearningOrder, Order
from stylecore.serving.records import read_record, write_record
from stylecore.serving.remote_jobs import ANSWER_S, RemoteJob, read_status

START_S = 60.0  # until a server that is sent a custom run counts as away
TOKEN = re.compile("[0-9a-f]{32}")
logger = logging.getLogger(__name__)


class ServedQueue:
    """Sends custom runs to a server, and keeps all other jobs, and all while it is away, in a local queue.

    It has the interface of `JobQueue` as pages use it. Jobs on the server are found by their tokens from any
    process with the same server.

    Args:
        local: The queue of this process.
        server: The server.
        abouts: What the kinds of custom runs are about: records, which travel along.
    """

    def __init__(self, local: JobQueue, server: PaintingServer, abouts: Mapping[str, type]) -> None:
        self._local, self._server, self._abouts = local, server, abouts
        self._lock = threading.Lock()
        self._remote: OrderedDict[str, RemoteJob] = OrderedDict()

    def submit(self, work: Work, *, about: Any = None, owner: str = "", **local: Any) -> Job:
        """Queue a piece of work, on the server if it is a custom run and the server takes it.

        Args:
            work: See `JobQueue.submit`.
            about: The same.
            owner: The same.
            local: What else `JobQueue.submit` takes.
        Raises:
            QueueFullError: No place is left, there or here.
            StyleTransferError: The server finds fault with a picture or a setting.
        """
        if isinstance(work, tuple(KINDS)):
            try:
                return self._start(work, about, owner)
            except (ServerError, UnknownJobError) as error:  # a server of an earlier version has no such path
                if getattr(error, "status", 0) == 429:
                    raise QueueFullError(str(error)) from error
                logger.warning("a custom run stays in this process: %s", error)
        return self._local.submit(work, about=about, owner=owner, **local)

    def find(self, token: str | None) -> Job | None:
        """The job of a token, or None when it is forgotten, there is no token, or the server is away."""
        if (job := self._local.find(token)) is not None or not TOKEN.fullmatch(token or ""):
            return job
        with self._lock:
            if token in self._remote:
                self._remote.move_to_end(token)
                return self._remote[token]
        try:
            return self._keep(self._ask_for(token))
        except UnknownJobError:
            return None
        except StyleTransferError as error:
            logger.warning("a custom run is not looked for: %s", error)
            return None

    @property
    def jobs(self) -> tuple[Job, ...]:
        """All jobs of this process, and those on the server that it has shown."""
        with self._lock:
            return (*self._local.jobs, *self._remote.values())

    @property
    def running(self) -> tuple[Job, ...]:
        """Those of them that run now, as far as it is known."""
        with self._lock:
            remote = [job for job in self._remote.values() if job.known_state is JobState.RUNNING]
        return (*self._local.running, *remote)

    @property
    def is_busy(self) -> bool:
        """Whether a job runs or waits in this process."""
        return self._local.is_busy

    @property
    def is_away(self) -> bool:
        """Whether the server does not answer now."""
        return self._server.is_away

    def _start(self, order: Order, about: Any, owner: str) -> RemoteJob:
        kind = KINDS[type(order)]
        note = "note", "note", write_record(about).encode()
        fields, files = _form(order, about.names[1:])
        form = {**fields, "owner": owner}, [*files, note]
        _, answer = self._server.ask(f"/v1/{kind}s", form=form, timeout_s=START_S)
        return self._keep(RemoteJob(self._server, about, read_status(answer)))

    def _ask_for(self, token: str) -> RemoteJob:
        """Raises `ServerError` for a job that was not started by an app like this one."""
        status = read_status(self._server.ask(f"/v1/jobs/{token}", timeout_s=ANSWER_S)[1])
        _, note = self._server.ask(f"/v1/jobs/{token}/note", timeout_s=ANSWER_S)
        try:
            about = read_record(self._abouts[status["kind"]], note)
        except (ValueError, KeyError) as error:
            raise ServerError(f"the job has no note of this app: {error}") from error
        job = RemoteJob(self._server, about, status)
        job.touch()
        return job

    def _keep(self, job: RemoteJob) -> RemoteJob:
        """Keep a job, unless another thread has; those not asked for longest leave, and are found again."""
        with self._lock:
            job = self._remote.setdefault(job.token, job)
            sizes = [each.held_bytes for each in self._remote.values()]
            while len(sizes) > 1 and (len(sizes) > self._local.kept or sum(sizes) > self._local.kept_bytes):
                self._remote.popitem(last=False)
                del sizes[0]
        return job


def _form(order: Order, names: Sequence[str]) -> Form:
    """An order as the HTTP interface takes it, with the names of the style pictures."""
    is_learning = isinstance(order, LearningOrder)
    styles = order.styles if is_learning else [data for data, _ in order.styles]
    files = [("photo", "photo", order.photo)]
    files += [("style_picture", f"{name}.", data) for name, data in zip(names, styles, strict=True)]
    if is_learning:
        return {"settings": json.dumps(asdict(order.config))}, files
    files += [("mask", "mask.png", mask) for mask in order.masks]
    shares = ",".join(f"{share:.9g}" for _, share in order.styles)
    return {"settings": json.dumps(asdict(order.wanted)), "shares": shares}, files
