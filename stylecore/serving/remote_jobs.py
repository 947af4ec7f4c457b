"""Custom runs on a painting server: the same `Job` that the queue of this process has."""

from __future__ import annotations

import json
import logging
import math
import threading
import time
from collections.abc import Mapping
from typing import Any, Generic
from urllib.parse import quote

from stylecore.errors import ImageError, ServerError, StyleTransferError
from stylecore.host.jobs import FINAL_STATES, About, JobState, UnknownJobError
from stylecore.host.sizes import held_bytes
from stylecore.images.loading import load_image
from stylecore.learning.learning_progress import LearningProgress
from stylecore.optimization.config import OptimizationConfig
from stylecore.optimization.iterates import Iterate, OptimizationResult
from stylecore.serving.client import PaintingServer
from stylecore.serving.job_status import NUMBERS, picture_version
from stylecore.serving.progress import LearningState, Refinement
from stylecore.serving.records import read_record
from stylecore.styles.files import load_style_file
from stylecore.styles.style import Style

REFRESH_S = 0.7  # at least, between two questions about one job
ANSWER_S = 20.0  # until a server that does not answer a question counts as away
POLL_S = 0.1  # of `wait`
FORGOTTEN = "the painting server has forgotten this run, perhaps because it was started anew"
logger = logging.getLogger(__name__)


class RemoteJob(Generic[About]):
    """A job on a painting server, see `Job`.

    Who asks for its state or place, or touches it, gets news that are at most `REFRESH_S` old while the
    server answers. Progress, result and error are those of the last news, so that many jobs can be looked at.

    Args:
        server: The server.
        about: What it was made of.
        status: Its status as the server answered it.
    """

    paused_s = 0.0

    def __init__(self, server: PaintingServer, about: About, status: Mapping[str, Any]) -> None:
        self.token, self.kind = str(status["id"]), str(status["kind"])
        self.about = about
        self._server, self._path = server, f"/v1/jobs/{quote(self.token, safe='')}"
        self._lock = threading.Lock()
        self._asked_at = -math.inf
        self._is_cancelled = self._is_away = False
        self.progress: Refinement | LearningState | None = None
        self.result: OptimizationResult | Style | None = None
        self.error: StyleTransferError | None = None
        self._status, self._state = status, JobState.WAITING

    @property
    def state(self) -> JobState:
        self._refresh()
        return self._state

    @property
    def place(self) -> int:
        self._refresh()
        return 0 if self._state in FINAL_STATES else int(self._status["place"])

    @property
    def is_finished(self) -> bool:
        return self.state in FINAL_STATES

    @property
    def known_state(self) -> JobState:
        """The state that was heard last; nothing is asked."""
        return self._state

    @property
    def held_bytes(self) -> int:
        """Memory that it takes in this process."""
        return held_bytes(self.about, self.progress, self.result)

    @property
    def is_stopping(self) -> bool:
        return self._is_cancelled or bool(self._status["is_stopping"])

    @property
    def is_abandoned(self) -> bool:
        return bool(self._status["is_abandoned"])

    @property
    def is_overdue(self) -> bool:
        return bool(self._status["is_overdue"])

    @property
    def is_away(self) -> bool:
        return self._is_away

    def touch(self) -> None:
        self._refresh()  # the server notes who asks

    def cancel(self) -> None:
        """Ask it to stop; where the server is away, once it answers again."""
        self._is_cancelled = True
        self._asked_at = -math.inf
        self._refresh()

    def wait(self, timeout_s: float | None = None) -> bool:
        deadline = math.inf if timeout_s is None else time.monotonic() + timeout_s
        while not self.is_finished:
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_S)
        return True

    def _refresh(self) -> None:
        """Ask for news, unless it was asked a moment ago or another thread does."""
        if self._state in FINAL_STATES or time.monotonic() - self._asked_at < REFRESH_S:
            return
        if not self._lock.acquire(blocking=False):
            return
        try:
            self._take_news()
            self._is_away = False
        except UnknownJobError:
            self.error, self._state = ServerError(FORGOTTEN), JobState.FAILED
        except StyleTransferError as error:
            logger.warning("no news of a custom run: %s", error)
            self._is_away = True
        finally:
            self._asked_at = time.monotonic()
            self._lock.release()

    def _take_news(self) -> None:
        losses = 0 if self.progress is None else len(self.progress.losses)
        status = self._ask(f"?losses_from={losses}")
        state = JobState(status["state"])
        if self._is_cancelled and not status["is_stopping"] and state not in FINAL_STATES:
            self._server.ask(f"{self._path}/cancel", body=b"", timeout_s=ANSWER_S)
        if status["progress"] is not None:
            read = self._read_refinement if self.kind == "refinement" else self._read_learning
            self.progress = read(status["progress"])
        if status["result"] is not None:
            self.result = self._read_result(status["result"])
        if status["error"] is not None:
            self.error = StyleTransferError(status["error"])
        self._status, self._state = status, state

    def _read_refinement(self, shown: Mapping[str, Any]) -> Refinement:
        config, before = read_record(OptimizationConfig, json.dumps(shown["config"])), self.progress
        is_same = before is not None and before.config == config  # else it was begun again, smaller
        known = dict(before.snapshots) if is_same else {}
        for step in shown["snapshots"]:
            if step not in known:
                known[step] = self._bytes(f"/picture?step={step}")
        return Refinement(
            config=config,
            changes=tuple(shown["changes"]),
            losses=self._losses(shown),
            snapshots=tuple((step, known[step]) for step in shown["snapshots"]),
            picture=self._newest_picture(shown["picture"], known),
            newest=_step(Iterate, [shown[name] for name in NUMBERS]),
        )

    def _read_learning(self, shown: Mapping[str, Any]) -> LearningState:
        return LearningState(
            losses=self._losses(shown),
            picture=self._newest_picture(shown["picture"], {}),
            newest=_step(LearningProgress, [shown[name] for name in NUMBERS]),
        )

    def _losses(self, shown: Mapping[str, Any]) -> tuple[float, ...]:
        before = () if self.progress is None else self.progress.losses
        return (*before[: shown["losses_from"]], *shown["losses"])

    def _newest_picture(self, version: str | None, snapshots: Mapping[int, bytes]) -> bytes | None:
        before = None if self.progress is None else self.progress.picture
        newest = next(reversed(snapshots.values()), None)
        for picture in (before, newest):
            if picture_version(picture) == version:
                return picture
        return self._bytes("/picture")

    def _read_result(self, made: Mapping[str, Any]) -> OptimizationResult | Style:
        data = self._bytes("/result")
        if made["type"] == "style file":
            return load_style_file(data)
        try:
            image = load_image(data, max_megapixels=math.inf)
        except ImageError as error:
            raise ServerError(f"the painting server answered with no picture: {error}") from error
        iterates = tuple(_step(Iterate, numbers) for numbers in made["iterates"])
        error = None if made["error"] is None else StyleTransferError(made["error"])
        return OptimizationResult(image, iterates, made["is_stopped"], error)

    def _ask(self, query: str) -> Mapping[str, Any]:
        return read_status(self._server.ask(self._path + query, timeout_s=ANSWER_S)[1])

    def _bytes(self, path: str) -> bytes:
        return self._server.ask(self._path + path, timeout_s=ANSWER_S)[1]


def read_status(answer: bytes) -> Mapping[str, Any]:
    """The status in a server's answer.

    Raises:
        ServerError: There is none.
    """
    try:
        status = json.loads(answer)
        JobState(status["state"])
        return status
    except (ValueError, KeyError, TypeError) as error:
        raise ServerError(f"the painting server answers with no state of a job: {error}") from error


def _step(kind: type, numbers: list[float | None]) -> Any:
    """A step of its numbers; None before the first."""
    if numbers[0] is None:
        return None
    return kind(*(math.nan if number is None else number for number in numbers), image=None)
