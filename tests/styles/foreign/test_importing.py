import sys

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from stylecore.instant.foreign import ForeignNetwork
from stylecore.styles.foreign.building import IMAGE, GraphBuilder
from stylecore.styles.foreign.importing import import_network
from stylecore.styles.foreign.shapes import peak_values
from tests.conftest import make_photo
from tests.styles.foreign.networks import ExamplesNetwork, LuaNetwork, saved

SIZES = [(64, 64), (96, 128), (200, 132), (64, 260)]  # (height, width), whole steps of the strides
LIMIT = 1 / 255


def batch(height: int, width: int) -> np.ndarray:
    pixels = np.asarray(make_photo(width, height), np.float32) / 255
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])


def paint_examples(network: ExamplesNetwork, image: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return network(torch.from_numpy(image) * 255).clamp(0, 255).numpy() / 255


@pytest.mark.parametrize("kind", ["instance_norm", "eccv16"])
def test_a_t7_paints_as_an_independent_implementation_in_torch(kind):
    original = LuaNetwork(kind)
    imported = import_network(original.encode())
    network = ForeignNetwork(imported.network)
    assert imported.input_range == "caffe"
    for size in SIZES:
        image = batch(*size)
        expected = original.paint(image)
        assert expected.std() > 0.05
        assert abs(network.paint(image) - expected).max() <= LIMIT


@pytest.mark.parametrize("kind", ["instance_norm", "eccv16"])
def test_a_t7_paints_as_opencv(kind, tmp_path):
    cv2 = pytest.importorskip("cv2", reason="OpenCV 4 is not installed")
    if not hasattr(cv2.dnn, "readNetFromTorch"):
        pytest.skip("this OpenCV does not read torch7 any more")
    original = LuaNetwork(kind)
    path = tmp_path / "style.t7"
    path.write_bytes(original.encode())
    network = ForeignNetwork(import_network(path).network)
    mean = np.array([103.939, 116.779, 123.68], np.float32).reshape(1, 3, 1, 1)
    for size in SIZES:
        image = batch(*size)
        opencv = cv2.dnn.readNetFromTorch(str(path))  # keeps sizes of its first picture
        opencv.setInput(image[:, ::-1] * 255 - mean)
        expected = np.clip((opencv.forward() + mean)[:, ::-1] / 255, 0, 1)
        assert abs(network.paint(image) - expected).max() <= LIMIT


@pytest.mark.parametrize("is_old", [False, True])
def test_weights_of_pytorch_examples_paint_as_in_torch(is_old):
    original = ExamplesNetwork().eval()
    state = original.state_dict()
    state |= {"in1.running_mean": torch.zeros(4), "res1.in2.running_var": torch.ones(16)}  # stale
    network = ForeignNetwork(import_network(saved(state, is_old=is_old)).network)
    for size in SIZES:
        image = batch(*size)
        expected = paint_examples(original, image)
        assert expected.std() > 0.05
        assert abs(network.paint(image) - expected).max() <= LIMIT


@pytest.mark.parametrize("size", [(65, 101), (99, 130), (203, 67)])
def test_odd_sizes_paint_as_the_picture_continued_by_reflection(size):
    original = ExamplesNetwork().eval()
    network = ForeignNetwork(import_network(saved(original.state_dict())).network)
    image = batch(*size)
    more = [-side % 4 for side in size]
    padded = F.pad(torch.from_numpy(image), [0, more[1], 0, more[0]], mode="reflect").numpy()
    expected = paint_examples(original, padded)[:, :, : size[0], : size[1]]
    assert abs(network.paint(image) - expected).max() <= LIMIT


@pytest.mark.parametrize("size", [(32, 32), (33, 250)])
def test_pictures_smaller_than_the_padding_are_painted(size):
    network = ForeignNetwork(import_network(LuaNetwork().encode()).network)
    painted = network.paint(np.repeat(batch(*size), 2, axis=0))
    assert painted.shape == (2, 3, *size)
    assert np.isfinite(painted).all()


def test_wide_networks_paint_smaller_pictures_at_once():
    limits = []
    for width in (4, 16, 32):
        data = saved(ExamplesNetwork(width).state_dict())
        limits.append(ForeignNetwork(import_network(data).network).max_megapixels)
    assert 16 > limits[0] > limits[1] > limits[2] > 1


def test_peak_values_counts_tensors_in_use_at_once():
    build = GraphBuilder()
    x = build.add("Tanh", IMAGE)  # picture and this
    y = build.add("Concat", x, x, axis=1)  # this and twice as much
    graph = build.graph(build.add("Abs", y))  # twice as much two times
    assert peak_values(graph, (1, 3, 10, 10)) == 4 * 300


def test_reading_networks_needs_neither_torch_nor_onnx():
    import subprocess

    code = (
        "import sys, stylecore.styles.foreign.importing, stylecore.instant.foreign, stylecore.styles.files;"
        "print({'torch', 'onnx'} & sys.modules.keys())"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "set()\n"
