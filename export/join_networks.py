"""Join two trained networks into one with the sum of their channels, for further training.

The styles of both then share one trunk and paint nearly as before: of each style's channels, its own half
is unchanged and the other half nearly silent. Weights between the halves start as weak noise.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict, replace
from pathlib import Path

import torch
from torch import Tensor

from stylecore.commands.console import BAD_INPUT, fail
from stylecore.errors import CheckpointError
from stylecore.learning.checkpoints import new_network, read_checkpoint, write_checkpoint

CROSS_DEVIATION = 0.1  # of the weights between the halves, relative to those within
# Scale and shift of the last norm in the half that is not a style's own; at 0 its channels would get no
# gradient.
SILENT = (0.05, 0.02)


def join(first: dict, second: dict, *, seed: int = 0) -> dict:
    """Make a checkpoint for `stylecore train --init` from two others.

    Args:
        first: From `read_checkpoint`; its styles come first.
        second: From `read_checkpoint`, with other styles and as many blocks.
        seed: Seed of the noise between the halves.
    Returns:
        Styles, averaged weights and settings of the joint network.
    Raises:
        CheckpointError: A style is in both, or the number of blocks or the upsampling differs.
    Source: after Chen et al. (2016), Net2Net, who widen networks without changing their output.
    """
    styles = [*first["styles"], *second["styles"]]
    configs = [checkpoint["config"] for checkpoint in (first, second)]
    is_alike = len({(config.blocks, config.upsampling) for config in configs}) == 1
    if len(set(styles)) < len(styles) or not is_alike:
        raise CheckpointError(
            "two networks of different styles, as many blocks and one upsampling are needed"
        )
    generator = torch.Generator().manual_seed(seed)
    weights = {
        name: _joined(name.removeprefix("network."), tensor, second["averaged"][name], generator)
        for name, tensor in first["averaged"].items()
        if name != "rows"
    }
    weights["rows"] = _joined_rows(first, second)
    config = replace(configs[0], channels=sum(config.channels for config in configs))
    return {"styles": styles, "averaged": weights, "config": asdict(config)}


def _joined(name: str, first: Tensor, second: Tensor, generator: torch.Generator) -> Tensor:
    def cross(outputs: Tensor, inputs: Tensor) -> Tensor:
        shape = (outputs.shape[0], inputs.shape[1], *outputs.shape[2:])
        return torch.randn(shape, generator=generator) * outputs.std() * CROSS_DEVIATION

    if name == "out.conv.bias":
        return (first + second) / 2
    if name == "out.conv.weight":
        return torch.cat((first, second), 1)
    if name == "stem.conv.weight":
        return torch.cat((first, second))
    above = torch.cat((first, cross(first, second)), 1)
    below = torch.cat((cross(second, first), second), 1)
    return torch.cat((above, below))


def _joined_rows(first: dict, second: dict) -> Tensor:
    """Rows of both checkpoints' styles for the joint network, shape (styles, R)."""
    parts = [*zip(_norm_rows(first), _norm_rows(second), strict=True)]
    joined = []
    for i, (above, below) in enumerate(parts):  # each (styles, channels): scales and shifts in turn
        if i >= len(parts) - 2:  # the last norm's
            others = [torch.full_like(rows[:1], SILENT[i % 2]) for rows in (above, below)]
        else:
            others = [rows.mean(0, keepdim=True) for rows in (above, below)]
        above = torch.cat((above, others[1].expand(len(above), -1)), 1)
        below = torch.cat((others[0].expand(len(below), -1), below), 1)
        joined.append(torch.cat((above, below)))
    return torch.cat(joined, 1)


def _norm_rows(checkpoint: dict) -> list[Tensor]:
    """Scales and shifts of each norm in the order of the layers, each of shape (styles, channels)."""
    rows, network = checkpoint["averaged"]["rows"], new_network(checkpoint["config"], 1).network
    return [half for part in rows.split(network.row_sizes, 1) for half in part.chunk(2, 1)]


def main(arguments: list[str] | None = None) -> int:
    """Join, and return the exit status: 2 for bad input."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoints", type=Path, nargs=2, metavar="CHECKPOINT")
    parser.add_argument("out", type=Path, metavar="OUT")
    options = parser.parse_args(arguments)
    try:
        first, second = (read_checkpoint(path) for path in options.checkpoints)
        joined = join(first, second)
    except CheckpointError as error:
        return fail(error, BAD_INPUT)
    write_checkpoint(options.out, joined)
    print(f"{options.out}: begin with stylecore train --init {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
