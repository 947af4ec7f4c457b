"""Gram matrices of the style pictures of the ready-made styles; the pictures are not shipped."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from stylecore.errors import StyleError
from stylecore.host.folders import WEIGHTS_FOLDER
from stylecore.perception.constants import STYLE_LAYERS
from stylecore.perception.tensor_files import read_tensors

STYLE_TARGETS = WEIGHTS_FOLDER / "style_targets.safetensors"


def read_style_targets(names: Sequence[str]) -> dict[str, dict[str, Tensor]]:
    """Read the Gram matrices of the style pictures, by style and layer, each (1, C, C).

    Raises:
        WeightsError: The file is missing or damaged.
        StyleError: The file has no targets for a style.
    """
    stored = read_tensors(STYLE_TARGETS)
    targets: dict[str, dict[str, Tensor]] = {}
    for name in names:
        if any(f"{name}.{layer}" not in stored for layer in STYLE_LAYERS):
            raise StyleError(f"{STYLE_TARGETS.name} has no targets for {name!r}")
        targets[name] = {layer: unpack_gram(stored[f"{name}.{layer}"]) for layer in STYLE_LAYERS}
    return targets


def pack_gram(gram: Tensor) -> Tensor:
    """Upper triangle of a (C, C) Gram matrix times C, float16: sums near 1 instead of 1 / C."""
    channels = len(gram)
    rows, columns = torch.triu_indices(channels, channels)
    return (gram[rows, columns] * channels).half()


def unpack_gram(packed: Tensor) -> Tensor:
    """Symmetric (1, C, C) Gram matrix of `pack_gram`'s upper triangle."""
    channels = int(((8 * len(packed) + 1) ** 0.5 - 1) / 2)
    gram = torch.zeros(channels, channels)
    rows, columns = torch.triu_indices(channels, channels)
    gram[rows, columns] = packed.float() / channels
    return (gram + gram.triu(1).T)[None]
