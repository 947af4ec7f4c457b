"""Tensors of the Open Inference Protocol, version 2, as JSON or with its extension for binary data.

Source: KServe's "Open Inference Protocol, HTTP/REST", and Triton's "Binary Tensor Data Extension".
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from stylecore.errors import ServerError

LENGTH_HEADER = "Inference-Header-Content-Length"  # bytes of JSON in front of binary data
DATATYPES = {"FP32": np.dtype("<f4"), "INT64": np.dtype("<i8")}
NAMES = {dtype: name for name, dtype in DATATYPES.items()}


@dataclass(frozen=True)
class TensorMessage:
    """A request to a network, or its answer.

    Attributes:
        tensors: Arrays by name, of the types in `DATATYPES`.
        id: Of the request, which the answer repeats.
        is_binary: Of a request, whether the answer should be binary.
        wanted: Of a request, the names of the outputs; empty for all.
    """

    tensors: Mapping[str, np.ndarray]
    id: str = ""
    is_binary: bool = False
    wanted: tuple[str, ...] = field(default=())


def write_request(message: TensorMessage) -> tuple[bytes, int]:
    """Write a request with binary tensors; returns the body, and the bytes of JSON at its begin."""
    head = {"id": message.id, "parameters": {"binary_data_output": message.is_binary}}
    return _write(head, "inputs", message.tensors, is_binary=True)


def read_request(body: bytes, header_length: int | None) -> TensorMessage:
    """Read a request.

    Args:
        body: JSON, and the binary tensors after it.
        header_length: Bytes of JSON; None if it is all.
    Raises:
        ValueError: Another form. The message says what came and what is needed.
    """
    head, tensors = _read(body, header_length, "inputs")
    outputs = head.get("outputs") or []
    if not isinstance(outputs, list) or not all(
        isinstance(each, dict) and "name" in each for each in outputs
    ):
        raise ValueError("outputs: a list of objects with names is needed")
    flags = [_parameters(each).get("binary_data", False) for each in outputs]
    is_binary = any(flags) or _parameters(head).get("binary_data_output", False) is True
    return TensorMessage(
        tensors, str(head.get("id", "")), is_binary, tuple(str(each["name"]) for each in outputs)
    )


def write_answer(model: str, message: TensorMessage) -> tuple[bytes, int]:
    """Write the answer of a network; returns the body, and the bytes of JSON at its begin."""
    head = {"model_name": model, **({"id": message.id} if message.id else {})}
    return _write(head, "outputs", message.tensors, is_binary=message.is_binary)


def read_answer(body: bytes, header_length: int | None) -> Mapping[str, np.ndarray]:
    """Read the answer of a network.

    Raises:
        ServerError: It is in another form.
    """
    try:
        return _read(body, header_length, "outputs")[1]
    except ValueError as error:
        raise ServerError(f"the server answers with no tensors: {error}") from error


def _write(
    head: dict[str, Any], key: str, tensors: Mapping[str, np.ndarray], *, is_binary: bool
) -> tuple[bytes, int]:
    described, data = [], []
    for name, tensor in tensors.items():
        kind = NAMES[tensor.dtype]
        each: dict[str, Any] = {"name": name, "datatype": kind, "shape": list(tensor.shape)}
        if is_binary:
            data.append(np.ascontiguousarray(tensor, DATATYPES[kind]).data.cast("B"))
            each["parameters"] = {"binary_data_size": tensor.nbytes}
        else:
            each["data"] = tensor.ravel().tolist()
        described.append(each)
    text = json.dumps(head | {key: described}).encode()
    return b"".join((text, *data)), len(text)


def _read(body: bytes, header_length: int | None, key: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    length = len(body) if header_length is None else header_length
    if not 0 <= length <= len(body):
        raise ValueError(f"{LENGTH_HEADER} is {length}, the body has {len(body)} bytes")
    head = json.loads(body[:length])
    if not isinstance(head, dict) or not isinstance(head.get(key), list):
        raise ValueError(f"a JSON object with a list of {key} is needed")
    rest, tensors = memoryview(body)[length:], {}
    for described in head[key]:
        if not isinstance(described, dict) or not isinstance(described.get("name"), str):
            raise ValueError(f"{key}: objects with names are needed")
        size = _parameters(described).get("binary_data_size")
        if size is not None and not (type(size) is int and 0 <= size <= len(rest)):
            raise ValueError(f"{described['name']}: binary_data_size is {size!r}, {len(rest)} bytes are left")
        tensors[described["name"]] = _tensor(described, None if size is None else rest[:size])
        rest = rest[size or 0 :]
    return head, tensors


def _tensor(described: Mapping[str, Any], data: memoryview | None) -> np.ndarray:
    name, shape, datatype = described["name"], described.get("shape"), described.get("datatype")
    if datatype not in DATATYPES:
        raise ValueError(f"{name} has the datatype {datatype!r}: use one of {', '.join(DATATYPES)}")
    if not isinstance(shape, list) or not all(type(side) is int and side >= 0 for side in shape):
        raise ValueError(f"{name} has the shape {shape!r}: a list of sizes is needed")
    dtype = DATATYPES[datatype]
    if data is not None:
        if len(data) != math.prod(shape) * dtype.itemsize:
            raise ValueError(f"{name} has {len(data)} bytes: {math.prod(shape) * dtype.itemsize} are needed")
        return np.frombuffer(data, dtype).reshape(shape)
    numbers = described.get("data")
    if not isinstance(numbers, list):
        raise ValueError(f"{name} has no data: a list of numbers is needed")
    try:
        tensor = np.asarray(numbers, dtype)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{name} has no numbers as data: {error}") from error
    if tensor.size != math.prod(shape):
        raise ValueError(f"{name} has {tensor.size} numbers: {math.prod(shape)} are needed")
    return tensor.reshape(shape)


def _parameters(described: Mapping[str, Any]) -> Mapping[str, Any]:
    parameters = described.get("parameters")
    return parameters if isinstance(parameters, dict) else {}
