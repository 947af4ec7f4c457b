from dataclasses import asdict

import pytest
import torch

from stylecore.checkpoints import load_network, read_checkpoint, take_trunk, write_checkpoint
from stylecore.errors import CheckpointError
from stylecore.networks import TransformerNetwork, linear_from_nearest
from stylecore.training_config import TrainingConfig

CONFIG = TrainingConfig(channels=8, blocks=1, content_layers=("relu2_1", "relu3_1"))


def checkpoint_of(network: TransformerNetwork, styles: list[str]) -> dict:
    return {"averaged": network.state_dict(), "styles": styles, "config": asdict(CONFIG)}


@pytest.fixture
def network():
    return TransformerNetwork(2, channels=8, blocks=1)


def test_a_checkpoint_comes_back_as_it_was_written(network, tmp_path):
    path = tmp_path / "checkpoint.pt"
    write_checkpoint(path, checkpoint_of(network, ["dots", "lines"]))
    saved = read_checkpoint(path)
    assert saved["config"] == CONFIG
    assert saved["styles"] == ["dots", "lines"]
    own = network.state_dict()
    assert all(torch.equal(value, own[key]) for key, value in load_network(saved).state_dict().items())
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_an_interrupted_write_leaves_the_former_checkpoint(network, tmp_path):
    path = tmp_path / "checkpoint.pt"
    write_checkpoint(path, checkpoint_of(network, ["dots", "lines"]))
    with pytest.raises(Exception, match="pickle"):
        write_checkpoint(path, {"styles": lambda: None})
    assert read_checkpoint(path)["styles"] == ["dots", "lines"]


@pytest.mark.parametrize("contents", [b"", b"not a checkpoint", None])
def test_another_file_is_refused(tmp_path, contents):
    path = tmp_path / "checkpoint.pt"
    if contents is None:
        torch.save({"weights": 1}, path)
    else:
        path.write_bytes(contents)
    with pytest.raises(CheckpointError, match=r"is not a checkpoint of this project$"):
        read_checkpoint(path)


def test_a_missing_checkpoint_says_so(tmp_path):
    with pytest.raises(CheckpointError, match="there is no checkpoint"):
        read_checkpoint(tmp_path / "checkpoint.pt")


def test_a_trunk_is_taken_with_the_rows_of_known_styles(network):
    taken = TransformerNetwork(2, channels=8, blocks=1)
    for scale in (module.scale for module in network.modules() if hasattr(module, "scale")):
        torch.nn.init.normal_(scale)
    take_trunk(taken, checkpoint_of(network, ["dots", "lines"]), ["fresh", "lines"])
    given, own = network.state_dict(), taken.state_dict()
    for key, value in own.items():
        if key.endswith((".scale", ".shift")):
            assert torch.equal(value, torch.stack([given[key].mean(0), given[key][1]])), key
        else:
            assert torch.equal(value, given[key]), key


def test_a_trunk_of_another_width_or_depth_is_refused(network):
    checkpoint = checkpoint_of(network, ["dots", "lines"])
    for other in (
        TransformerNetwork(2, channels=16, blocks=1),
        TransformerNetwork(2, channels=8, blocks=2),
        TransformerNetwork(2, channels=8, blocks=0),
        TransformerNetwork(2, channels=8, blocks=1, upsampling="nearest"),
    ):
        with pytest.raises(CheckpointError, match="same channels, blocks and upsampling"):
            take_trunk(other, checkpoint, ["dots", "lines"])


def test_a_trunk_from_before_is_fitted_to_the_upsampling_of_today(network):
    former = TransformerNetwork(2, channels=8, blocks=1, upsampling="nearest")
    checkpoint = checkpoint_of(former, ["dots", "lines"])
    take_trunk(network, checkpoint, ["dots", "lines"])
    torch.testing.assert_close(network.out.conv.weight, linear_from_nearest(former.out.conv.weight))
    photo = torch.nn.functional.interpolate(torch.rand(1, 3, 6, 6), size=(96, 96), mode="bicubic").clamp(0, 1)
    with torch.no_grad():
        before, after = (net(photo, torch.eye(2)[:1]) for net in (former, network))
    assert (after - before).std() < 0.5 * before.std()


def test_checkpoints_from_before_there_was_a_choice_upsample_as_they_did(network, tmp_path):
    former = TransformerNetwork(2, channels=8, blocks=1, upsampling="nearest")
    contents = checkpoint_of(former, ["dots", "lines"])
    del contents["config"]["upsampling"]
    write_checkpoint(tmp_path / "checkpoint.pt", contents)
    assert load_network(read_checkpoint(tmp_path / "checkpoint.pt")).out.conv.weight.shape[2:] == (3, 3)
