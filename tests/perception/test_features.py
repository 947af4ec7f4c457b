import hashlib
import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.numpy import load_file
from torchvision.models import vgg19

from export import vgg19 as export_vgg19
from stylecore.errors import WeightsError
from stylecore.images.arrays import to_batch
from stylecore.perception.features import (
    CONVOLUTIONS,
    VGG19_WEIGHTS,
    ReluMaxPool,
    Vgg19Features,
    with_replicated_border,
)
from tests.conftest import make_photo


def numpy_vgg(pixels: np.ndarray, last: str) -> dict[str, np.ndarray]:
    """VGG19 by patches and matrix products; borders replicated at first, zero behind."""
    weights = load_file(VGG19_WEIGHTS)
    features, activations = pixels.astype(np.float64), {}
    for name in CONVOLUTIONS:
        if name.endswith("_1") and name != "conv1_1":
            c, h, w = features.shape
            features = features[:, : h // 2 * 2, : w // 2 * 2].reshape(c, h // 2, 2, w // 2, 2).max((2, 4))
        mode = "edge" if name == "conv1_1" else "constant"
        padded = np.pad(features, ((0, 0), (1, 1), (1, 1)), mode=mode)
        patches = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
        kernel = weights[f"{name}.weight"].astype(np.float64)
        bias = weights[f"{name}.bias"].astype(np.float64)
        features = np.einsum("chwij,ocij->ohw", patches, kernel, optimize=True) + bias[:, None, None]
        activations[name] = features
        features = np.maximum(features, 0)
        activations["relu" + name[4:]] = features
        if name == last:
            return activations
    return activations


def test_activations_agree_with_an_independent_computation():
    layers = ["relu1_1", "conv2_2", "relu3_1", "relu4_1"]
    batch = to_batch(make_photo(50, 38))
    expected = numpy_vgg(batch[0], "conv4_1")
    found = Vgg19Features(layers)(torch.from_numpy(batch))
    for layer in layers:
        assert np.allclose(found[layer][0], expected[layer], rtol=1e-3, atol=1e-3), layer


def test_filters_have_a_mean_activation_near_one():
    layers = ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1", "relu5_4"]
    features = Vgg19Features(layers)(torch.from_numpy(to_batch(make_photo(256, 256))))
    for layer in layers:
        assert 0.1 < features[layer].mean() < 5, layer


def test_black_borders_are_not_seen_in_a_flat_picture():
    features = Vgg19Features(["relu1_1"])(torch.full((1, 3, 32, 32), 0.9))["relu1_1"]
    assert torch.allclose(features[..., 0, 0], features[..., 16, 16], atol=1e-4)


def test_forward_stops_at_the_layer_asked_for():
    vgg = Vgg19Features(["relu2_1", "relu5_1"])
    assert list(vgg(torch.rand(1, 3, 32, 32), last="relu2_1")) == ["relu2_1"]
    assert list(vgg(torch.rand(1, 3, 32, 32), last="relu2_2")) == ["relu2_1"]  # in front of a pooling


def test_average_pooling_differs_from_max_pooling():
    batch = torch.from_numpy(to_batch(make_photo(32, 32)))
    by_max, by_average = (Vgg19Features(["relu2_1"], pooling=p)(batch)["relu2_1"] for p in ("max", "average"))
    assert not torch.allclose(by_max, by_average)


def test_unknown_layers_are_refused_by_name():
    with pytest.raises(ValueError, match="no layer relu6_1"):
        Vgg19Features(["relu1_1", "relu6_1"])


def test_too_small_pictures_are_refused():
    with pytest.raises(ValueError, match=r"at least 16.*got \(1, 3, 8, 40\)"):
        Vgg19Features(["relu5_1"])(torch.rand(1, 3, 8, 40))


def test_a_damaged_file_is_noticed(tmp_path):
    path = tmp_path / "vgg19.safetensors"
    path.write_bytes(VGG19_WEIGHTS.read_bytes()[:-1] + b"\0")
    path.with_suffix(".json").write_text(VGG19_WEIGHTS.with_suffix(".json").read_text())
    with pytest.raises(WeightsError, match="damaged"):
        Vgg19Features(["relu1_1"], weights=path)


def test_a_torchvision_checkpoint_gives_torchvisions_activations(tmp_path):
    torch.manual_seed(0)
    model = vgg19(weights=None).eval()
    for parameter in model.features.parameters():
        parameter.data = parameter.data.half().float()  # what float16 storage keeps
    torch.save(model.state_dict(), tmp_path / "vgg19.pth")
    output = tmp_path / "own.safetensors"
    export_vgg19.main([str(tmp_path / "vgg19.pth"), "-o", str(output)])
    batch = torch.from_numpy(to_batch(make_photo(64, 64)))
    mean, std = (
        torch.tensor(v)[:, None, None] for v in (export_vgg19.IMAGENET_MEAN, export_vgg19.IMAGENET_STD)
    )
    with torch.no_grad():
        expected = model.features[:14]((batch - mean) / std)
    found = Vgg19Features(["relu3_2"], weights=output)(batch)["relu3_2"]
    inside = (..., slice(4, -4), slice(4, -4))  # torchvision pads the border with the mean color
    error = (found[inside] - expected[inside]).norm() / expected[inside].norm()
    assert error < 5e-3
    record = json.loads(output.with_suffix(".json").read_text())
    assert record["sha256"] == hashlib.sha256(output.read_bytes()).hexdigest()


def test_a_foreign_checkpoint_is_refused(tmp_path):
    torch.save({"layer.weight": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(WeightsError, match=r"got keys layer\.weight"):
        export_vgg19.main([str(tmp_path / "other.pth"), "-o", str(tmp_path / "x.safetensors")])


def test_the_border_is_replicated_with_its_gradient():
    batch = torch.rand(2, 3, 5, 4, requires_grad=True)
    weights = torch.rand(2, 3, 7, 6)
    padded = [with_replicated_border(batch), F.pad(batch, (1, 1, 1, 1), mode="replicate")]
    assert torch.equal(*padded)
    ours, theirs = (torch.autograd.grad((own * weights).sum(), batch)[0] for own in padded)
    assert torch.allclose(ours, theirs)


@pytest.mark.parametrize("shape", [(1, 3, 9, 7), (2, 5, 8, 8)])
def test_relu_and_pooling_at_once_agree_with_torchs_own(shape):
    features = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    ours, theirs = (features.clone().requires_grad_() for _ in range(2))
    pooled, expected = ReluMaxPool.apply(ours), F.max_pool2d(F.relu(theirs), 2)
    assert torch.equal(pooled, expected)
    gradient = torch.randn(pooled.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    pooled.backward(gradient)
    expected.backward(gradient)
    assert torch.equal(ours.grad, theirs.grad)


def test_activations_in_front_of_a_pooling_are_kept_only_where_they_are_wanted():
    picture = torch.from_numpy(to_batch(make_photo(64, 64))).requires_grad_()
    few, more = Vgg19Features(["relu1_1", "relu2_1"]), Vgg19Features(["relu1_1", "relu1_2", "relu2_1"])
    kept = {}
    for vgg in (few, more):
        shapes = kept[vgg] = []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda tensor, shapes=shapes: shapes.append((tensor.dtype, *tensor.shape)) or tensor, lambda x: x
        ):
            found = vgg(picture)
        found["relu2_1"].sum().backward()
    large = (torch.float32, 1, 64, 64, 64)
    assert kept[few].count(large) < kept[more].count(large)
    assert (torch.int32, 1, 64, 32, 32) in kept[few]


@pytest.mark.parametrize(
    ("dtype", "side", "returns"), [(torch.float32, 34, 1), (torch.float32, 32, 0), (torch.bfloat16, 34, 0)]
)
def test_freed_memory_goes_back_before_large_gradients_in_float32(dtype, side, returns, monkeypatch):
    returned = []
    monkeypatch.setattr("stylecore.perception.features.LARGE_BYTES", 3 * 33**2 * 4)
    monkeypatch.setattr("stylecore.perception.features.return_freed_memory", lambda: returned.append(True))
    features = torch.rand(1, 3, side, side, dtype=dtype, requires_grad=True)
    ReluMaxPool.apply(features).sum().backward()
    assert len(returned) == returns
