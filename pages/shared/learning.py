"""Learning a style from the visitor's pictures: starting it."""

from __future__ import annotations

from collections.abc import Sequence

from pages.shared.limits import limits
from pages.shared.long_jobs import job_queue
from pages.shared.painting import screen_picture
from pages.shared.run_requests import LearningRequest
from pages.shared.visit import visit
from stylecore import LearningConfig, Style
from stylecore.host.jobs import Job
from stylecore.host.sizes import held_bytes
from stylecore.serving.orders import LearningOrder
from stylecore.serving.progress import LearningState

MINUTES = (1.0, 3.0, 10.0)
FIT_S = 20.0  # that a fit takes on two cores
EXPECTED_BYTES = 1_500_000_000  # that it takes at most, see docs/measurements.md

LearningJob = Job[LearningRequest, LearningState, Style]


def start_learning(
    photo: bytes,
    styles: Sequence[bytes],
    config: LearningConfig,
    *,
    names: tuple[str, ...],
    instant: bytes,
    choice: str,
) -> str:
    """Queue a learning; returns the token that finds its job in `job_queue`.

    Args:
        photo: The encoded photo.
        styles: Encoded style pictures.
        config: Settings.
        names: Names of the photo and the style pictures.
        instant: The encoded instant painting.
        choice: See `LearningRequest`.
    Raises:
        ImageError: A picture cannot be used.
        QueueFullError: Too many visitors wait already, or this one has too many jobs.
    """
    request = LearningRequest(
        photo=screen_picture(photo).encoded,
        first=instant,
        styles=tuple(screen_picture(data).encoded for data in styles),
        names=names,
        choice=choice,
        config=config,
    )
    job = job_queue().submit(
        LearningOrder(photo, tuple(styles), config, limits().megapixels),
        held_bytes=held_bytes(photo, tuple(styles)),
        about=request,
        owner=visit().owner,
        expected_s=60 * config.minutes or FIT_S,
        expected_bytes=EXPECTED_BYTES,
    )
    return job.token
