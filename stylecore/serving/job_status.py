"""The state of a custom run as JSON, as the HTTP interface answers it."""

from __future__ import annotations

import math
import zlib
from dataclasses import asdict
from typing import Any

from stylecore.errors import describe
from stylecore.host.jobs import Job
from stylecore.optimization.iterates import OptimizationResult
from stylecore.serving.progress import LearningState, Refinement

NUMBERS = (
    "step",
    "steps",
    "content_loss",
    "style_loss",
    "total_loss",
    "elapsed_s",
    "remaining_s",
)  # of a step


def job_status(job: Job, *, losses_from: int = 0) -> dict[str, Any]:
    """The state of a job, without its pictures.

    Args:
        job: A refinement or a learning of a `JobBoard`.
        losses_from: Number of losses that the asker has already.
    """
    return {
        "id": job.token,
        "kind": job.about.kind,
        "state": job.state.value,
        "place": job.place,
        "is_stopping": job.is_stopping,
        "is_abandoned": job.is_abandoned,
        "is_overdue": job.is_overdue,
        "error": None if job.error is None else describe(job.error),
        "progress": None if job.progress is None else _progress(job.progress, losses_from),
        "result": None if job.result is None else _result(job.result),
    }


def picture_version(picture: bytes | None) -> str | None:
    """A checksum by which a newer picture is told from an older one."""
    return None if picture is None else f"{zlib.crc32(picture):08x}"


def numbers_of(step: object) -> list[float | None]:
    """The numbers of an `Iterate` or `LearningProgress`; None for those that are not finite."""
    values = [getattr(step, name) for name in NUMBERS]
    return [value if math.isfinite(value) else None for value in values]


def _progress(progress: Refinement | LearningState, losses_from: int) -> dict[str, Any]:
    newest = [None] * len(NUMBERS) if progress.newest is None else numbers_of(progress.newest)
    shown = dict(zip(NUMBERS, newest, strict=True))
    first = losses_from if losses_from <= len(progress.losses) else 0  # a run that was begun again has fewer
    shown |= {"losses": progress.losses[first:], "losses_from": first}
    shown |= {"picture": picture_version(progress.picture)}
    if isinstance(progress, Refinement):
        shown |= {"snapshots": [step for step, _ in progress.snapshots]}
        shown |= {"config": asdict(progress.config), "changes": progress.changes}
    return shown


def _result(result: object) -> dict[str, Any]:
    if not isinstance(result, OptimizationResult):
        return {"type": "style file"}
    return {
        "type": "picture",
        "is_stopped": result.is_stopped,
        "error": None if result.error is None else describe(result.error),
        "iterates": [numbers_of(iterate) for iterate in result.iterates],
    }
