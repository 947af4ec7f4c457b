from dataclasses import asdict, replace

import pytest
import torch

from stylecore.errors import CheckpointError
from stylecore.host.folders import WEIGHTS_FOLDER
from stylecore.learning.checkpoints import (
    load_network,
    new_network,
    read_checkpoint,
    take_trunk,
    write_checkpoint,
)
from stylecore.learning.config import TrainingConfig
from stylecore.learning.networks import StyledNetwork

CONFIG = TrainingConfig(channels=8, blocks=1, content_layers=("relu2_1", "relu3_1"))


def checkpoint_of(network: StyledNetwork, styles: list[str]) -> dict:
    return {"averaged": network.state_dict(), "styles": styles, "config": asdict(CONFIG)}


@pytest.fixture
def network():
    return new_network(CONFIG, 2)


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
    assert [file.name for file in tmp_path.iterdir()] == ["checkpoint.pt"]


@pytest.mark.parametrize("contents", [b"", b"not a checkpoint", None])
def test_another_file_is_refused(tmp_path, contents):
    path = tmp_path / "checkpoint.pt"
    if contents is None:
        torch.save({"weights": 1}, path)
    else:
        path.write_bytes(contents)
    with pytest.raises(CheckpointError, match=r"is not a checkpoint of this project$"):
        read_checkpoint(path)


@pytest.mark.parametrize("name", ["painter", "collection", "fine"])
def test_the_shipped_checkpoints_hold_every_setting(name):
    saved = torch.load(WEIGHTS_FOLDER / f"{name}.pt", weights_only=True)
    assert saved["config"].keys() == asdict(CONFIG).keys()
    assert set(load_network(read_checkpoint(WEIGHTS_FOLDER / f"{name}.pt")).state_dict()) == set(
        saved["averaged"]
    )


def test_a_missing_checkpoint_says_so(tmp_path):
    with pytest.raises(CheckpointError, match="there is no checkpoint"):
        read_checkpoint(tmp_path / "checkpoint.pt")


def test_a_trunk_is_taken_with_the_rows_of_known_styles(network):
    taken = new_network(CONFIG, 2)
    torch.nn.init.normal_(network.rows)
    take_trunk(taken, checkpoint_of(network, ["dots", "lines"]), ["fresh", "lines"])
    given, own = network.state_dict(), taken.state_dict()
    for key, value in own.items():
        if key == "rows":
            assert torch.equal(value, torch.stack([given[key].mean(0), given[key][1]])), key
        else:
            assert torch.equal(value, given[key]), key


def test_a_trunk_of_another_width_or_depth_is_refused(network):
    checkpoint = checkpoint_of(network, ["dots", "lines"])
    for other in (
        new_network(replace(CONFIG, **{name: value}), 2)
        for name, value in (("channels", 16), ("blocks", 2), ("blocks", 0), ("upsampling", "nearest"))
    ):
        with pytest.raises(CheckpointError, match="same channels, blocks and upsampling"):
            take_trunk(other, checkpoint, ["dots", "lines"])


def test_a_trunk_of_nearest_upsampling_is_refused(network):
    nearest = new_network(replace(CONFIG, upsampling="nearest"), 2)
    with pytest.raises(CheckpointError, match="same channels, blocks and upsampling"):
        take_trunk(network, checkpoint_of(nearest, ["dots", "lines"]), ["dots", "lines"])
