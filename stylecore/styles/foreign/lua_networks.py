"""Networks of jcjohnson/fast-neural-style (`.t7`) as graphs.

Source: Johnson et al. (2016) and the layers of torch's nn, with the repository's own InstanceNormalization,
ShaveImage and TotalVariation.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np

from stylecore.errors import StyleError
from stylecore.styles.foreign.building import IMAGE, GraphBuilder
from stylecore.styles.foreign.graph import Graph
from stylecore.styles.foreign.torch7 import TorchObject, read_torch7

PREPROCESSING = {"vgg": "caffe", "resnet": "imagenet"}  # names of ranges by those of the repository
MAX_NESTING = 30
MAX_LAYERS = 1000
PASSING = {"Identity", "Dropout", "SpatialDropout", "TotalVariation", "Contiguous"}  # nothing in use


def read_lua_network(data: bytes) -> tuple[Graph, str]:
    """The network of a `.t7` file, and the name of its range.

    Raises:
        StyleError: Another file, or a layer that is not known.
    """
    checkpoint = read_torch7(data)
    model, options = checkpoint, {}
    if isinstance(checkpoint, dict):
        model, options = checkpoint.get("model"), checkpoint.get("opt")
    if not isinstance(model, TorchObject):
        raise StyleError("it holds no network: a model of fast-neural-style is needed")
    preprocessing = options.get("preprocessing", "vgg") if isinstance(options, dict) else "vgg"
    if not isinstance(preprocessing, str) or preprocessing not in PREPROCESSING:
        raise StyleError(f"its preprocessing is {str(preprocessing)[:40]!r}: vgg or resnet is needed")
    layers = _Layers()
    return layers.build.graph(layers.add(model, IMAGE, 0)), PREPROCESSING[preprocessing]


class _Layers:
    """Appends layers to a graph, each by the method of its class's name."""

    def __init__(self) -> None:
        self.build, self.count = GraphBuilder(), 0

    def add(self, layer: object, x: str, depth: int) -> str:
        self.count += 1
        if not isinstance(layer, TorchObject):
            raise StyleError("a layer is missing in it: the file is damaged")
        if depth > MAX_NESTING or self.count > MAX_LAYERS:
            raise StyleError(
                f"over {MAX_LAYERS} layers, or more than {MAX_NESTING} in one another: it is no network"
            )
        family, _, name = layer.kind.partition(".")
        if family in ("nn", "cudnn"):
            if name in PASSING:
                return x
            if name == "Sequential":
                return self.sequential(layer, x, depth)
            if name in LAYERS:
                return LAYERS[name](self.build, layer, x)
        raise StyleError(f"it has a layer {layer.kind[:60]!r}: layers of fast-neural-style are needed")

    def sequential(self, layer: TorchObject, x: str, depth: int) -> str:
        branches = None  # outputs of a ConcatTable, which only a CAddTable can follow
        for child in _children(layer):
            name = child.kind.partition(".")[2] if isinstance(child, TorchObject) else ""
            if name == "ConcatTable" and branches is None:
                branches = [self.add(branch, x, depth + 1) for branch in _children(child)]
            elif name == "CAddTable" and branches:
                x, *others = branches
                for other in others:
                    x = self.build.add("Add", x, other)
                branches = None
            elif branches is None:
                x = self.add(child, x, depth + 1)
            else:
                raise StyleError("branches are not added at once: a network of fast-neural-style is needed")
        if branches is not None:
            raise StyleError("branches are not added at once: a network of fast-neural-style is needed")
        return x


def _children(layer: TorchObject) -> list:
    modules = layer.fields.get("modules")
    if not isinstance(modules, dict) or not modules:
        raise StyleError(f"a layer {layer.kind[:60]!r} has no layers in it: the file is damaged")
    return [modules.get(float(place + 1)) for place in range(len(modules))]


def _number(layer: TorchObject, name: str, default: float | None = None) -> float:
    value = layer.fields.get(name, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e6:
        raise StyleError(f"the {name} of a layer {layer.kind[:60]!r} is no number: the file is damaged")
    return value


def _whole(layer: TorchObject, *names: str, default: int | None = None) -> list[int]:
    values = [_number(layer, name, default) for name in names]
    if any(value < 0 or value != int(value) for value in values):
        raise StyleError(f"{', '.join(names)} of a layer {layer.kind[:60]!r} are no whole numbers from 0 on")
    return [int(value) for value in values]


def _weight(layer: TorchObject, name: str, *shape: int) -> np.ndarray:
    value = layer.fields.get(name)
    if not isinstance(value, np.ndarray) or value.size != prod(shape):
        raise StyleError(f"the {name} of a layer {layer.kind[:60]!r} does not have {shape} values")
    value = np.ascontiguousarray(value, np.float32).reshape(shape)
    if not np.isfinite(value).all():
        raise StyleError(f"the {name} of a layer {layer.kind[:60]!r} is not finite: the file is damaged")
    return value


def _convolution(build: GraphBuilder, layer: TorchObject, x: str) -> str:
    inputs, outputs, height, width = _whole(layer, "nInputPlane", "nOutputPlane", "kH", "kW")
    is_full = "Full" in layer.kind
    shape = (inputs, outputs, height, width) if is_full else (outputs, inputs, height, width)
    weights = [build.weight(_weight(layer, "weight", *shape))]
    if layer.fields.get("bias") is not None:
        weights.append(build.weight(_weight(layer, "bias", outputs)))
    pad_h, pad_w = _whole(layer, "padH", "padW", default=0)
    attributes = {"strides": _whole(layer, "dH", "dW"), "pads": [pad_h, pad_w, pad_h, pad_w]}
    if is_full:
        attributes["output_padding"] = _whole(layer, "adjH", "adjW", default=0)
    return build.add("ConvTranspose" if is_full else "Conv", x, *weights, **attributes)


def _scale_and_shift(layer: TorchObject, channels: int) -> tuple[np.ndarray, np.ndarray]:
    if layer.fields.get("weight") is None:  # not affine
        return np.ones(channels, np.float32), np.zeros(channels, np.float32)
    return _weight(layer, "weight", channels), _weight(layer, "bias", channels)


def _instance_norm(build: GraphBuilder, layer: TorchObject, x: str) -> str:
    (channels,) = _whole(layer, "nOutput")
    scale, shift = (build.weight(values) for values in _scale_and_shift(layer, channels))
    return build.add("InstanceNormalization", x, scale, shift, epsilon=_number(layer, "eps", 1e-5))


def _batch_norm(build: GraphBuilder, layer: TorchObject, x: str) -> str:
    mean = layer.fields.get("running_mean")
    channels = mean.size if isinstance(mean, np.ndarray) else 0
    values = (
        *_scale_and_shift(layer, channels),
        *(_weight(layer, name, channels) for name in ("running_mean", "running_var")),
    )
    return build.add(
        "BatchNormalization",
        x,
        *(build.weight(value) for value in values),
        epsilon=_number(layer, "eps", 1e-5),
    )


def _padding(mode: str) -> Callable[[GraphBuilder, TorchObject, str], str]:
    def add(build: GraphBuilder, layer: TorchObject, x: str) -> str:
        return build.pad(x, *_whole(layer, "pad_t", "pad_l", "pad_b", "pad_r"), mode)

    return add


def _shave(build: GraphBuilder, layer: TorchObject, x: str) -> str:
    (size,) = _whole(layer, "size")
    return build.crop(x, build.weight([size, size]), build.weight([-size, -size])) if size else x


def _upsample(build: GraphBuilder, layer: TorchObject, x: str) -> str:
    (factor,) = _whole(layer, "scale_factor")
    return nearest(build, x, factor)


def nearest(build: GraphBuilder, x: str, factor: int) -> str:
    """Enlarge by repeating pixels."""
    scales = build.weight([1.0, 1.0, float(factor), float(factor)])
    return build.add(
        "Resize",
        x,
        "",
        scales,
        mode=b"nearest",
        coordinate_transformation_mode=b"asymmetric",
        nearest_mode=b"floor",
    )


LAYERS = {
    **dict.fromkeys(("SpatialConvolution", "SpatialConvolutionMM", "SpatialFullConvolution"), _convolution),
    "InstanceNormalization": _instance_norm,
    "SpatialBatchNormalization": _batch_norm,
    "SpatialReflectionPadding": _padding("reflect"),
    "SpatialReplicationPadding": _padding("edge"),
    "SpatialZeroPadding": _padding("constant"),
    "ShaveImage": _shave,
    "SpatialUpSamplingNearest": _upsample,
    "ReLU": lambda build, layer, x: build.add("Relu", x),
    "LeakyReLU": lambda build, layer, x: build.add("LeakyRelu", x, alpha=_number(layer, "negval", 0.01)),
    "Tanh": lambda build, layer, x: build.add("Tanh", x),
    "MulConstant": lambda build, layer, x: build.add(
        "Mul", x, build.weight(_number(layer, "constant_scalar") + 0.0)
    ),
    "AddConstant": lambda build, layer, x: build.add(
        "Add", x, build.weight(_number(layer, "constant_scalar") + 0.0)
    ),
}
