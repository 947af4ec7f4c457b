from dataclasses import replace

import pytest
import torch

from export.join_networks import join, main
from stylecore.errors import CheckpointError
from stylecore.host.folders import WEIGHTS_FOLDER
from stylecore.learning.checkpoints import load_network, read_checkpoint

CHECKPOINTS = [WEIGHTS_FOLDER / name for name in ("painter.pt", "collection.pt")]


@pytest.fixture(scope="module")
def halves():
    return [read_checkpoint(path) for path in CHECKPOINTS]


@torch.no_grad()
def test_each_style_begins_nearly_as_it_was(halves, tmp_path):
    main([*map(str, CHECKPOINTS), str(tmp_path / "joint.pt")])
    checkpoint = read_checkpoint(tmp_path / "joint.pt")
    joint = load_network(checkpoint)
    assert checkpoint["config"].channels == 64
    photo = torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(1))
    for half in halves:
        network = load_network(half)
        for row in (0, len(half["styles"]) - 1):
            wide_row = checkpoint["styles"].index(half["styles"][row])
            before = network(photo, torch.eye(len(network.rows))[row : row + 1])
            after = joint(photo, torch.eye(len(joint.rows))[wide_row : wide_row + 1])
            assert (after - before).abs().mean() < 0.05
            other = joint(photo, torch.eye(len(joint.rows))[wide_row - 1][None])
            assert (after - other).abs().mean() > 0.05


def test_a_missing_checkpoint_is_one_line(capsys, tmp_path):
    assert main([str(tmp_path / "no.pt"), str(CHECKPOINTS[0]), str(tmp_path / "joint.pt")]) == 2
    assert capsys.readouterr().err == f"error: there is no checkpoint {tmp_path / 'no.pt'}\n"


def test_networks_that_do_not_fit_are_refused(halves):
    first, second = halves
    others = [
        second | {"config": replace(second["config"], **{name: value})}
        for name, value in (("blocks", 4), ("upsampling", "nearest"))
    ]
    for unfit in (first, *others):
        with pytest.raises(CheckpointError, match="different styles, as many blocks and one upsampling"):
            join(first, unfit)
