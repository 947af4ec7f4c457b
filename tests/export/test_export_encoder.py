import json
import shutil
from dataclasses import asdict

import onnx
import pytest
import torch

from export.encoder_graph import build_encoder
from export.export_encoder import PARITY_LIMIT, export_encoder
from stylecore.errors import CheckpointError, WeightsError
from stylecore.host.folders import WEIGHTS_FOLDER
from stylecore.host.weights import check_weights_file
from stylecore.learning.checkpoints import new_general_network, write_checkpoint
from stylecore.learning.config import AnyStyleConfig
from stylecore.learning.encoder import StyleEncoder

CONFIG = AnyStyleConfig(channels=8, blocks=2, hidden=16)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with VGG19's weights, and a checkpoint of small random networks."""
    folder = tmp_path_factory.mktemp("weights")
    for name in ("vgg19.safetensors", "vgg19.json"):
        shutil.copyfile(WEIGHTS_FOLDER / name, folder / name)
    torch.manual_seed(0)
    network = new_general_network(CONFIG)
    torch.nn.init.normal_(network.encoder.base)
    torch.nn.init.normal_(network.encoder.mlp[-1].weight, std=0.1)
    averaged = {name: value.half() for name, value in network.state_dict().items()}
    write_checkpoint(folder / "any.pt", {"averaged": averaged, "config": asdict(CONFIG), "step": 3})
    return folder


@pytest.fixture(scope="module")
def difference(folder) -> float:
    return export_encoder(folder / "any.pt", folder)


def test_torch_and_onnx_runtime_agree_on_the_rows(difference):
    assert difference <= PARITY_LIMIT


def test_vgg19s_weights_are_read_from_their_own_file(folder, difference):
    model = onnx.load(folder / "encoder.onnx", load_external_data=False)
    outside = [tensor for tensor in model.graph.initializer if tensor.external_data]
    assert len(outside) == 2 * 13
    places = [{entry.key: entry.value for entry in tensor.external_data} for tensor in outside]
    assert {place["location"] for place in places} == {"vgg19.safetensors"}
    assert (folder / "encoder.onnx").stat().st_size < 1_000_000


def test_the_records_have_the_checksums_of_all_that_is_read(folder, difference):
    for name in ("encoder.onnx", "general.onnx"):
        check_weights_file(folder / name)
    made_for = json.loads((folder / "encoder.json").read_text())["made_for"]
    assert made_for.keys() == {"vgg19.safetensors", "general.onnx"}
    for name, sha256 in made_for.items():
        check_weights_file(folder / name, sha256=sha256)
    training = json.loads((folder / "general.json").read_text())["training"]
    assert (training["step"], training["crops"], training["channels"]) == (3, 12, 8)


def test_a_file_that_is_no_checkpoint_is_refused(folder):
    with pytest.raises(CheckpointError, match="there is no checkpoint"):
        export_encoder(folder / "nowhere.pt", folder)
    with pytest.raises(CheckpointError, match=r"vgg19\.json is not a checkpoint of this project"):
        export_encoder(folder / "vgg19.json", folder)


def test_another_file_than_vgg19_is_refused(tmp_path):
    other = tmp_path / "other.safetensors"
    shutil.copyfile(WEIGHTS_FOLDER / "rows.safetensors", other)
    with pytest.raises(WeightsError, match=r"other\.safetensors has no float16 tensor conv1_1\.weight"):
        build_encoder(StyleEncoder(torch.zeros(8), hidden=16), other)
