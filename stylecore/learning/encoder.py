"""The style encoder: VGG19's statistics of a style picture, and the network that turns them into rows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from stylecore.learning.networks import TransformerNetwork, initial_rows
from stylecore.perception.constants import STYLE_LAYERS
from stylecore.perception.features import BLOCKS, VGG19_WEIGHTS, Vgg19Features

STATISTICS = 2 * sum(channels for channels, _ in BLOCKS)  # 2,944: two numbers a channel of the style layers
DEVIATION_FLOOR = 1e-4  # added to standard deviations before the logarithm
INPUT_LIMIT = 5.0  # normalized statistics are clamped to this on both sides
LEAST_DEVIATION = 0.02  # of a statistic over the style pictures, so that none is blown up


def feature_statistics(features: Mapping[str, Tensor]) -> Tensor:
    """Means and logarithms of the standard deviations of the style layers' channels.

    Args:
        features: Activations by layer, at least those of `STYLE_LAYERS`, each (N, C, H, W).
    Returns:
        Shape (N, 2944), layer by layer: C means, then C logarithms.
    Source: the statistics that Huang and Belongie (2017), eq. 5, match in one layer.
    """
    parts = []
    for layer in STYLE_LAYERS:
        deviation, mean = torch.std_mean(features[layer].float().flatten(2), dim=2)
        parts += [mean, (deviation + DEVIATION_FLOOR).log()]
    return torch.cat(parts, 1)


class StyleStatistics(nn.Module):
    """VGG19 with `feature_statistics` of its style layers: what the encoder reads of a style picture.

    Args:
        weights: Safetensors file made by `export/vgg19.py`.
    """

    def __init__(self, weights: Path = VGG19_WEIGHTS) -> None:
        super().__init__()
        self.vgg = Vgg19Features(STYLE_LAYERS, weights=weights)

    def forward(self, pictures: Tensor) -> Tensor:
        """Statistics (N, 2944) of pictures (N, 3, H, W) in [0, 1]."""
        return feature_statistics(self.vgg(pictures))


class StyleEncoder(nn.Module):
    """Predicts the rows of a style from its statistics: base rows and the output of three linear layers.

    Args:
        base: Rows that a new encoder returns for every style, shape (R,).
        hidden: Width of the two hidden layers.
    Source: Ghiasi et al. (2017), section 3, who predict them from features of an Inception network.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, base: Tensor, *, hidden: int = 512) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(STATISTICS))  # of the statistics over the style pictures
        self.register_buffer("deviation", torch.ones(STATISTICS))
        self.base = nn.Parameter(base.clone())
        self.mlp = nn.Sequential(
            nn.Linear(STATISTICS, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, len(base)),
        )
        nn.init.zeros_(self.mlp[-1].weight)
        nn.init.zeros_(self.mlp[-1].bias)

    def fit_inputs(self, statistics: Tensor) -> None:
        """Set mean and deviation to those of the style pictures' statistics, shape (pictures, 2944)."""
        self.mean.copy_(statistics.mean(0))
        self.deviation.copy_(statistics.std(0, correction=0).clamp(min=LEAST_DEVIATION))

    def forward(self, statistics: Tensor, *, kept: Tensor | None = None) -> Tensor:
        """Predict rows.

        Args:
            statistics: Shape (N, 2944), see `feature_statistics`.
            kept: Factors on the normalized statistics, shape (N, 2944): the dropout of training.
        Returns:
            Rows, shape (N, R).
        """
        inputs = ((statistics - self.mean) / self.deviation).clamp(-INPUT_LIMIT, INPUT_LIMIT)
        return self.base + self.mlp(inputs if kept is None else inputs * kept)


class AnyStyleNetwork(nn.Module):
    """The general network, which paints any style, with its style encoder.

    Args:
        network: The network; its rows start with scales of 1 and shifts of 0.
        hidden: Width of the encoder's hidden layers.
    """

    def __init__(self, network: TransformerNetwork, *, hidden: int = 512) -> None:
        super().__init__()
        self.network = network
        self.encoder = StyleEncoder(initial_rows(network), hidden=hidden)

    def forward(self, batch: Tensor, statistics: Tensor) -> Tensor:
        """Paint photos (N, 3, H, W) in the styles of `statistics` (N, 2944)."""
        return self.network(batch, self.encoder(statistics))
