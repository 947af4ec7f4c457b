"""Weights in an ONNX file, and the differences that a style learned with its trunk adds to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from stylecore.errors import StyleError
from stylecore.styles.foreign.graph import MAX_GRAPH_FIELDS
from stylecore.styles.foreign.protobuf import read_fields, read_integers, read_text

# Numbers of fields in onnx.proto.
GRAPH, INITIALIZER = 7, 5
DIMS, DATA_TYPE, NAME, RAW_DATA = 1, 2, 8, 9
FLOAT, UINT8 = 1, 2  # data types


def read_weights(network: bytes | bytearray) -> dict[str, np.ndarray]:
    """Return the float32 initializers of an ONNX file by name, in the file's order.

    They are views: writing to those of a `bytearray` changes the network.

    Raises:
        StyleError: Cut or damaged.
    """
    return dict(_initializers(network, FLOAT, "<f4"))


def read_noise(network: bytes) -> np.ndarray:
    """Return the noise of a painting network, uint8 of shape (H, W).

    Raises:
        StyleError: Cut or damaged, or without noise.
    """
    for _, noise in _initializers(network, UINT8, "u1"):
        return noise
    raise StyleError("the network has no noise: one of Impasto's painting networks is needed")


def add_to_weights(network: bytes, differences: Mapping[str, np.ndarray]) -> bytes:
    """Add differences to the weights of a network.

    Args:
        network: Contents of an ONNX file.
        differences: By name of the initializer, each of its shape.
    Returns:
        Contents of the changed file.
    Raises:
        StyleError: The network has no such weights, or weights of another shape.
    """
    changed = bytearray(network)
    weights = read_weights(changed)
    for name, difference in differences.items():
        if name not in weights:
            raise StyleError(f"the style changes {name[:80]!r}, which its network does not have")
        if difference.shape != weights[name].shape:
            raise StyleError(
                f"the style changes {name[:80]!r} by differences of shape {difference.shape}: its network "
                f"needs {weights[name].shape}"
            )
        weights[name] += difference
    return bytes(changed)


def _initializers(
    network: bytes | bytearray, wanted_type: int, dtype: str
) -> Iterator[tuple[str, np.ndarray]]:
    """Name and values of each initializer of a data type."""
    for number, _, graph in read_fields(memoryview(network)):
        if number == GRAPH:
            for field, _, tensor in read_fields(graph, limit=MAX_GRAPH_FIELDS):
                if field == INITIALIZER:
                    yield from _values(tensor, wanted_type, dtype)


def _values(tensor: memoryview, wanted_type: int, dtype: str) -> Iterator[tuple[str, np.ndarray]]:
    """Name and values of a tensor, if it is of that data type."""
    shape, name, data_type, raw = [], "", 0, memoryview(b"")
    for number, kind, value in read_fields(tensor):
        if number == DIMS:
            shape += read_integers(kind, value)
        elif number == DATA_TYPE:
            data_type = value
        elif number == NAME:
            name = read_text(kind, value)
        elif number == RAW_DATA:
            raw = value
    if data_type == wanted_type:
        yield name, np.frombuffer(raw, dtype).reshape(shape)
