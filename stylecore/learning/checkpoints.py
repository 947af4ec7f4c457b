"""Checkpoints of a training run: write, read, and load networks from them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from stylecore.errors import CheckpointError
from stylecore.learning.config import AnyStyleConfig, SharedConfig, TrainingConfig
from stylecore.learning.encoder import AnyStyleNetwork
from stylecore.learning.networks import StyledNetwork, TransformerNetwork

CHECKPOINT_NAME = "checkpoint.pt"  # in the folder of a run


def read_checkpoint(path: Path) -> dict:
    """Read a checkpoint of a training on given styles, its `config` as a `TrainingConfig`.

    Raises:
        CheckpointError: The file is missing, damaged, or not a checkpoint of such a training.
    """
    saved = read_any_checkpoint(path)
    if "styles" not in saved:
        raise CheckpointError(f"{path} holds a network for any style: one trained on given styles is needed")
    return saved


def read_general_checkpoint(path: Path) -> dict:
    """Read a checkpoint of the general network, its `config` as an `AnyStyleConfig`.

    Raises:
        CheckpointError: The file is missing, damaged, or not a checkpoint of a general network.
    """
    saved = read_any_checkpoint(path)
    if "styles" in saved:
        raise CheckpointError(f"{path} was trained on given styles: a network for any style is needed")
    return saved


def read_any_checkpoint(path: Path) -> dict:
    """Read a checkpoint of either training; those on given styles have `styles`, their names.

    Raises:
        CheckpointError: The file is missing, damaged, or not a checkpoint of this project.
    """
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
        config = saved["config"]
        layers = {key: tuple(config[key]) for key in ("content_layers", "style_layers")}
        config_type = TrainingConfig if "styles" in saved else AnyStyleConfig
        saved["config"] = config_type(**config | layers)
        return saved
    except FileNotFoundError as error:
        raise CheckpointError(f"there is no checkpoint {path}") from error
    except Exception as error:  # torch.load raises many types, from EOFError to UnpicklingError
        raise CheckpointError(f"{path} is not a checkpoint of this project") from error


def write_checkpoint(path: Path, contents: dict) -> None:
    """Write a checkpoint; if interrupted, the former one stays intact."""
    partial = path.with_suffix(".partial")
    try:
        torch.save(contents, partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def new_network(config: TrainingConfig, styles: int) -> StyledNetwork:
    """A network with the channels, blocks and upsampling of the settings, and rows for some styles."""
    return StyledNetwork(_new_trunk(config), styles)


def new_general_network(config: AnyStyleConfig) -> AnyStyleNetwork:
    """A general network with the channels, blocks, upsampling and hidden width of the settings."""
    return AnyStyleNetwork(_new_trunk(config), hidden=config.hidden)


def _new_trunk(config: SharedConfig) -> TransformerNetwork:
    return TransformerNetwork(channels=config.channels, blocks=config.blocks, upsampling=config.upsampling)


def load_network(checkpoint: dict) -> StyledNetwork:
    """The averaged network of a checkpoint with its rows, on the CPU, for inference."""
    network = new_network(checkpoint["config"], len(checkpoint["styles"]))
    network.load_state_dict(checkpoint["averaged"])
    return network.eval().requires_grad_(False)


def load_general_network(checkpoint: dict) -> AnyStyleNetwork:
    """The averaged general network of a checkpoint with its encoder, on the CPU, for inference."""
    network = new_general_network(checkpoint["config"])
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


def take_general(network: AnyStyleNetwork, checkpoint: dict) -> None:
    """Copy a trained trunk, and the encoder if there is one, into a general network.

    Args:
        network: Receives the weights.
        checkpoint: From `read_any_checkpoint`; of one on given styles, the base rows are the mean of theirs.
    Raises:
        CheckpointError: The numbers of channels or blocks, the upsampling, or the hidden width, differ.
    """
    own, given = network.state_dict(), dict(checkpoint["averaged"])
    if "styles" in checkpoint:
        given["encoder.base"] = given.pop("rows").mean(0)
        given = {key: value for key, value in own.items() if key.startswith("encoder.")} | given
    if own.keys() != given.keys() or any(own[key].shape != given[key].shape for key in own):
        raise CheckpointError(
            "the weights of the initial checkpoint do not fit: "
            "give the network the same channels, blocks, upsampling and hidden"
        )
    network.load_state_dict(given)
