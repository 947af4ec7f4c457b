"""Photo looks of the app: at once, fitted in the queue of long jobs, and in full size."""

from __future__ import annotations

import hashlib
import io
import time
from dataclasses import dataclass, replace

from PIL import Image

from pages.shared.long_jobs import job_queue
from pages.shared.painting import (
    WORKING_SIDE,
    encode_screen,
    read_photo,
    screen_mask,
    screen_picture,
)
from pages.shared.turns import large_line
from pages.shared.visit import visit
from pages.shared.where import Where
from stylecore import LookProgress, PhotoLook, PhotoLookConfig, find_subject
from stylecore.host.byte_cache import ByteCache
from stylecore.host.jobs import Job, RunningJob
from stylecore.host.sizes import held_bytes
from stylecore.images.encoding import encode_image
from stylecore.images.metadata import Description
from stylecore.photoreal.config import INSTANT
from stylecore.regions.matching import mask_pairs

METHODS = {"natural": "Natural", "strong": "Strong"}
USUAL_S = {"natural": 8.0, "strong": 14.0}  # of a fitting on two cores
EXPECTED_BYTES = 600_000_000  # that a fitting takes at most
REPORT_S = 0.5  # from one picture to the next
KEPT_BYTES = 64_000_000  # of all kept looks, and of all kept previews


@dataclass(frozen=True)
class Mix:
    """What can be changed at once, without fitting again.

    Attributes:
        strength: 0 is the photo, 1 the look.
        keep_light: Share of the photo's own brightness that stays, 0 to 1.
        where: The part of the photo that takes the look.
    """

    strength: float = 1.0
    keep_light: float = 0.0
    where: Where = Where()

    @property
    def key(self) -> tuple:
        """What tells it from others, for caches."""
        return self.strength, self.keep_light, self.where.key


@dataclass(frozen=True)
class LookPreview:
    """A photo and its look at screen size.

    Attributes:
        original: JPEG or PNG of the photo.
        changed: The same photo in the look.
        size: Width and height of the full photo in pixels.
        is_transparent: Whether any part of the photo is transparent.
    """

    original: bytes
    changed: bytes
    size: tuple[int, int]
    is_transparent: bool


@dataclass(frozen=True)
class LookRequest:
    """What a look is fitted to.

    Attributes:
        photo: Encoded at screen size.
        first: The look at once, encoded at screen size.
        names: Names of the photo and of the reference.
        mix: How it was mixed when it was started.
        choice: What was chosen, to compare with what is chosen now.
    """

    photo: bytes
    first: bytes
    names: tuple[str, str]
    mix: Mix
    choice: tuple


@dataclass(frozen=True)
class LookState:
    """The progress of a fitting.

    Attributes:
        step: Steps done; 0 before the first.
        steps: Steps planned.
        remaining_s: Expected time to the end in seconds; None before the first step.
        elapsed_s: Seconds since the first step began, without pauses.
        picture: The newest picture, encoded at screen size.
    """

    step: int = 0
    steps: int = 0
    remaining_s: float | None = None
    elapsed_s: float = 0.0
    picture: bytes | None = None


instant_looks: ByteCache[PhotoLook] = ByteCache(KEPT_BYTES, held_bytes)
look_previews: ByteCache[LookPreview] = ByteCache(KEPT_BYTES, held_bytes)
LookJob = Job[LookRequest, LookState, PhotoLook]


@dataclass(frozen=True)
class LookWork:
    """The work of a job. While it waits it holds the encoded files.

    Attributes:
        photo: Encoded.
        reference: Encoded.
        first: The look at once.
        method: One of `METHODS`.
        mix: For the pictures on the way.
        mask: Of the part that takes the look, at screen size; None for all.
        region_masks: Of the subjects of photo and reference, see `match_subjects`; none: no regions.
    """

    photo: bytes
    reference: bytes
    first: PhotoLook
    method: str
    mix: Mix
    mask: Image.Image | None
    region_masks: tuple[bytes, ...]

    def __call__(self, job: RunningJob[LookState]) -> PhotoLook:
        job.report(LookState())
        photo = read_photo(self.photo, max_side=WORKING_SIDE)
        shown_at = -REPORT_S

        def show(progress: LookProgress) -> None:
            nonlocal shown_at
            picture = job.progress.picture
            if time.monotonic() - shown_at >= REPORT_S:
                now = replace(self.first, grid=progress.grid)
                picture = encode_screen(_mixed(now, photo, self.mix, self.mask))
                shown_at = time.monotonic()
            ran_s = progress.elapsed_s - job.paused_s
            left_s = ran_s / progress.step * (progress.steps - progress.step)
            job.report(LookState(progress.step, progress.steps, left_s, ran_s, picture))
            job.yield_turn(1 - progress.step / progress.steps)

        reference = read_photo(self.reference, max_side=WORKING_SIDE)
        config = look_config(self.method)
        regions = mask_pairs(self.region_masks, photo, [reference])
        return PhotoLook.fit(
            photo, reference, config, regions=regions, on_progress=show, should_stop=job.should_stop
        )


def look_config(method: str) -> PhotoLookConfig:
    return PhotoLookConfig(method=method)


def instant_look(photo: bytes, reference: bytes, region_masks: tuple[bytes, ...] = ()) -> PhotoLook:
    """The look of a picture for a photo by its colors as a whole, or that of the cache.

    Args:
        photo: The encoded photo.
        reference: The encoded picture.
        region_masks: See `LookWork`; with them, by the colors of each region.
    Raises:
        ImageError: A picture cannot be used; the message says why.
        QueueFullError: Too many wait already.
    """
    key = _digest(photo), _digest(reference), *map(_digest, region_masks)
    if (kept := instant_looks.get(key)) is not None:
        return kept
    small = Image.open(io.BytesIO(screen_picture(photo).encoded))
    other = Image.open(io.BytesIO(screen_picture(reference).encoded))
    regions = mask_pairs(region_masks, small, [other])
    look = PhotoLook.fit(small, other, PhotoLookConfig(method=INSTANT), regions=regions)
    return instant_looks.keep(key, look)


def look_preview(photo: bytes, look: PhotoLook, mix: Mix) -> LookPreview:
    """Apply a look at screen size, or take the picture from the cache.

    Raises:
        ImageError: The photo cannot be used; the message says why.
        QueueFullError: Too many wait already.
    """
    key = _digest(photo), _digest(look.grid.tobytes()), look.thumbnail.tobytes(), mix.key
    if (kept := look_previews.get(key)) is not None:
        return kept
    shown = screen_picture(photo)
    with Image.open(io.BytesIO(shown.encoded)) as small:
        changed = encode_screen(_mixed(look, small, mix, screen_mask(photo, mix.where)))
        is_transparent = small.mode == "RGBA"
    return look_previews.keep(key, LookPreview(shown.encoded, changed, shown.size, is_transparent))


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def full_size_look(photo: bytes, look: PhotoLook, mix: Mix, name: str, file_format: str) -> bytes:
    """Apply a look to a photo in its own size.

    Args:
        photo: The encoded photo.
        look: The look; on another photo than its own, its global part is used.
        mix: How strong it is.
        name: Name of the reference, for the file's metadata.
        file_format: One of `DOWNLOAD_FORMATS`.
    Raises:
        ImageError: The photo cannot be used, or the format cannot hold its size.
        QueueFullError: Too many wait already.
    """
    text = f"look of {name}, {look.config.method}, strength {mix.strength:g}{mix.where.words}"
    with large_line.turn():
        image = read_photo(photo)
        changed = _mixed(look, image, mix, mix.where.mask(image, lambda: find_subject(image)))
    # Each color is the photo's own, transformed: nothing in it was made by a network.
    return encode_image(changed, file_format, description=Description(text, is_generated=False))


def is_fitted_to(look: PhotoLook, photo: bytes) -> bool:
    """Whether a look was fitted to a photo place by place.

    Raises:
        ImageError: The photo cannot be used; the message says why.
    """
    if look.config.method == INSTANT:
        return False
    with Image.open(io.BytesIO(screen_picture(photo).encoded)) as small:
        return look.is_fitted_to(small)


def look_file(look: PhotoLook, mix: Mix) -> bytes:
    """Contents of a look file, with the light that the photo keeps."""
    return replace(look, config=replace(look.config, keep_light=mix.keep_light)).encode()


def _mixed(look: PhotoLook, image: Image.Image, mix: Mix, mask: Image.Image | None) -> Image.Image:
    """Apply a look where a mask is white, or everywhere without one."""
    changed = look.apply(image, mix.strength, keep_light=mix.keep_light)
    return changed if mask is None else Image.composite(changed, image.convert(changed.mode), mask)


def expected_seconds(method: str) -> float:
    """Predict how long a fitting takes, from the newest one here."""
    seconds = USUAL_S[method]
    for job in job_queue().jobs:
        state = job.progress
        if isinstance(state, LookState) and state.step and state.step == state.steps:
            found = job.result.config.method if isinstance(job.result, PhotoLook) else method
            seconds = state.elapsed_s * USUAL_S[method] / USUAL_S.get(found, USUAL_S[method])
    return seconds


def start_look(
    photo: bytes,
    reference: bytes,
    method: str,
    mix: Mix,
    *,
    names: tuple[str, str],
    choice: tuple,
    region_masks: tuple[bytes, ...] = (),
) -> str:
    """Queue the fitting of a look; returns the token that finds its job in `job_queue`.

    Args:
        photo: The encoded photo.
        reference: The encoded picture whose look it is.
        method: One of `METHODS`.
        mix: For the pictures on the way.
        names: Names of both pictures.
        choice: See `LookRequest`.
        region_masks: See `LookWork`.
    Raises:
        ImageError: A picture cannot be used.
        QueueFullError: Too many visitors wait already, or this one has too many jobs.
    """
    first = instant_look(photo, reference, region_masks)
    shown = look_preview(photo, first, mix)
    request = LookRequest(shown.original, shown.changed, names, mix, choice)
    job = job_queue().submit(
        LookWork(photo, reference, first, method, mix, screen_mask(photo, mix.where), region_masks),
        about=request,
        expected_s=expected_seconds(method),
        expected_bytes=EXPECTED_BYTES,
        held_bytes=held_bytes(photo, reference, region_masks),
        owner=visit().owner,
    )
    return job.token
