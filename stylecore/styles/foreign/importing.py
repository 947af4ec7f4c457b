"""Networks of others, recognized by their contents and brought into the one form that is stored."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from stylecore.errors import MissingExtraError, StyleError
from stylecore.styles.files import MAX_NETWORK_BYTES, read_limited
from stylecore.styles.foreign.building import PLANAR, frame
from stylecore.styles.foreign.graph import Graph
from stylecore.styles.foreign.lua_networks import read_lua_network
from stylecore.styles.foreign.onnx_networks import read_onnx_network
from stylecore.styles.foreign.ranges import RANGES
from stylecore.styles.foreign.recognizing import recognize
from stylecore.styles.foreign.torch_networks import read_torch_network
from stylecore.styles.foreign.writing import encode_graph

# First bytes of the files: a table or object of torch7, a zip archive and the older form of torch, and the
# field with the version in an ONNX file.
TORCH7_STARTS = (b"\x03\0\0\0", b"\x04\0\0\0")
TORCH_STARTS = (b"PK\x03\x04", b"\x80\x02")
ONNX_START = b"\x08"


@dataclass(frozen=True)
class ImportedNetwork:
    network: bytes  # ONNX: `image` to `stylized`, both (N, 3, H, W) in [0, 1], N of any size or 1
    kind: str  # what the file was, for people
    input_range: str  # name in `ranges.RANGES`


def import_network(source: str | PathLike | bytes, *, input_range: str | None = None) -> ImportedNetwork:
    """Read a painting network of another project; nothing in its file is run before it was checked.

    Args:
        source: Path or contents of a `.t7` of fast-neural-style, a `.pth` or `.model` of pytorch/examples,
            or an `.onnx` of a network that paints.
        input_range: Colors of an ONNX network, a name in `ranges.RANGES`; found out by default.
    Raises:
        StyleError: Not such a file, damaged, or beyond the limits. The message says what came and what is
            needed.
        MissingExtraError: The extra `import` is not installed.
        ValueError: Another range.
    """
    if input_range is not None and input_range not in RANGES:
        raise ValueError(f"input_range is {input_range!r}: use one of {', '.join(RANGES)}")
    is_contents = isinstance(source, bytes)
    label = "the network" if is_contents else Path(source).name
    data = source if is_contents else read_limited(Path(source), MAX_NETWORK_BYTES)
    if len(data) > MAX_NETWORK_BYTES:
        raise StyleError(f"{label} is too large: at most {MAX_NETWORK_BYTES / 1e6:.0f} MB are accepted")
    try:
        return _import(data, input_range)
    except StyleError as error:
        raise StyleError(f"{label} cannot be imported: {error}") from error


def _import(data: bytes, input_range: str | None) -> ImportedNetwork:
    order = PLANAR
    if data.startswith(TORCH7_STARTS):
        kind = "a network of fast-neural-style for torch7"
        core, name = read_lua_network(data)
        given = painted = name
    elif data.startswith(TORCH_STARTS):
        kind = "a network of fast_neural_style of pytorch/examples"
        core, given, painted = read_torch_network(data), "bytes", "bytes"
    elif data.startswith(ONNX_START):
        kind = "an ONNX network"
        core, order = read_onnx_network(data)
        given = painted = input_range
        if input_range is None:
            given, painted = recognize(core, order)
    else:
        raise StyleError("a .t7 of torch7, a .pth or .model of torch, or an .onnx is needed")
    framed = frame(core, RANGES[given], RANGES[painted], order)
    return ImportedNetwork(_encode(framed), kind, given)


def _encode(framed: Graph) -> bytes:
    try:
        network = encode_graph(framed)
    except MissingExtraError:
        raise
    except Exception as error:  # of onnx, whose errors have no common base
        raise StyleError("the network is no valid ONNX: it is damaged") from error
    if len(network) > MAX_NETWORK_BYTES:
        raise StyleError(f"the network is larger than {MAX_NETWORK_BYTES / 1e6:.0f} MB, which is the limit")
    return network
