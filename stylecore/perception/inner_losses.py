"""Losses that are computed inside VGG19, layer by layer, instead of from activations returned at the end.

Why. A step of the optimizer needs the gradient of five Gram errors and of a content loss. The plain way
collects the activations and computes the losses from them. Backward then begins with all losses: for each
layer a gradient as large as its activations waits until backward reaches that layer, and is there added to
the one that arrives: two large tensors are read and a third is written, next to the product that computed
the loss's own gradient.

How. A *tap* is a function of a layer's activations. It returns the activations with which the later layers
go on, and a value for the caller. `measure_along` walks through the network and applies the taps:

    activations -> tap -> the same activations -> next layer -> ... -> tap of a later layer
                    |                                                   |
                    v                                                   v
              loss of the layer                                   loss of that layer

- Backward meets the loss of a layer next to the layer, so its gradient is computed only then. At 512 px in
  float32 this lowered the peak of a process from 1,558-1,632 to 1,363-1,473 MiB.
- `tap_gram_error` is one node of the graph with two outputs, activations and error. Its backward receives
  both gradients at once: g, that of the later layers, and e, that of the error. The Gram error's own
  gradient is a matrix product, of the activations F and the difference D of the Gram matrices. BLAS adds
  a product to what is in memory, g + e F D, in the pass that it makes anyway (`addmm_`). This overwrites g,
  which must belong to this place alone; the gradient that a convolution, a ReLU or a pooling returns does.
  With total variation's gradient by hand and content in float32, a step went from 1.14-1.26 to 1.07-1.08
  times VGG19's bare forward and backward pass in bfloat16, and from 1.07-1.09 to 1.04-1.07 in float32.
- Other losses need no node of their own: `lambda features: (features, loss(features))` is a tap.
- A tap that returns statistics of a style picture lets its activations, which are far larger, go at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from stylecore.perception.features import Vgg19Features

Tap = Callable[[Tensor], tuple[Tensor, Any]]
GRAM_PART = 16_384  # positions that are summed in bfloat16 before float32


def measure_along(vgg: Vgg19Features, batch: Tensor, taps: Mapping[str, Tap]) -> dict[str, Any]:
    """What the taps find on the way through the network.

    Args:
        vgg: The network, with the layers of the taps among its own.
        batch: Pictures, shape (N, 3, H, W), RGB in [0, 1].
        taps: By layer: functions of its activations that return the activations for the later layers,
            and what is returned here.
    Returns:
        The taps' findings by layer, in the order of the network.
    """
    features = vgg.entrance(batch)
    found = {}
    for name, layer in vgg.table_to(taps):
        features = layer(features)
        if name in taps:
            features, found[name] = taps[name](features)
    return found


def tap_gram_error(features: Tensor, target: Tensor, weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """`stylecore.perception.losses.gram_error` of a layer, as a tap.

    Args:
        features: Activations, shape (N, C, H, W).
        target: Gram matrices, shape (N, C, C) or (1, C, C), without gradient.
        weights: Of the positions, see `stylecore.perception.losses.position_weights`; None: all 1. Taps of
            several regions are applied one after the other.
    Returns:
        The features, for the later layers, and the error, shape (N,). The gradient that comes back
        to the features is added to in place: it must be theirs alone, as a convolution's is.
    """
    with torch.autocast(features.device.type, enabled=False):
        return _GramTap.apply(features, target, weights)


class _GramTap(torch.autograd.Function):
    """Features as they are, and their Gram error."""

    @staticmethod
    def forward(ctx, features: Tensor, target: Tensor, weights: Tensor | None) -> tuple[Tensor, Tensor]:
        size = features[0].numel()
        first, *others = gram_products(features, weights)
        difference = first.float().sub_(target, alpha=size)
        for product in others:
            difference += product
        unit = size**2 * energy(target)
        ctx.save_for_backward(features, difference, unit, weights)
        ctx.set_materialize_grads(False)
        return features, energy(difference) / unit

    @staticmethod
    def backward(
        ctx, gradient: Tensor | None, gradient_of_error: Tensor | None
    ) -> tuple[Tensor | None, None, None]:
        if gradient_of_error is None:
            return gradient, None, None
        features, difference, unit, weights = ctx.saved_tensors
        flat = _flat(features)
        factors = ((4 * gradient_of_error / unit)[:, None, None] * difference).to(flat.dtype)
        total, share = (torch.empty_like(flat), 0) if gradient is None else (_flat(gradient), 1)
        part = flat.shape[1] if weights is None else GRAM_PART
        places = zip(total.split(part, dim=1), _weighted_parts(flat, weights, part), strict=True)
        for part_of_total, (_, weighted) in places:
            for onto, own, factor in zip(part_of_total, weighted, factors, strict=True):
                onto.addmm_(own, factor, beta=share)
        return total.unflatten(1, features.shape[2:]).permute(0, 3, 1, 2).to(features.dtype), None, None


def _flat(features: Tensor) -> Tensor:
    """(N, C, H, W) to (N, HW, C), bfloat16 as it is and all else in float32."""
    flat = features.permute(0, 2, 3, 1).flatten(1, 2)
    return flat if flat.dtype == torch.bfloat16 else flat.float()


def gram_products(features: Tensor, weights: Tensor | None = None) -> list[Tensor]:
    """F W F^T of (N, C, H, W) and the weights of its positions, (H * W,), as terms of a sum, each (N, C, C).

    bfloat16 is multiplied as it is, since converting costs more than the product, and in parts:
    sums over 262,144 positions lose three digits. float16 would overflow.
    """
    flat = _flat(features)
    is_whole = weights is None and flat.dtype != torch.bfloat16
    parts = _weighted_parts(flat, weights, flat.shape[1] if is_whole else GRAM_PART)
    if flat.device.type != "cpu":
        return [part.mT @ weighted for part, weighted in parts]
    # Batches of bfloat16 would be copied first.
    return [
        torch.stack([own.T @ other for own, other in zip(part, weighted, strict=True)])
        for part, weighted in parts
    ]


def _weighted_parts(flat: Tensor, weights: Tensor | None, part: int) -> Iterator[tuple[Tensor, Tensor]]:
    """(N, HW, C) in parts of so many positions, each as it is and times its weights."""
    if weights is None:
        yield from ((own, own) for own in flat.split(part, dim=1))
        return
    for own, factors in zip(flat.split(part, dim=1), weights.to(flat.dtype).split(part), strict=True):
        yield own, own * factors[:, None]


def energy(values: Tensor) -> Tensor:
    """Sum of squares of each picture, (N,); flattening would copy activations in channels-last order."""
    return torch.linalg.vector_norm(values, dim=tuple(range(1, values.ndim))).square()
