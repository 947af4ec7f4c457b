"""The Open Inference Protocol, version 2, over the networks in `weights/`: tensors in, tensors out."""

from __future__ import annotations

from typing import Annotated, Any, Protocol

import numpy as np
from fastapi import APIRouter, Header, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from stylecore import __version__
from stylecore.errors import ServerError
from stylecore.host.jobs import UnknownJobError
from stylecore.images.sizes import MIN_SIDE
from stylecore.serving.batching import MAX_RUN_PIXELS
from stylecore.serving.errors_api import describe_errors
from stylecore.serving.tensors import (
    DATATYPES,
    LENGTH_HEADER,
    NAMES,
    TensorMessage,
    read_request,
    write_answer,
)
from stylecore.styles.records import network_checksums

INPUTS = {"image": ("FP32", [-1, 3, -1, -1]), "rows": ("FP32", [-1, -1]), "noise_origin": ("INT64", [2])}
OUTPUTS = {"stylized": ("FP32", [-1, 3, -1, -1])}


class TensorService(Protocol):
    """What runs the networks."""

    async def count_replicas(self) -> int:
        """Return the number of processes that can paint now."""

    async def run_network(self, model: str, feed: dict[str, np.ndarray]) -> np.ndarray:
        """Run a network in `weights/`; returns `stylized`, of the shape of `image`.

        Raises:
            StyleError: The rows do not fit the network.
            QueueFullError: Too many requests wait.
            ServerError: No process can run it, or none did in time.
        """


def add_health(router: APIRouter, service: TensorService) -> None:
    """Add the paths that balancers ask, which need no token."""

    @router.get("/v2/health/live", summary="Whether the server answers")
    async def live() -> dict[str, bool]:
        return {"live": True}

    @router.get("/v2/health/ready", responses=describe_errors(503), summary="Whether networks can run now")
    async def ready() -> dict[str, bool]:
        if not await service.count_replicas():
            raise ServerError("no process can run a network now")
        return {"ready": True}


def add_tensors(router: APIRouter, service: TensorService) -> None:
    """Add the paths of the protocol."""

    @router.get("/v2", summary="Name and extensions of the server")
    async def server() -> dict[str, Any]:
        return {"name": "impasto", "version": __version__, "extensions": ["binary_tensor_data"]}

    @router.get(
        "/v2/models/{model}", responses=describe_errors(404), summary="Inputs and outputs of a network"
    )
    def metadata(model: str) -> dict[str, Any]:
        _check_model(model)
        return {
            "name": model,
            "platform": "onnxruntime_onnx",
            "inputs": _described(INPUTS),
            "outputs": _described(OUTPUTS),
        }

    @router.get("/v2/models/{model}/ready", responses=describe_errors(404, 503), summary="Whether it can run")
    async def model_ready(model: str) -> dict[str, Any]:
        await run_in_threadpool(_check_model, model)
        if not await service.count_replicas():
            raise ServerError("no process can run a network now")
        return {"name": model, "ready": True}

    @router.post(
        "/v2/models/{model}/infer",
        response_class=Response,
        responses=describe_errors(400, 404, 413, 429, 500, 503),
        summary="Run a network on tensors, in JSON or binary",
        description="`image` in [0, 1], `rows` of a style, and `noise_origin`, 0 and 0 for whole pictures.",
    )
    async def infer(
        model: str, request: Request, length: Annotated[int | None, Header(alias=LENGTH_HEADER)] = None
    ) -> Response:
        await run_in_threadpool(_check_model, model)
        body = await request.body()
        try:
            asked = await run_in_threadpool(read_request, body, length)
            _check_feed(asked.tensors)
        except ValueError as error:
            raise HTTPException(400, str(error)) from error
        if unknown := set(asked.wanted) - OUTPUTS.keys():
            raise HTTPException(400, f"there is no output {min(unknown)}: use {', '.join(OUTPUTS)}")
        stylized = await service.run_network(f"{model}.onnx", dict(asked.tensors))
        return await run_in_threadpool(
            _answer, model, TensorMessage({"stylized": stylized}, asked.id, asked.is_binary)
        )


def _answer(model: str, message: TensorMessage) -> Response:
    body, length = write_answer(model, message)
    if not message.is_binary:
        return Response(body, media_type="application/json")
    return Response(body, media_type="application/octet-stream", headers={LENGTH_HEADER: str(length)})


def _check_model(model: str) -> None:
    known = network_checksums()
    if model not in known:
        raise UnknownJobError(f"there is no network {model}: use one of {', '.join(sorted(known))}")


def _check_feed(tensors: Any) -> None:
    """Refuse inputs of another form.

    Raises:
        ValueError: The message says what came and what is needed.
    """
    if tensors.keys() != INPUTS.keys():
        raise ValueError(f"the inputs are {', '.join(tensors) or 'none'}: {', '.join(INPUTS)} are needed")
    for name, (datatype, shape) in INPUTS.items():
        given = tensors[name]
        fits = len(given.shape) == len(shape) and all(
            want in (-1, side) for want, side in zip(shape, given.shape, strict=True)
        )
        if given.dtype != DATATYPES[datatype] or not fits:
            kind = NAMES.get(given.dtype, given.dtype)
            raise ValueError(
                f"{name} is {kind} of shape {list(given.shape)}: {datatype} of {shape} is needed"
            )
    number, _, height, width = tensors["image"].shape
    if number < 1 or len(tensors["rows"]) != number:
        raise ValueError(
            f"{number} images and {len(tensors['rows'])} rows came: one row for each image is needed"
        )
    if min(height, width) < MIN_SIDE or number * height * width > MAX_RUN_PIXELS:
        raise ValueError(
            f"{number} images of {width} x {height} px came: at least {MIN_SIDE} px a side and at most "
            f"{MAX_RUN_PIXELS / 1e6:g} megapixels in all are needed"
        )


def _described(tensors: dict[str, tuple[str, list[int]]]) -> list[dict[str, Any]]:
    return [
        {"name": name, "datatype": datatype, "shape": shape} for name, (datatype, shape) in tensors.items()
    ]
