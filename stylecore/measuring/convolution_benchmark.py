"""Times of every kernel next to torch's own convolutions, for each layer of VGG19."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import torch

from stylecore.perception.convolutions import KERNELS, pays, time_alternately, trial_shape
from stylecore.perception.features import convolution_shapes
from stylecore.perception.kernels import TorchConvolution


def measure_layers(sides: Sequence[int], *, rounds: int = 7) -> list[dict]:
    """Milliseconds of a rectified convolution and its gradient by torch and by the kernels for its type.

    Args:
        sides: Of the picture, in pixels.
        rounds: How often each is timed, in turn with torch's.
    Returns:
        One row for each side, kernel that this machine can use, and layer with a shape of its own:
        the fastest times, their ratio, the median ratio of the rounds, and whether the kernel is used.
    """
    layers = {(layer[4], shape): layer for layer, shape in reversed(convolution_shapes().items())}
    rows = []
    for side in sides:
        for kind in KERNELS:
            for (block, shape), layer in reversed(layers.items()):
                cells = side // 2 ** (int(block) - 1)
                features = torch.rand(1, shape[1], cells, cells).to(kind.dtype)
                weight = (torch.randn(shape) / shape[1]).to(kind.dtype)
                if not kind.is_for(features, weight):
                    continue
                bias = torch.zeros(shape[0], dtype=kind.dtype)
                own_s, torch_s = time_alternately(
                    [kind, TorchConvolution], weight, bias, features, rounds=rounds
                )
                ratios = [own / plain for own, plain in zip(own_s, torch_s, strict=True)]
                rows.append(
                    {
                        "side": side,
                        "layer": layer,
                        "kernel": kind.__name__,
                        "own_ms": round(1e3 * min(own_s), 1),
                        "torch_ms": round(1e3 * min(torch_s), 1),
                        "ratio": round(min(own_s) / min(torch_s), 2),
                        "median_ratio": round(statistics.median(ratios), 2),
                        "is_used": pays(kind, trial_shape(kind, features, weight)),
                    }
                )
    return rows
