"""Graphs built operator by operator, and the frame of every foreign network: [0, 1], any size of picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from stylecore.errors import StyleError
from stylecore.styles.foreign.graph import Attribute, Graph, Node
from stylecore.styles.foreign.ranges import Range
from stylecore.styles.foreign.shapes import trace

OPSET = 13  # of graphs built here; those that come as ONNX have at least 11
IMAGE, STYLIZED = "image", "stylized"
MULTIPLES = (1, 2, 4, 8, 16, 32, 64)  # of which a network may need the sides of its pictures to be
LEAST_SIDE = 64  # px that every network must take; its own padding can be larger than the smallest photos
PLANAR, INTERLEAVED = (0, 1, 2, 3), (0, 2, 3, 1)  # order of a network's axes, from (N, C, H, W)


class GraphBuilder:
    """Collects operators and weights.

    Attributes:
        nodes: So far.
        initializers: Weights by name.
    """

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.initializers: dict[str, np.ndarray] = {}

    def weight(self, values: np.ndarray | list) -> str:
        """Name of a new constant; numbers that are not integers are float32."""
        array = np.asarray(values)
        name = f"weight_{len(self.initializers)}"
        is_integer = np.issubdtype(array.dtype, np.integer)
        self.initializers[name] = np.ascontiguousarray(array, np.int64 if is_integer else np.float32)
        return name

    def add(self, op: str, *inputs: str, **attributes: Attribute) -> str:
        """Append an operator; returns the name of its output."""
        name = f"tensor_{len(self.nodes)}"
        self.nodes.append(Node(op, inputs, (name,), attributes))
        return name

    def pad(self, x: str, top: int, left: int, bottom: int, right: int, mode: str) -> str:
        pads = [0, 0, top, left, 0, 0, bottom, right]
        return self.add("Pad", x, self.weight(pads), mode=mode.encode()) if any(pads) else x

    def crop(self, x: str, starts: str, ends: str) -> str:
        """Rows and columns from `starts` to `ends`, names of two numbers each."""
        return self.add("Slice", x, starts, ends, self.weight([2, 3]))

    def graph(self, output: str, *, batch: int | None = None, opset: int = OPSET) -> Graph:
        """What was built; the output gets its public name."""
        nodes = (*self.nodes, Node("Identity", (output,), (STYLIZED,)))
        return Graph(nodes, self.initializers, IMAGE, (batch, 3, None, None), STYLIZED, opset)


def frame(core: Graph, given: Range, painted: Range, order: tuple[int, ...] = PLANAR) -> Graph:
    """A network of [0, 1] for any size from a network of its own ranges and sizes.

    The picture is continued by reflection to the multiple that the network's strides need, and the
    painting is cropped back.

    Args:
        core: The network.
        given: Range of its input.
        painted: Range of its output.
        order: Of its axes.
    Raises:
        StyleError: It paints pictures of another size than its input, or breaks a limit of `shapes`.
    """
    multiple = find_multiple(core, order)
    build = GraphBuilder()
    shape = build.add("Shape", IMAGE)
    origin = build.weight([0, 0])
    size = build.add("Slice", shape, build.weight([2]), build.weight([4]), build.weight([0]))
    x = IMAGE
    if multiple > 1:
        x = build.pad(x, 0, 0, multiple - 1, multiple - 1, "reflect")
        step = build.weight([multiple])
        raised = build.add("Add", size, build.weight([multiple - 1]))
        x = build.crop(x, origin, build.add("Mul", build.add("Div", raised, step), step))
    if given.is_bgr:
        x = build.add("Gather", x, build.weight([2, 1, 0]), axis=1)
    if given.scale != (1, 1, 1):
        x = build.add("Mul", x, build.weight(_planes(given.scale)))
    if any(given.offset):
        x = build.add("Add", x, build.weight(_planes(given.offset)))
    if order != PLANAR:
        x = build.add("Transpose", x, perm=list(order))
    x = _insert(build, core, x)
    if order != PLANAR:
        x = build.add("Transpose", x, perm=np.argsort(order).tolist())
    if any(painted.offset):
        x = build.add("Sub", x, build.weight(_planes(painted.offset)))
    if painted.scale != (1, 1, 1):
        x = build.add("Div", x, build.weight(_planes(painted.scale)))
    if painted.is_bgr:
        x = build.add("Gather", x, build.weight([2, 1, 0]), axis=1)
    if multiple > 1:
        x = build.crop(x, origin, size)
    x = build.add("Clip", x, build.weight(np.float32(0)), build.weight(np.float32(1)))
    batch = None if core.size[0] is None else 1
    framed = build.graph(x, batch=batch, opset=core.opset)
    check_framed(framed)
    return framed


def check_framed(graph: Graph) -> None:
    """Check that a stored network takes a picture and paints one of the same size, within the limits.

    Raises:
        StyleError: It does not.
    """
    if graph.image != IMAGE or graph.output != STYLIZED or len(graph.size) != 4 or graph.size[1] != 3:
        raise StyleError(f"the network does not take {IMAGE!r} and give {STYLIZED!r}: import it once more")
    for height, width in ((LEAST_SIDE, LEAST_SIDE), (301, 203)):
        shape = (1, 3, height, width)
        if trace(graph, shape)[STYLIZED].shape != shape:
            raise StyleError("the network does not paint pictures of the size of its input")


def find_multiple(core: Graph, order: tuple[int, ...] = PLANAR) -> int:
    """The smallest multiple such that pictures with such sides keep their size.

    Raises:
        StyleError: There is none.
    """
    failure = None
    for multiple in MULTIPLES:
        sizes = [(128 + multiple, 192 + 3 * multiple), (192 + 5 * multiple, 128 + 7 * multiple)]
        shapes = [tuple((1, 3, *size)[axis] for axis in order) for size in sizes]
        try:
            if all(trace(core, shape)[core.output].shape == shape for shape in shapes):
                return multiple
        except StyleError as error:
            failure = error
    raise StyleError(
        str(failure) if failure else "the network paints pictures of another size or depth than its input"
    )


def _planes(values: tuple[float, ...]) -> np.ndarray:
    return np.array(values, np.float32).reshape(1, 3, 1, 1)


def _insert(build: GraphBuilder, core: Graph, image: str) -> str:
    """Append a network with its names apart from the frame's; returns the name of its output."""

    def renamed(name: str) -> str:
        return f"network.{name}" if name else ""

    build.nodes.append(Node("Identity", (image,), (renamed(core.image),)))
    for node in core.nodes:
        inputs, outputs = (tuple(map(renamed, names)) for names in (node.inputs, node.outputs))
        build.nodes.append(replace(node, inputs=inputs, outputs=outputs))
    build.initializers |= {renamed(name): values for name, values in core.initializers.items()}
    return renamed(core.output)
