"""The part of the HTTP interface for custom runs: start, progress, cancel, result."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal, Protocol

from fastapi import APIRouter, File, Form, Query, Request, UploadFile
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from stylecore.errors import StyleError
from stylecore.host.extras import has_extra, missing_extra
from stylecore.images.encoding import encode_image
from stylecore.images.loading import load_image
from stylecore.images.metadata import describe_refinement
from stylecore.learning.learning_config import LearningConfig, check_learning_config
from stylecore.optimization.config import CLASSIC_RECIPE, QUALITIES, OptimizationConfig, check_config
from stylecore.optimization.iterates import OptimizationResult
from stylecore.serving.config import ServingConfig
from stylecore.serving.errors_api import describe_errors
from stylecore.serving.job_board import JobAbout, Progress, Result
from stylecore.serving.orders import LearningOrder, Order, RefinementOrder
from stylecore.serving.records import read_record
from stylecore.styles.files import encode_style_file

MAX_STYLES = 8  # style pictures of one custom run
MAX_NOTE_BYTES = 20_000_000
NOTE_HELP = "Anything to keep with the job, for whoever finds it again."
OWNER_HELP = "Whose job it is: each owner has a limited number at once. Empty: nobody's."
ID_HELP = "The id of the job, 128 random bits; who has it can see and cancel the job, nobody else."


class Jobs(Protocol):
    """The custom runs of a server; methods as of `JobBoard`."""

    async def start(self, order: Order, about: JobAbout, owner: str = "") -> dict[str, Any]: ...

    async def status(self, job_id: str, losses_from: int = 0) -> dict[str, Any]: ...

    async def picture(self, job_id: str, step: int | None = None) -> bytes: ...

    async def about(self, job_id: str) -> JobAbout: ...

    async def result(self, job_id: str) -> tuple[JobAbout, Progress, Result]: ...

    async def cancel(self, job_id: str) -> dict[str, Any]: ...


def add_jobs(router: APIRouter, jobs: Jobs, config: ServingConfig) -> None:
    """Add the paths of custom runs to a server."""
    _add_refinements(router, jobs, config)
    _add_learnings(router, jobs, config)
    _add_looking(router, jobs)
    _add_results(router, jobs)


def _add_refinements(router: APIRouter, jobs: Jobs, config: ServingConfig) -> None:
    @router.post(
        "/v1/refinements",
        status_code=202,
        responses=describe_errors(400, 413, 429, 500, 503),
        summary="Begin to paint a photo in any style by optimization",
    )
    async def start_refinement(
        request: Request,
        photo: Annotated[UploadFile, File(description="The photo.")],
        style_picture: Annotated[
            list[UploadFile], File(description="Pictures to paint like.", max_length=MAX_STYLES)
        ],
        shares: Annotated[
            str, Form(description="Weights of the style pictures, as 2,1; all alike if left out.")
        ] = "",
        mask: Annotated[
            list[UploadFile] | None,
            File(description="PNG masks: of each part that of the photo, then those of the style pictures."),
        ] = None,
        quality: Annotated[Literal["quick", "good", "best", "classic"], Form()] = "good",
        settings: Annotated[
            str, Form(description="Fields of `OptimizationConfig` that differ from the quality's, as JSON.")
        ] = "{}",
        note: Annotated[UploadFile | None, File(description=NOTE_HELP)] = None,
        owner: Annotated[str, Form(max_length=200, description=OWNER_HELP)] = "",
    ) -> JSONResponse:
        _check_torch()
        base = {**QUALITIES, "classic": CLASSIC_RECIPE}[quality]
        wanted = _settings(OptimizationConfig, settings, base, config.device, check_config)
        weights = _read_shares(shares, len(style_picture))
        masks = tuple([await each.read() for each in mask or []])
        if len(masks) % (1 + len(style_picture)):
            raise StyleError(
                f"{len(masks)} masks came: {1 + len(style_picture)} are needed for each part, that of the "
                "photo and those of the style pictures"
            )
        pictures = [await each.read() for each in (photo, *style_picture)]
        size = await run_in_threadpool(_check_pictures, [*pictures, *masks], config.megapixels)
        order = RefinementOrder(
            pictures[0],
            tuple(zip(pictures[1:], weights, strict=True)),
            size,
            wanted,
            masks,
            megapixels=config.megapixels,
            shared_by=config.jobs,
        )
        about = JobAbout("refinement", _names(style_picture), weights, await _read_note(note))
        return _started(request, await jobs.start(order, about, owner))


def _add_learnings(router: APIRouter, jobs: Jobs, config: ServingConfig) -> None:
    @router.post(
        "/v1/learnings",
        status_code=202,
        responses=describe_errors(400, 413, 429, 500, 503),
        summary="Begin to learn a style from its pictures",
    )
    async def start_learning(
        request: Request,
        photo: Annotated[UploadFile, File(description="A photo to learn on, which is painted as a sample.")],
        style_picture: Annotated[
            list[UploadFile], File(description="Pictures of one style.", max_length=MAX_STYLES)
        ],
        settings: Annotated[
            str, Form(description="Fields of `LearningConfig` that differ from its defaults, as JSON.")
        ] = "{}",
        note: Annotated[UploadFile | None, File(description=NOTE_HELP)] = None,
        owner: Annotated[str, Form(max_length=200, description=OWNER_HELP)] = "",
    ) -> JSONResponse:
        _check_torch()
        wanted = _settings(LearningConfig, settings, LearningConfig(), config.device, check_learning_config)
        pictures = [await each.read() for each in (photo, *style_picture)]
        await run_in_threadpool(_check_pictures, pictures, config.megapixels)
        order = LearningOrder(pictures[0], tuple(pictures[1:]), wanted, config.megapixels)
        names = _names(style_picture)
        about = JobAbout("learning", names, (1.0,) * len(names), await _read_note(note))
        return _started(request, await jobs.start(order, about, owner))


def _add_looking(router: APIRouter, jobs: Jobs) -> None:
    @router.get(
        "/v1/jobs/{job_id}", responses=describe_errors(404, 503), summary="State and progress of a job"
    )
    async def status(
        job_id: str,
        losses_from: Annotated[int, Query(ge=0, description="Leave out so many of the losses.")] = 0,
    ) -> JSONResponse:
        return JSONResponse(await jobs.status(job_id, losses_from))

    @router.post(
        "/v1/jobs/{job_id}/cancel",
        responses=describe_errors(404, 503),
        summary="End a job after its step, with the best so far",
    )
    async def cancel(job_id: str) -> JSONResponse:
        return JSONResponse(await jobs.cancel(job_id))

    @router.get(
        "/v1/jobs/{job_id}/picture",
        response_class=Response,
        responses=describe_errors(404, 409, 503),
        summary="The newest picture of a job, at most 1,024 px",
    )
    async def picture(
        job_id: str, step: Annotated[int | None, Query(description="Of `snapshots`: that one.")] = None
    ) -> Response:
        data = await jobs.picture(job_id, step)
        return Response(data, media_type="image/png" if data.startswith(b"\x89PNG") else "image/jpeg")

    @router.get(
        "/v1/jobs/{job_id}/note",
        response_class=Response,
        responses=describe_errors(404, 503),
        summary="What was kept with the job",
    )
    async def note(job_id: str) -> Response:
        return Response((await jobs.about(job_id)).note, media_type="application/octet-stream")


def _add_results(router: APIRouter, jobs: Jobs) -> None:
    @router.get(
        "/v1/jobs/{job_id}/result",
        response_class=Response,
        responses=describe_errors(400, 404, 409, 503),
        summary="The painting, or the style file",
    )
    async def result(job_id: str, file_format: Literal["png", "jpeg", "webp"] = "png") -> Response:
        about, progress, made = await jobs.result(job_id)
        if isinstance(made, OptimizationResult):
            data = await run_in_threadpool(_encode_painting, about, progress, made, file_format)
            return Response(data, media_type=f"image/{file_format}")
        data = await run_in_threadpool(encode_style_file, made)
        return Response(data, media_type="application/octet-stream")


def _encode_painting(
    about: JobAbout, progress: Progress, made: OptimizationResult, file_format: str
) -> bytes:
    config = progress.config
    description = describe_refinement(
        zip(about.names, about.shares, strict=True),
        steps=len(made.iterates),
        preserve_color=config.preserve_color,
        keep_faces=config.keep_faces,
        strokes=f"{config.stroke_size or config.max_side} px",
    )
    return encode_image(made.image, file_format.upper(), description=description)


def _check_torch() -> None:
    if not has_extra("torch"):
        raise missing_extra("torch")


def _settings(kind: type, text: str, base: Any, device: str, check: Any) -> Any:
    """Settings of a request, which runs on the server's device."""
    try:
        wanted = replace(read_record(kind, text, base=base), device=device)
        check(wanted)
    except ValueError as error:
        raise HTTPException(400, f"settings: {error}") from error
    return wanted


def _read_shares(text: str, pictures: int) -> tuple[float, ...]:
    try:
        shares = tuple(float(share) for share in text.split(",")) if text else (1.0,) * pictures
    except ValueError as error:
        raise StyleError(f"shares are {text!r}: numbers are needed, as 2,1") from error
    if len(shares) != pictures:
        raise StyleError(f"{len(shares)} shares for {pictures} style pictures: one for each is needed")
    if not all(0 <= share < math.inf for share in shares) or not any(shares):
        raise StyleError(f"shares are {text!r}: numbers of at least 0, not all 0, are needed")
    return shares


def _check_pictures(pictures: Sequence[bytes], megapixels: float) -> tuple[int, int]:
    """Width and height of the first of the pictures, all of which can be read."""
    sizes = [load_image(data, max_megapixels=megapixels).size for data in pictures]
    return sizes[0]


def _names(files: Sequence[UploadFile]) -> tuple[str, ...]:
    """Names without endings, as they may stand in the metadata of a painting."""
    stems = ((each.filename or "").rsplit(".", 1)[0] for each in files)
    return tuple(
        "".join(letter for letter in stem if letter.isprintable())[:100] or "style" for stem in stems
    )


async def _read_note(note: UploadFile | None) -> bytes:
    data = b"" if note is None else await note.read()
    if len(data) > MAX_NOTE_BYTES:
        raise HTTPException(413, f"the note has {len(data)} bytes: at most {MAX_NOTE_BYTES} are accepted")
    return data


def _started(request: Request, status: dict[str, Any]) -> JSONResponse:
    return JSONResponse(
        status, 202, {"Location": f"{request.url.path.rsplit('/', 1)[0]}/jobs/{status['id']}"}
    )
