import io
import warnings

import numpy as np
import onnxruntime
import pytest
import torch
from onnx import helper, numpy_helper

from stylecore.instant.foreign import ForeignNetwork
from stylecore.styles.foreign.importing import import_network
from tests.styles.foreign.networks import ExamplesNetwork
from tests.styles.foreign.onnx_files import ZOO_SIDE, ZooWriter, make_model
from tests.styles.foreign.test_importing import LIMIT, SIZES, batch


def run(data: bytes, image: np.ndarray) -> np.ndarray:
    """What ONNX Runtime makes of a file as it came."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: image})[0]


@pytest.mark.parametrize(("opset", "is_traced"), [(8, False), (9, False), (9, True)])
def test_a_network_of_the_model_zoo_paints_as_in_onnx_runtime(opset, is_traced):
    original = ExamplesNetwork()
    fixed = ZooWriter(original, opset, is_traced=is_traced).encode()
    free = ZooWriter(original, opset, is_traced=is_traced).encode(height="h", width="w")
    imported = import_network(fixed)
    assert imported.input_range == "bytes"
    network = ForeignNetwork(imported.network)
    image = batch(ZOO_SIDE, ZOO_SIDE)
    assert abs(network.paint(image) - run(fixed, image * 255).clip(0, 255) / 255).max() <= LIMIT
    for size in SIZES:
        image = batch(*size)
        expected = run(free, image * 255).clip(0, 255) / 255
        assert expected.std() > 0.05
        assert abs(network.paint(image) - expected).max() <= LIMIT


@pytest.mark.parametrize("opset", [11, 17])
def test_what_torch_exports_paints_as_in_onnx_runtime(opset):
    original = ExamplesNetwork().eval()
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            original,
            torch.zeros(1, 3, 64, 96),
            buffer,
            opset_version=opset,
            dynamo=False,
            input_names=["x"],
            output_names=["y"],
            dynamic_axes={name: {2: "h", 3: "w"} for name in "xy"},
        )
    network = ForeignNetwork(import_network(buffer.getvalue()).network)
    for size in SIZES:
        image = batch(*size)
        expected = run(buffer.getvalue(), image * 255).clip(0, 255) / 255
        assert abs(network.paint(image) - expected).max() <= LIMIT


def limited(*tail: tuple[str, float | None], head: tuple[str, float] | None = None) -> bytes:
    """A convolution and what follows it: operators, with a number where they take one."""
    chance = np.random.default_rng(0)
    weights = {"w": chance.uniform(0, 0.07, (3, 3, 3, 3)).astype(np.float32)}
    nodes, x = [], "image"
    for place, step in enumerate([*([head] if head else []), ("Conv", None), *tail]):
        op, number = step
        inputs, attributes = [x], {}
        if op == "Conv":
            inputs, attributes = [x, "w"], {"pads": [1] * 4}
        elif number is not None:
            weights[f"c{place}"] = np.float32(number)
            inputs.append(f"c{place}")
        x = f"t{place}"
        nodes.append(helper.make_node(op, inputs, [x], **attributes))
    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()]
    return make_model(nodes, "image", x, [1, 3, "h", "w"], tensors)


@pytest.mark.parametrize(
    ("data", "given", "low", "high"),
    [
        (limited(("Sigmoid", None)), "unit", 0, 1),
        (limited(("Tanh", None)), "signed", -1, 1),
        (limited(("Tanh", None), ("Mul", 0.5), ("Add", 0.5)), "unit", 0, 1),
        (limited(("Tanh", None), ("Mul", 127.5), ("Add", 127.5), head=("Div", 255)), "bytes", 0, 255),
        (limited(("Sigmoid", None), head=("Div", 255)), "bytes", 0, 1),
        (limited(), "unit", 0, 1),
        (limited(head=("Mul", 255)), "unit", 0, 255),
    ],
)
def test_ranges_are_read_from_the_first_and_last_operators(data, given, low, high):
    imported = import_network(data)
    assert imported.input_range == given
    image = batch(64, 80)
    sent = {"unit": image, "signed": 2 * image - 1, "bytes": 255 * image}[given]
    expected = ((run(data, sent) - low) / (high - low)).clip(0, 1)
    assert abs(ForeignNetwork(imported.network).paint(image) - expected).max() <= LIMIT


def test_tanh_times_150_is_caffe():
    data = limited(("Tanh", None), ("Mul", 150))
    imported = import_network(data)
    assert imported.input_range == "caffe"
    image, mean = batch(64, 80), np.float32([103.939, 116.779, 123.68]).reshape(1, 3, 1, 1)
    expected = (run(data, image[:, ::-1] * 255 - mean) + mean)[:, ::-1].clip(0, 255) / 255
    assert abs(ForeignNetwork(imported.network).paint(image) - expected).max() <= LIMIT


def test_a_range_that_is_given_is_used():
    assert import_network(limited(), input_range="bytes").input_range == "bytes"
    with pytest.raises(ValueError, match="use one of unit"):
        import_network(limited(), input_range="hdr")


def test_pictures_with_channels_last_are_painted():
    weight = np.random.default_rng(0).normal(0, 0.2, (3, 3, 1, 1)).astype(np.float32)
    nodes = [
        helper.make_node("Transpose", ["image"], ["a"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["a", "w"], ["b"]),
        helper.make_node("Sigmoid", ["b"], ["c"]),
        helper.make_node("Transpose", ["c"], ["d"], perm=[0, 2, 3, 1]),
    ]
    data = make_model(nodes, "image", "d", [1, "h", "w", 3], [numpy_helper.from_array(weight, "w")])
    image = batch(50, 70)
    expected = run(data, np.ascontiguousarray(image.transpose(0, 2, 3, 1))).transpose(0, 3, 1, 2)
    assert abs(ForeignNetwork(import_network(data).network).paint(image) - expected).max() <= LIMIT
