"""Networks of pytorch/examples' fast_neural_style (`.pth`, `.model`) as graphs.

Source: its `TransformerNet`; how wide and deep it is, is read from the weights.
"""

from __future__ import annotations

import io
import re
import warnings
import zipfile

import numpy as np

from stylecore.errors import MissingExtraError, StyleError
from stylecore.host.extras import import_extra
from stylecore.styles.foreign.building import IMAGE, GraphBuilder
from stylecore.styles.foreign.graph import Graph
from stylecore.styles.foreign.lua_networks import nearest

# What InstanceNorm2d of torch before 0.4 kept and never used.
STALE = re.compile(r".*in\d+\.(running_(mean|var)|num_batches_tracked)")
MAX_KEYS = 2000
MAX_ELEMENTS = 25_000_000  # of all weights together
MAX_BLOCKS = 50
EPSILON = 1e-5  # of torch's InstanceNorm2d
NEEDED = "weights of fast_neural_style of pytorch/examples are needed"


def read_torch_network(data: bytes) -> Graph:
    """The network of a file of weights that torch saved; colors are 0 to 255.

    Raises:
        MissingExtraError: torch is not installed.
        StyleError: Damaged, code instead of weights, or another network.
    """
    weights = _Weights(_load(data))
    build = GraphBuilder()
    x = IMAGE
    for name, norm, stride in (("conv1", "in1", 1), ("conv2", "in2", 2), ("conv3", "in3", 2)):
        x = build.add("Relu", weights.norm(build, norm, weights.convolution(build, name, x, stride)))
    for block in range(1, weights.blocks + 1):
        residual = x
        name = f"res{block}"
        x = weights.norm(build, f"{name}.in1", weights.convolution(build, f"{name}.conv1", x))
        x = weights.convolution(build, f"{name}.conv2", build.add("Relu", x))
        x = build.add("Add", weights.norm(build, f"{name}.in2", x), residual)
    for name, norm in (("deconv1", "in4"), ("deconv2", "in5")):
        x = weights.convolution(build, name, nearest(build, x, 2))
        x = build.add("Relu", weights.norm(build, norm, x))
    x = weights.convolution(build, "deconv3", x)
    if weights.left:
        raise StyleError(f"it has weights {min(weights.left)[:60]!r}, which are not known: {NEEDED}")
    return build.graph(x)


def _load(data: bytes) -> dict:
    """The state dict of a file; no code in it is run."""
    torch = import_extra("torch")
    _check_archive(data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except MissingExtraError:
        raise
    except Exception as error:  # torch raises anything, from UnpicklingError to EOFError
        raise StyleError(f"it is damaged, or holds code or objects instead of weights: {NEEDED}") from error
    if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
        state = state["state_dict"]
    if not isinstance(state, dict) or not 0 < len(state) <= MAX_KEYS:
        raise StyleError(f"it holds no table of weights: {NEEDED}")
    count = 0
    for name, tensor in state.items():
        if (
            not isinstance(name, str)
            or not isinstance(tensor, torch.Tensor)
            or tensor.layout != torch.strided
        ):
            raise StyleError(f"it holds something else than named weights: {NEEDED}")
        count += tensor.numel()
    if count > MAX_ELEMENTS:
        raise StyleError(f"it has {count} weights: at most {MAX_ELEMENTS} are accepted")
    kept = {name.removeprefix("module."): tensor for name, tensor in state.items()}
    return {
        name: tensor.detach().float().numpy() for name, tensor in kept.items() if not STALE.fullmatch(name)
    }


def _check_archive(data: bytes) -> None:
    """Refuse archives that grow when they are read; torch writes its parts uncompressed."""
    if not data.startswith(b"PK"):
        return
    try:
        parts = zipfile.ZipFile(io.BytesIO(data)).infolist()
    except Exception as error:  # zipfile raises anything on damaged archives
        raise StyleError(f"it is cut or damaged: {NEEDED}") from error
    if any(part.compress_type != zipfile.ZIP_STORED for part in parts) or sum(
        part.file_size for part in parts
    ) > len(data):
        raise StyleError(f"it is a compressed archive, not what torch writes: {NEEDED}")


class _Weights:
    """Weights by name, each used once.

    Attributes:
        left: Those not used yet.
        blocks: Number of residual blocks.
    """

    def __init__(self, weights: dict[str, np.ndarray]) -> None:
        self.left = weights
        numbers = [int(match[1]) for name in weights if (match := re.match(r"res(\d{1,3})\.", name))]
        self.blocks = max(numbers, default=0)
        if self.blocks > MAX_BLOCKS:
            raise StyleError(f"it has {self.blocks} residual blocks: at most {MAX_BLOCKS} are accepted")

    def take(self, name: str, rank: int) -> np.ndarray:
        value = self.left.pop(name, None)
        if value is None or value.ndim != rank or not value.size or not np.isfinite(value).all():
            raise StyleError(
                f"its {name} is missing or not of {rank} dimensions with finite values: {NEEDED}"
            )
        return value

    def convolution(self, build: GraphBuilder, name: str, x: str, stride: int = 1) -> str:
        """Reflection padding and a convolution."""
        weight, bias = self.take(f"{name}.conv2d.weight", 4), self.take(f"{name}.conv2d.bias", 1)
        pad = weight.shape[2] // 2
        x = build.pad(x, pad, pad, pad, pad, "reflect")
        return build.add("Conv", x, build.weight(weight), build.weight(bias), strides=[stride, stride])

    def norm(self, build: GraphBuilder, name: str, x: str) -> str:
        # The first version, of 2017, had a norm of its own with other names.
        names = ("scale", "shift") if f"{name}.scale" in self.left else ("weight", "bias")
        scale, shift = (build.weight(self.take(f"{name}.{part}", 1)) for part in names)
        return build.add("InstanceNormalization", x, scale, shift, epsilon=EPSILON)
