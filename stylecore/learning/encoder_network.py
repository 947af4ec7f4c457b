"""The network that turns the statistics of a style picture into rows of the general network."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from stylecore.perception.constants import STYLE_LAYERS
from stylecore.perception.features import Vgg19Features

DEVIATION_FLOOR = 1e-4  # added to standard deviations before the logarithm
INPUT_LIMIT = 5.0  # normalized statistics are clamped to this on both sides


class EncoderNetwork(nn.Module):
    """Turns the statistics of a style picture into rows.

    Args:
        inputs: Length of the statistics, see `style_statistics`.
        hidden: Width of the two hidden layers.
        rows: Length of the rows.
    """

    def __init__(self, inputs: int, hidden: int, rows: int) -> None:
        super().__init__()
        self.register_buffer("mu", torch.zeros(inputs))
        self.register_buffer("sd", torch.ones(inputs))
        self.base = nn.Parameter(torch.zeros(rows))
        widths = (inputs, hidden, hidden, rows)
        layers = [nn.Linear(first, second) for first, second in pairwise(widths)]
        self.mlp = nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2])

    def forward(self, statistics: Tensor) -> Tensor:
        """Rows (N, R) from statistics (N, inputs)."""
        normalized = ((statistics - self.mu) / self.sd).clamp(-INPUT_LIMIT, INPUT_LIMIT)
        return self.base + self.mlp(normalized)


def style_statistics(vgg: Vgg19Features, pictures: Tensor) -> Tensor:
    """Channel means and logarithms of the standard deviations of each style layer, (N, 2944)."""
    features = vgg(pictures)
    parts = []
    for layer in STYLE_LAYERS:
        std, mean = torch.std_mean(features[layer].flatten(2), dim=2)
        parts += [mean, (std + DEVIATION_FLOOR).log()]
    return torch.cat(parts, 1)
