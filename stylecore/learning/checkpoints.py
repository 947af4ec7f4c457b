"""Checkpoints of a training run: write, read, and load networks from them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from stylecore.errors import CheckpointError
from stylecore.learning.config import TrainingConfig
from stylecore.learning.networks import StyledNetwork, TransformerNetwork

CHECKPOINT_NAME = "checkpoint.pt"  # in the folder of a run


def read_checkpoint(path: Path) -> dict:
    """Read a checkpoint, its `config` as a `TrainingConfig`.

    Raises:
        CheckpointError: The file is missing, damaged, or not a checkpoint of this project.
    """
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
        config = saved["config"]
        layers = {key: tuple(config[key]) for key in ("content_layers", "style_layers")}
        saved["config"] = TrainingConfig(**config | layers)
        return saved
    except FileNotFoundError as error:
        raise CheckpointError(f"there is no checkpoint {path}") from error
    except Exception as error:  # torch.load raises many types, from EOFError to UnpicklingError
        raise CheckpointError(f"{path} is not a checkpoint of this project") from error


def write_checkpoint(path: Path, contents: dict) -> None:
    """Write a checkpoint; if interrupted, the former one stays intact."""
    partial = path.with_suffix(".partial")
    torch.save(contents, partial)
    partial.replace(path)


def new_network(config: TrainingConfig, styles: int) -> StyledNetwork:
    """A network with the channels, blocks and upsampling of the settings, and rows for some styles."""
    network = TransformerNetwork(channels=config.channels, blocks=config.blocks, upsampling=config.upsampling)
    return StyledNetwork(network, styles)


def load_network(checkpoint: dict) -> StyledNetwork:
    """The averaged network of a checkpoint with its rows, on the CPU, for inference."""
    network = new_network(checkpoint["config"], len(checkpoint["styles"]))
    network.load_state_dict(checkpoint["averaged"])
    return network.eval().requires_grad_(False)


def take_trunk(network: StyledNetwork, checkpoint: dict, names: Sequence[str]) -> None:
    """Copy a trained trunk, and the rows of styles with the same names, into a network.

    Args:
        network: Receives the weights; has one row for each of `names`.
        checkpoint: From `read_checkpoint`; other styles start from the mean of its rows.
        names: Styles of the network.
    Raises:
        CheckpointError: The numbers of channels or blocks, or the upsampling, differ.
    """
    own, given = network.state_dict(), checkpoint["averaged"]
    rows = {name: row for row, name in enumerate(checkpoint["styles"])}
    if different := own.keys() ^ given.keys():
        raise CheckpointError(
            f"the initial checkpoint and the network do not both have {min(different)}: "
            "give it the same channels, blocks and upsampling"
        )
    for key, value in own.items():
        source = given[key]
        if key == "rows":
            mean = source.mean(0)
            source = torch.stack([source[rows[name]] if name in rows else mean for name in names])
        if source.shape != value.shape:
            raise CheckpointError(
                f"{key} is {tuple(source.shape)} in the initial checkpoint, {tuple(value.shape)} is needed: "
                "give it the same channels, blocks and upsampling"
            )
        own[key] = source
    network.load_state_dict(own)
