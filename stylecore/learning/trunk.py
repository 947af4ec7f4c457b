"""What a painting network adds to the weights of the shipped one, in the form that style files hold."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from stylecore.errors import StyleError
from stylecore.host.folders import WEIGHTS_FOLDER
from stylecore.host.weights import check_weights_file
from stylecore.learning.networks import STRIDE, TransformerNetwork
from stylecore.styles.records import model_checksum
from stylecore.styles.style import GENERAL_MODEL
from stylecore.styles.trunk import read_weights


def graph_weights(network: TransformerNetwork) -> list[Tensor]:
    """Return the weights as the ONNX graph of `export.graph` holds them, in the graph's order.

    Returns:
        Of the stem the kernel of the photo and that of the noise, which is in 0 to 255; of each block two
        kernels; of both enlarging layers the kernel of the small pixels; last the bias.
    """
    photo, noise = _strided_stem(network.stem.conv.weight).split((3, 1), dim=1)
    blocks = [conv.weight for block in network.blocks for conv in (block.first.conv, block.second.conv)]
    up, out, bias = network.up.phase_weight(), network.out.phase_weight(), network.out.phase_bias()
    return [photo, noise / 255, *blocks, up, out, bias]


@torch.no_grad()
def trunk_differences(network: TransformerNetwork, model: str = GENERAL_MODEL) -> dict[str, np.ndarray]:
    """Return what `Style.trunk` holds for a network that was trained further from a shipped one.

    Args:
        network: The trained network, of the size of the shipped one.
        model: File name of the shipped network in `weights/`.
    Returns:
        Differences by name of the initializer in the file, float16.
    Raises:
        StyleError: The network is of another size.
        WeightsError: The shipped network is missing or damaged.
    """
    path = WEIGHTS_FOLDER / model
    check_weights_file(path, sha256=model_checksum(model))
    shipped = read_weights(path.read_bytes())
    trained = [weight.detach().cpu().numpy() for weight in graph_weights(network)]
    if [values.shape for values in trained] != [values.shape for values in shipped.values()]:
        raise StyleError(f"the network is of another size than {model}: train one that starts from it")
    return {
        name: (values - before).astype(np.float16)
        for (name, before), values in zip(shipped.items(), trained, strict=True)
    }


def _strided_stem(weight: Tensor) -> Tensor:
    """Merge space-to-depth and a 3x3 convolution into one strided convolution with a larger kernel.

    Args:
        weight: Shape (O, C * STRIDE**2, 3, 3).
    Returns:
        Weight of shape (O, C, 3 * STRIDE, 3 * STRIDE), for a stride and a padding of STRIDE.
    """
    out_channels, channels = weight.shape[0], weight.shape[1] // STRIDE**2
    blocks = weight.reshape(out_channels, channels, STRIDE, STRIDE, 3, 3)  # o, c, phase y, x, tap y, x
    return blocks.permute(0, 1, 4, 2, 5, 3).reshape(out_channels, channels, 3 * STRIDE, 3 * STRIDE)
