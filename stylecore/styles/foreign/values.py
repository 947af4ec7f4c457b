"""Operators on sizes and other small tensors of a network, computed by numpy without running it."""

from __future__ import annotations

from math import prod

import numpy as np

from stylecore.errors import StyleError
from stylecore.styles.foreign.graph import Node

CASTS = {1: np.float32, 6: np.int32, 7: np.int64, 9: np.bool_, 10: np.float16, 11: np.float64}


def axes_of(node: Node, inputs: list[np.ndarray | None]) -> tuple[int, ...] | None:
    """Axes of an operator, an attribute in older opsets and an input in newer ones."""
    if len(inputs) > 1 and inputs[1] is not None:
        return tuple(int(axis) for axis in np.atleast_1d(inputs[1]))
    axes = node.attributes.get("axes")
    return None if axes is None else tuple(axes)


def slice_values(node: Node, inputs: list[np.ndarray]) -> np.ndarray:
    data, *bounds = inputs
    attributes = node.attributes
    bounds = bounds or [attributes["starts"], attributes["ends"], attributes.get("axes")]
    starts, ends, axes, steps = (*bounds, None, None)[:4]
    axes = range(len(starts)) if axes is None else axes
    cuts = [slice(None)] * data.ndim
    for place, axis in enumerate(axes):
        step = 1 if steps is None else int(steps[place])
        start, end = int(starts[place]), int(ends[place])
        end = None if step < 0 and end < -data.shape[axis] else end
        cuts[int(axis)] = slice(start, end, step)
    return data[tuple(cuts)]


def _divide(node: Node, inputs: list[np.ndarray]) -> np.ndarray:
    left, right = inputs
    if np.issubdtype(left.dtype, np.integer):
        if not right.all():
            raise StyleError("the network divides a size by zero")
        return (np.sign(left) * np.sign(right) * (abs(left) // abs(right))).astype(left.dtype)
    return left / right


def _reshape(node: Node, inputs: list[np.ndarray]) -> np.ndarray:
    return inputs[0].reshape(reshaped(inputs[0].shape, inputs[1]))


def reshaped(shape: tuple[int, ...], wanted: np.ndarray) -> tuple[int, ...]:
    sides = [shape[place] if side == 0 else int(side) for place, side in enumerate(wanted)]
    if -1 in sides:
        sides[sides.index(-1)] = prod(shape) // max(1, prod(side for side in sides if side != -1))
    if any(side < 1 for side in sides) or prod(sides) != prod(shape):
        raise StyleError("the network has the size of its picture fixed in it: one for free sizes is needed")
    return tuple(sides)


def unsqueeze_values(node: Node, inputs: list[np.ndarray]) -> np.ndarray:
    return np.expand_dims(inputs[0], axes_of(node, inputs))


def squeeze_values(node: Node, inputs: list[np.ndarray]) -> np.ndarray:
    return np.squeeze(inputs[0], axes_of(node, inputs))


def transpose_values(node: Node, inputs: list[np.ndarray]) -> np.ndarray:
    return np.transpose(inputs[0], node.attributes.get("perm"))


# Operators on sizes and other small tensors, computed by numpy.
COMPUTED = {
    "Add": lambda node, inputs: inputs[0] + inputs[1],
    "Sub": lambda node, inputs: inputs[0] - inputs[1],
    "Mul": lambda node, inputs: inputs[0] * inputs[1],
    "Div": _divide,
    "Floor": lambda node, inputs: np.floor(inputs[0]),
    "Ceil": lambda node, inputs: np.ceil(inputs[0]),
    "Cast": lambda node, inputs: inputs[0].astype(CASTS[node.attributes["to"]]),
    "Identity": lambda node, inputs: inputs[0],
    "Concat": lambda node, inputs: np.concatenate(inputs, axis=node.attributes["axis"]),
    "Gather": lambda node, inputs: np.take(inputs[0], inputs[1], axis=node.attributes.get("axis", 0)),
    "Slice": slice_values,
    "Reshape": _reshape,
    "Squeeze": squeeze_values,
    "Unsqueeze": unsqueeze_values,
    "Transpose": transpose_values,
}
