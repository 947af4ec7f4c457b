"""Errors of the HTTP interface: their statuses, and their form, `{"error": ..., "status": ...}`."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from stylecore.errors import ImageError, StyleError, StyleTransferError
from stylecore.host.jobs import QueueFullError, UnfinishedJobError, UnknownJobError

RETRY_AFTER_S = 2  # after status 429 and 503
ERRORS = {
    400: "The photo, the style or a setting cannot be used.",
    401: "The token is missing or wrong.",
    404: "There is nothing of this name, or a job was forgotten.",
    409: "The job has not yet made what was asked for, or never will.",
    413: "The request is larger than the server accepts.",
    429: "The queue is full: try again after `Retry-After` seconds.",
    500: "A fault of the server; its log has the details.",
    503: "No process can paint now, or none did in time: try again after `Retry-After` seconds.",
}
STATUSES = {  # the server's own faults have 503
    ImageError: 400,
    StyleError: 400,
    UnknownJobError: 404,
    UnfinishedJobError: 409,
    QueueFullError: 429,
}


def describe_errors(*statuses: int) -> dict:
    """Descriptions of errors for OpenAPI."""
    return {status: {"model": dict[str, str | int], "description": ERRORS[status]} for status in statuses}


def add_error_handlers(api: FastAPI) -> None:
    """Answer all errors in one form."""

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
    """HTTP status of an error."""
    return next((status for kind, status in STATUSES.items() if isinstance(error, kind)), 503)


def error_response(status: int, message: str) -> JSONResponse:
    """An error as every path answers it."""
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    if status in (429, 503):
        headers = {"Retry-After": str(RETRY_AFTER_S)}
    return JSONResponse({"error": message, "status": status}, status, headers)
