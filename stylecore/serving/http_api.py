"""The HTTP interface of a painting server: picture in, picture out. `/openapi.json` describes it."""

from __future__ import annotations

import secrets
from typing import Annotated, Protocol

from fastapi import APIRouter, Depends, FastAPI, File, Form, Request, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartParser

from stylecore import __version__, list_styles
from stylecore.errors import ImageError, ServerError, StyleError, StyleTransferError
from stylecore.host.jobs import QueueFullError
from stylecore.images.sizes import MIN_SIDE
from stylecore.instant.stylizer import MAX_STRENGTH, STROKE_SCALES, STROKE_SIZES
from stylecore.serving.body_limit import BodyLimit
from stylecore.serving.config import ServingConfig
from stylecore.serving.metrics import Measured, Metrics
from stylecore.serving.painting_request import FORMATS, FileFormat, Painted, PaintRequest, PaintSettings
from stylecore.serving.request_styles import STYLE_HELP, read_styles

RETRY_AFTER_S = 2  # after status 429 and 503
DEFAULTS = PaintSettings()
ERRORS = {
    400: "The photo, the style or a setting cannot be used.",
    401: "The token is missing or wrong.",
    413: "The request is larger than the server accepts.",
    429: "The queue is full: try again after `Retry-After` seconds.",
    500: "A fault of the server; its log has the details.",
    503: "No process can paint now, or none did in time: try again after `Retry-After` seconds.",
}


class PaintingService(Protocol):
    """What paints the requests."""

    async def paint(self, request: PaintRequest) -> Painted:
        """Paint a photo.

        Raises:
            ImageError: The photo or a style picture cannot be used.
            StyleError: The style cannot be painted.
            QueueFullError: Too many requests wait.
            ServerError: No process can paint, or none did in time.
        """

    async def count_replicas(self) -> int:
        """Return the number of processes that can paint now."""


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
    _add_error_handlers(api)

    def check_token(request: Request) -> None:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ").encode()
        if config.token and not secrets.compare_digest(given, config.token.encode()):
            raise HTTPException(401, "a token is needed: Authorization: Bearer TOKEN")

    guarded = APIRouter(dependencies=[Depends(check_token)], responses=_responses(401))
    _add_painting(guarded, service, metrics)
    _add_figures(guarded, service, metrics)
    api.include_router(guarded)

    @api.get("/health", responses=_responses(503), summary="Whether photos can be painted now")
    async def health() -> dict[str, str | int]:
        if not (replicas := await service.count_replicas()):
            raise ServerError("no process can paint now")
        return {"status": "ok", "replicas": replicas}

    return api


def _add_painting(router: APIRouter, service: PaintingService, metrics: Metrics) -> None:
    answers = {200: {"content": {f"image/{name}": {} for name in FORMATS}, "description": "The painting."}}

    @router.post(
        "/v1/paint",
        response_class=Response,
        responses={**answers, **_responses(400, 413, 429, 500, 503)},
        summary="Paint a photo",
    )
    async def paint(
        photo: Annotated[UploadFile, File(description="The photo; a JPEG of it has no transparency.")],
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
        file_format: Annotated[FileFormat, Form(description="Of the painting.")] = "jpeg",
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
        return Response(painted.picture, media_type=f"image/{file_format}", headers=headers)


def _add_figures(router: APIRouter, service: PaintingService, metrics: Metrics) -> None:
    @router.get("/v1/styles", summary="List the styles")
    def styles() -> dict[str, list[dict[str, str]]]:
        names = ("name", "title", "artist", "year", "license")
        return {"styles": [{name: getattr(style, name) for name in names} for style in list_styles()]}

    @router.get("/metrics", response_class=Response, summary="Figures for Prometheus")
    async def show_metrics() -> Response:
        metrics.replicas.set(await service.count_replicas())
        return Response(metrics.text(), media_type=metrics.media_type)


def _responses(*statuses: int) -> dict:
    """Descriptions of errors for OpenAPI."""
    return {status: {"model": dict[str, str | int], "description": ERRORS[status]} for status in statuses}


def _add_error_handlers(api: FastAPI) -> None:
    @api.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        return error_response(400, f"{'.'.join(map(str, first['loc'][1:]))}: {first['msg']}")

    @api.exception_handler(HTTPException)
    async def refused(_: Request, error: HTTPException) -> JSONResponse:
        return error_response(error.status_code, str(error.detail))

    @api.exception_handler(StyleTransferError)
    async def failed(_: Request, error: StyleTransferError) -> JSONResponse:
        return error_response(status_of(error), str(error))

    @api.exception_handler(Exception)
    async def broken(_: Request, error: Exception) -> JSONResponse:
        return error_response(500, f"a fault of the server, {type(error).__name__}: its log has the details")


def status_of(error: StyleTransferError) -> int:
    """HTTP status of an error: 400 for what is wrong with the request, 429 and 503 for the server's."""
    if isinstance(error, QueueFullError):
        return 429
    return 400 if isinstance(error, (ImageError, StyleError)) else 503


def error_response(status: int, message: str) -> JSONResponse:
    """An error as every path answers it: `{"error": ..., "status": ...}`."""
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    if status in (429, 503):
        headers = {"Retry-After": str(RETRY_AFTER_S)}
    return JSONResponse({"error": message, "status": status}, status, headers)
