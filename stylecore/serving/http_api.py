"""The HTTP interface of a painting server: picture in, picture out. `/openapi.json` describes it."""

from __future__ import annotations

import secrets
from typing import Annotated, Protocol

from fastapi import APIRouter, Depends, FastAPI, File, Form, Request, UploadFile
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartParser

from stylecore import __version__, list_styles
from stylecore.errors import ServerError
from stylecore.images.sizes import MIN_SIDE
from stylecore.instant.stylizer import MAX_STRENGTH, STROKE_SCALES, STROKE_SIZES
from stylecore.serving.body_limit import BodyLimit
from stylecore.serving.config import ServingConfig
from stylecore.serving.errors_api import add_error_handlers, describe_errors
from stylecore.serving.job_api import Jobs, add_jobs
from stylecore.serving.metrics import Measured, Metrics
from stylecore.serving.painting_request import (
    MEDIA_TYPES,
    FileFormat,
    Painted,
    PaintRequest,
    PaintSettings,
)
from stylecore.serving.request_styles import STYLE_HELP, read_styles
from stylecore.serving.tensor_api import TensorService, add_health, add_tensors

DEFAULTS = PaintSettings()


class PaintingService(TensorService, Protocol):
    """What paints the requests.

    Attributes:
        jobs: The custom runs; None where none are accepted.
    """

    jobs: Jobs | None

    async def paint(self, request: PaintRequest) -> Painted:
        """Paint a photo.

        Raises:
            ImageError: The photo or a style picture cannot be used.
            StyleError: The style cannot be painted.
            QueueFullError: Too many requests wait.
            ServerError: No process can paint, or none did in time.
        """


def http_api(service: PaintingService, config: ServingConfig) -> FastAPI:
    """Build the ASGI application of a painting server."""
    # Starlette would write uploads above 1 MB to a temporary file; photos stay in memory.
    MultiPartParser.spool_max_size = int(config.megabytes * 1e6) + 1
    api = FastAPI(
        title="Impasto",
        version=__version__,
        summary="Turns photos into paintings.",
        docs_url=None,  # its page loads scripts from another host
        redoc_url=None,
    )
    metrics = Metrics()
    api.add_middleware(BodyLimit, max_bytes=int(config.megabytes * 1e6))
    api.add_middleware(Measured, metrics=metrics)
    add_error_handlers(api)

    def check_token(request: Request) -> None:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ").encode()
        if config.token and not secrets.compare_digest(given, config.token.encode()):
            raise HTTPException(401, "a token is needed: Authorization: Bearer TOKEN")

    guarded = APIRouter(dependencies=[Depends(check_token)], responses=describe_errors(401))
    _add_painting(guarded, service, metrics)
    _add_figures(guarded, service, metrics)
    add_tensors(guarded, service)
    if service.jobs is not None:
        add_jobs(guarded, service.jobs, config)
    api.include_router(guarded)
    add_health(api.router, service)

    @api.get("/health", responses=describe_errors(503), summary="Whether photos can be painted now")
    async def health() -> dict[str, str | int]:
        if not (replicas := await service.count_replicas()):
            raise ServerError("no process can paint now")
        return {"status": "ok", "replicas": replicas}

    return api


def _add_painting(router: APIRouter, service: PaintingService, metrics: Metrics) -> None:
    kinds = {kind: {} for kind in MEDIA_TYPES.values()}
    answers = {200: {"content": kinds, "description": "The painting."}}

    @router.post(
        "/v1/paint",
        response_class=Response,
        responses={**answers, **describe_errors(400, 413, 429, 500, 503)},
        summary="Paint a photo",
    )
    async def paint(
        photo: Annotated[
            UploadFile,
            File(description="The photo, or its pixels as an uint8 array (.npy) of shape (H, W, 3 or 4)."),
        ],
        style: Annotated[str, Form(description=STYLE_HELP)] = "",
        style_file: Annotated[
            list[UploadFile] | None, File(description="Style files (.impasto), or pictures to paint like.")
        ] = None,
        strength: Annotated[
            float, Form(ge=0, le=MAX_STRENGTH, description="0 gives the photo, 1 the style.")
        ] = DEFAULTS.strength,
        preserve_color: Annotated[
            bool, Form(description="Keep the colors of the photo.")
        ] = DEFAULTS.preserve_color,
        stroke_scale: Annotated[
            float,
            Form(ge=STROKE_SCALES[0], le=STROKE_SCALES[1], description="Size of the strokes, 1 is usual."),
        ] = DEFAULTS.stroke_scale,
        stroke_size: Annotated[
            int | None,
            Form(ge=STROKE_SIZES[0], le=STROKE_SIZES[1], description="Instead of it, in pixels."),
        ] = DEFAULTS.stroke_size,
        max_side: Annotated[
            int | None, Form(ge=MIN_SIDE, description="Scale larger photos down to this long side in pixels.")
        ] = DEFAULTS.max_side,
        fine: Annotated[bool, Form(description="Use the wider network: finer, slower.")] = DEFAULTS.fine,
        file_format: Annotated[
            FileFormat, Form(description="Of the painting; npy is an array of pixels.")
        ] = "jpeg",
    ) -> Response:
        files = {each.filename or "": await each.read() for each in style_file or []}
        request = PaintRequest(
            await photo.read(),
            await run_in_threadpool(read_styles, style, files),
            PaintSettings(strength, preserve_color, stroke_scale, stroke_size, max_side, fine),
            file_format,
        )
        painted = await service.paint(request)
        metrics.painting_seconds.observe(painted.seconds)
        headers = {"Server-Timing": f"paint;dur={painted.seconds * 1000:.0f}"}
        headers |= {"Impasto-Device": painted.device, "Impasto-Device-Note": painted.device_note}
        headers |= {"Impasto-Notice": painted.notice}
        return Response(painted.picture, media_type=MEDIA_TYPES[file_format], headers=headers)


def _add_figures(router: APIRouter, service: PaintingService, metrics: Metrics) -> None:
    @router.get("/v1/styles", summary="List the styles")
    def styles() -> dict[str, list[dict[str, str]]]:
        names = ("name", "title", "artist", "year", "license")
        return {"styles": [{name: getattr(style, name) for name in names} for style in list_styles()]}

    @router.get("/metrics", response_class=Response, summary="Figures for Prometheus")
    async def show_metrics() -> Response:
        metrics.replicas.set(await service.count_replicas())
        return Response(metrics.text(), media_type=metrics.media_type)
