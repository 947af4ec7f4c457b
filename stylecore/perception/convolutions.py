"""3x3 convolutions with frozen weights, computed by torch or by a faster kernel."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor, nn

from stylecore.perception.kernels import Kernel, TorchConvolution
from stylecore.perception.packing import PackedConvolution
from stylecore.perception.winograd import NnpackConvolution

KERNELS: tuple[type[Kernel], ...] = (PackedConvolution, NnpackConvolution)
# Environment variable that chooses without a trial: "torch" or "own".
VARIABLE = "IMPASTO_CONVOLUTIONS"
# Channels out and in, height and width of the convolution that is timed for all large features; on smaller
# ones transforming the weights takes too large a share.
USUAL_SHAPE = (64, 64, 64, 64)
TRIAL_ROUNDS = 8  # of both ways in turn, of which the fastest counts; other work disturbs single rounds
SMALL_ROUNDS = 2  # of features that are timed at their own shape
NEEDED = 0.9  # of torch's time, at most, that a kernel may take to be used

Shape = tuple[int, int, int, int]
_is_plain: ContextVar[bool] = ContextVar("is_plain", default=False)
_paying: dict[tuple[type[Kernel], Shape], bool] = {}
_trial = threading.Lock()


@contextmanager
def plain_convolutions() -> Iterator[None]:
    """Within this context all convolutions are torch's own, for comparisons."""
    token = _is_plain.set(True)
    try:
        yield
    finally:
        _is_plain.reset(token)


class FrozenConv3x3(nn.Module):
    """A 3x3 convolution whose weights never change.

    On the CPU a kernel of `KERNELS` computes it where one can and pays, see `pays`; elsewhere torch does.
    Kernels agree with torch to some 1e-5 in float32, and to the last bit or two in
    bfloat16.

    Args:
        weight: Shape (O, C, 3, 3).
        bias: Shape (O,).
        padding: Zeros around the activations, 0 or 1 px.
    """

    def __init__(self, weight: Tensor, bias: Tensor, *, padding: int = 1) -> None:
        super().__init__()
        self.padding = padding
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.bias = nn.Parameter(bias, requires_grad=False)
        self._kernel: Kernel | None = None

    def forward(self, features: Tensor, *, is_rectified: bool = False) -> Tensor:
        """Activations (N, C, H, W) to (N, O, H, W), with a padding of 0 to (N, O, H - 2, W - 2).

        `is_rectified` adds a ReLU.
        """
        is_plain = features.device.type != "cpu" or torch.compiler.is_compiling() or _is_plain.get()
        kinds = () if is_plain else KERNELS
        able = (kind for kind in kinds if kind.is_for(features, self.weight))
        kind = next((kind for kind in able if pays(kind, trial_shape(kind, features, self.weight))), None)
        if kind is None:
            convolution = TorchConvolution(self.weight, self.bias, self.padding)
        else:
            convolution = self._prepared(kind)
        return convolution(features, is_rectified=is_rectified)

    def _prepared(self, kind: type[Kernel]) -> Kernel:
        kernel = self._kernel
        if kernel is None:
            with torch.inference_mode(False):  # else later gradients could not keep it
                kernel = self._kernel = kind(self.weight, self.bias, self.padding)
        return kernel

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> FrozenConv3x3:
        """Convert the weights; a kernel in the former type would only take memory, 50 MB of VGG19."""
        self._kernel = None
        return super()._apply(fn, recurse)


def trial_shape(kind: type[Kernel], features: Tensor, weight: Tensor) -> Shape:
    """Return the shape that is timed for a convolution: its own where features are small for the kernel."""
    height, width = features.shape[2:]
    if height * width > kind.small_positions:
        return USUAL_SHAPE
    return weight.shape[0], weight.shape[1], height, width


def pays(kind: type[Kernel], shape: Shape = USUAL_SHAPE) -> bool:
    """Whether a kernel takes at most nine tenths of torch's time on this machine.

    Timed at the first call, and the same until the process ends: in less than a tenth of a second, and for
    a run in float32, whose small features are timed shape by shape, in about half a second. Another
    process on the same machine may choose otherwise if the two are about equally fast or the machine is
    busy, and then paint slightly different pixels. `IMPASTO_CONVOLUTIONS`, set to `torch` or `own`,
    chooses without timing, so that all processes paint the same.

    Args:
        kind: The kernel.
        shape: See `trial_shape`.
    Raises:
        ValueError: The environment variable has another value.
    """
    with _trial:  # two at once would slow each other down
        if (kind, shape) not in _paying:
            choice = os.environ.get(VARIABLE, "")
            if choice not in ("", "torch", "own"):
                raise ValueError(f"{VARIABLE} is {choice!r}: use torch, own, or leave it unset")
            _paying[kind, shape] = choice == "own" if choice else _wins_trial(kind, shape)
        return _paying[kind, shape]


def _wins_trial(kind: type[Kernel], shape: Shape = USUAL_SHAPE) -> bool:
    out_channels, in_channels, height, width = shape
    features = torch.ones(1, in_channels, height, width, dtype=kind.dtype)
    weight = torch.full((out_channels, in_channels, 3, 3), 0.01, dtype=kind.dtype)
    bias = torch.zeros(out_channels, dtype=kind.dtype)
    rounds = TRIAL_ROUNDS if shape == USUAL_SHAPE else SMALL_ROUNDS
    own_s, torch_s = time_alternately([kind, TorchConvolution], weight, bias, features, rounds=rounds)
    return min(own_s) <= NEEDED * min(torch_s)


def time_alternately(
    kinds: Sequence[type[Kernel] | type[TorchConvolution]],
    weight: Tensor,
    bias: Tensor,
    features: Tensor,
    *,
    rounds: int,
) -> list[list[float]]:
    """Seconds of a rectified convolution and its gradient, the kinds in turn, since other work disturbs.

    Args:
        kinds: Kernels that can convolve these activations and weights.
        weight: Shape (O, C, 3, 3).
        bias: Shape (O,).
        features: Activations (N, C, H, W).
        rounds: How often each is timed.
    Returns:
        The times of each round, by kind.
    """
    times: list[list[float]] = [[] for _ in kinds]
    with torch.inference_mode(False), torch.enable_grad(), torch.autocast("cpu", enabled=False):
        weight, bias, features = weight.clone(), bias.clone(), features.clone()  # no inference tensors
        convolutions = [kind(weight, bias, 1) for kind in kinds]
        gradients = [convolution(features).detach() for convolution in convolutions]
        batches = [_in_order_of(gradient, features).requires_grad_() for gradient in gradients]
        for _ in range(rounds):
            for convolution, batch, gradient, found in zip(
                convolutions, batches, gradients, times, strict=True
            ):
                started = time.perf_counter()
                torch.autograd.grad(convolution(batch, is_rectified=True), batch, gradient)
                found.append(time.perf_counter() - started)
    return times


def _in_order_of(outputs: Tensor, features: Tensor) -> Tensor:
    """Features in the memory order of a convolution's outputs, as a network passes them on."""
    is_last = outputs.is_contiguous(memory_format=torch.channels_last)
    order = torch.channels_last if is_last else torch.contiguous_format
    return features.detach().clone(memory_format=order)
