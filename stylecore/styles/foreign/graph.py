"""ONNX files as plain records, read without the `onnx` package: data alone, within limits.

What could run or load anything is refused: control flow, functions, other domains, external data.
Source: onnx.proto of the ONNX project, for the numbers of fields.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod

import numpy as np

from stylecore.errors import StyleError
from stylecore.styles.foreign.protobuf import (
    BYTES,
    VARINT,
    read_fields,
    read_integers,
    read_numbers,
    read_text,
    signed,
)

MAX_NODES = 3000
MAX_INITIALIZERS = 3000
MAX_GRAPH_FIELDS = 20_000  # with the shapes of tensors between, which are not read
MAX_DIMENSIONS = 8
OPSETS = (7, 25)  # first and last that are read; older ones have other forms of broadcasting
DTYPES = {1: "<f4", 6: "<i4", 7: "<i8", 9: "?", 10: "<f2", 11: "<f8"}
MODEL_IGNORED = {1, 2, 3, 4, 5, 6, 14, 26}  # versions, producer, descriptions
GRAPH_IGNORED = {2, 10, 13, 14, 16}  # names, descriptions, shapes of tensors between
NODE_IGNORED = {3, 6, 9}
FORBIDDEN = {20: "training steps", 25: "functions of its own"}

Attribute = float | int | bytes | list | np.ndarray


@dataclass(frozen=True)
class Node:
    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Attribute] = field(default_factory=dict)


@dataclass(frozen=True)
class Graph:
    """A network with one input and one output.

    Attributes:
        nodes: In an order in which they can run.
        initializers: Weights by name.
        image: Name of the input.
        size: Its sizes; None where free.
        output: Name of the output.
        opset: Version of the operators.
    """

    nodes: tuple[Node, ...]
    initializers: dict[str, np.ndarray]
    image: str
    size: tuple[int | None, ...]
    output: str
    opset: int


def read_graph(data: bytes) -> Graph:
    """The network in an ONNX file.

    Raises:
        StyleError: Cut or damaged, or it holds something else than one graph of plain operators.
    """
    graphs, opsets = [], []
    for number, kind, value in read_fields(memoryview(data)):
        if number == 7 and kind == BYTES:
            graphs.append(value)
        elif number == 8 and kind == BYTES:
            opsets.append(_read_opset(value))
        elif number in FORBIDDEN:
            raise StyleError(f"the ONNX network has {FORBIDDEN[number]}: plain operators alone are accepted")
        elif number not in MODEL_IGNORED:
            raise StyleError("the file is no ONNX network, or is damaged")
    known = [version for domain, version in opsets if not domain]
    if len(graphs) != 1 or len(known) != 1:
        raise StyleError("the file is no ONNX network, or is damaged")
    if not OPSETS[0] <= known[0] <= OPSETS[1]:
        raise StyleError(f"the ONNX network is of opset {known[0]}: {OPSETS[0]} to {OPSETS[1]} are accepted")
    return _read_graph(graphs[0], known[0])


def _read_opset(data: memoryview) -> tuple[str, int]:
    domain, version = "", 0
    for number, kind, value in read_fields(data):
        if number == 1:
            domain = read_text(kind, value)
        elif number == 2 and kind == VARINT:
            version = value
    return "" if domain == "ai.onnx" else domain, version


def _read_graph(data: memoryview, opset: int) -> Graph:
    nodes, initializers, inputs, outputs = [], {}, {}, {}
    for number, kind, value in read_fields(data, limit=MAX_GRAPH_FIELDS):
        if number in GRAPH_IGNORED:
            continue
        if kind != BYTES or number not in (1, 5, 11, 12):
            raise StyleError("the ONNX network has sparse tensors or is damaged: plain tensors are needed")
        if number == 1:
            nodes.append(_read_node(value))
        elif number == 5:
            name, tensor = _read_tensor(value)
            initializers[name] = tensor
        else:
            name, size = _read_value_info(value)
            (inputs if number == 11 else outputs)[name] = size
        if len(nodes) > MAX_NODES or len(initializers) > MAX_INITIALIZERS:
            raise StyleError(f"the ONNX network has over {MAX_NODES} operators or weights, which is too much")
    images = [name for name in inputs if name not in initializers]  # old files name weights as inputs
    if len(images) != 1 or len(outputs) != 1:
        raise StyleError(
            f"the ONNX network has {len(images)} inputs and {len(outputs)} outputs: one picture in and one "
            "out are needed"
        )
    (output,) = outputs
    return Graph(tuple(nodes), initializers, images[0], inputs[images[0]], output, opset)


def _read_node(data: memoryview) -> Node:
    inputs, outputs, attributes, op = [], [], {}, ""
    for number, kind, value in read_fields(data):
        if number == 1:
            inputs.append(read_text(kind, value))
        elif number == 2:
            outputs.append(read_text(kind, value))
        elif number == 4:
            op = read_text(kind, value)
        elif number == 5 and kind == BYTES:
            name, attribute = _read_attribute(value)
            attributes[name] = attribute
        elif number in (7, 8):
            domain = read_text(kind, value)
            if domain not in ("", "ai.onnx"):
                raise StyleError(
                    f"the ONNX network uses operators of {domain[:60]!r}: ONNX's own alone are accepted"
                )
        elif number not in NODE_IGNORED:
            raise StyleError("an operator of the ONNX network is damaged")
    return Node(op, tuple(inputs), tuple(outputs), attributes)


def _read_attribute(data: memoryview) -> tuple[str, Attribute]:
    name, single, lists = "", None, {7: [], 8: [], 9: []}
    kind_of_attribute = 0
    for number, kind, value in read_fields(data):
        if number == 1:
            name = read_text(kind, value)
        elif number == 2:
            single = float(read_numbers(kind, value, "<f4")[0])
        elif number == 3 and kind == VARINT:
            single = signed(value)
        elif number == 4 and kind == BYTES:
            single = bytes(value)
        elif number == 5 and kind == BYTES:
            single = _read_tensor(value)[1]
        elif number == 7:
            lists[7] += read_numbers(kind, value, "<f4").tolist()
        elif number == 8:
            lists[8] += read_integers(kind, value)
        elif number == 9 and kind == BYTES:
            lists[9].append(bytes(value))
        elif number == 20 and kind == VARINT:
            kind_of_attribute = value
        elif number != 13:
            raise StyleError(
                "the ONNX network has control flow or unknown attributes: plain operators alone are accepted"
            )
    if single is not None:
        return name, single
    # An empty list is told from a left out zero by the attribute's type alone: 1 float, 2 int, 3 string.
    if kind_of_attribute in (1, 2, 3):
        return name, {1: 0.0, 2: 0, 3: b""}[kind_of_attribute]
    return name, lists[7] or lists[8] or lists[9]


def _read_tensor(data: memoryview) -> tuple[str, np.ndarray]:
    shape, code, name, parts = [], 0, "", []
    for number, kind, value in read_fields(data):
        if number == 1:
            shape += read_integers(kind, value)
        elif number == 2 and kind == VARINT:
            code = value
        elif number == 8:
            name = read_text(kind, value)
        elif number in (4, 10):
            parts.append(read_numbers(kind, value, "<f4" if number == 4 else "<f8"))
        elif number in (5, 7):
            parts.append(np.array(read_integers(kind, value), np.int64))
        elif number == 9 and kind == BYTES:
            parts.append(value)
        elif number == 13 or (number == 14 and value != 0):
            raise StyleError(
                "weights of the ONNX network lie in another file: a network in one file is needed"
            )
        elif number not in (12, 14, 16):
            raise StyleError("a tensor of the ONNX network is of an unknown kind or damaged")
    if code not in DTYPES:
        raise StyleError(
            f"a tensor of the ONNX network has element type {code}: floats and integers are read"
        )
    return name, _assemble(shape, np.dtype(DTYPES[code]), parts)


def _assemble(shape: list[int], dtype: np.dtype, parts: list[memoryview | np.ndarray]) -> np.ndarray:
    """A tensor of raw bytes or of lists of numbers, whose count is checked first."""
    if len(shape) > MAX_DIMENSIONS or any(side < 0 for side in shape):
        raise StyleError("a tensor of the ONNX network has an impossible shape")
    is_raw = len(parts) == 1 and isinstance(parts[0], memoryview)
    count = parts[0].nbytes / dtype.itemsize if is_raw else sum(map(len, parts))
    if count != prod(shape) or (not is_raw and any(isinstance(part, memoryview) for part in parts)):
        raise StyleError("a tensor of the ONNX network does not have as many values as its shape says")
    if is_raw:
        return np.frombuffer(parts[0], dtype).reshape(shape)
    values = np.concatenate(parts) if parts else np.zeros(0)
    if dtype == np.float16:  # stored as the bits in integers
        return values.astype(np.uint16).view(np.float16).reshape(shape)
    return values.astype(dtype).reshape(shape)


def _read_value_info(data: memoryview) -> tuple[str, tuple[int | None, ...]]:
    """Name and sizes of an input or output."""
    name, size = "", ()
    for number, kind, value in read_fields(data):
        if number == 1:
            name = read_text(kind, value)
        elif number == 2 and kind == BYTES:
            size = _read_type(value)
    return name, size


def _read_type(data: memoryview) -> tuple[int | None, ...]:
    sizes = []
    for number, kind, value in read_fields(data):
        if number == 6:  # a description
            continue
        if number != 1 or kind != BYTES:
            raise StyleError("an input of the ONNX network is no tensor: a picture is needed")
        for inner, inner_kind, shape in read_fields(value):
            if inner == 1 and shape not in (1, 10):
                raise StyleError("an input of the ONNX network has no floats: a picture in floats is needed")
            if inner == 2 and inner_kind == BYTES:
                sizes += [_read_dimension(side) for number, kind, side in read_fields(shape) if kind == BYTES]
    return tuple(sizes)


def _read_dimension(data: memoryview) -> int | None:
    for number, kind, value in read_fields(data):
        if number == 1 and kind == VARINT:
            size = signed(value)
            return size if size > 0 else None
    return None
