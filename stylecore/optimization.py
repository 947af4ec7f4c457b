"""Style transfer by optimizing the pixels themselves: any style, minutes in place of a second."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial

import torch
from PIL import Image
from torch import Tensor

from stylecore import blending
from stylecore.adam import Adam, resized
from stylecore.errors import DivergenceError
from stylecore.images import (
    flatten_content,
    from_batch,
    limit_long_side,
    load_image,
    load_style,
    to_batch,
)
from stylecore.lbfgs import Lbfgs
from stylecore.memory import kept_memory
from stylecore.objective import Objective, load_vgg
from stylecore.optimization_config import (
    OptimizationConfig,
    check_config,
    learning_rate_at,
    scales,
    step_work,
    stroke_size_at,
)
from stylecore.overlapping import Overlapping
from stylecore.preview import PreviewPainter, StyleStatistics

# Pixels of a photo up to which freed memory is kept from step to step: 10 to 20 % faster, but the
# peak grows by a sixth, which larger photos need for themselves. The other way round, blocks of 16 MB
# and more that go back at once, a run at 512 px would peak 140 MB lower and take 16 % longer.
# Beside patches it stays kept in no case: at 192 px with those of relu1_1 a run took 5.7 GB in place of 0.7.
KEPT_PIXELS = 400**2
# A run has diverged when so many losses are that many times the lowest and do not fall.
LOST_STEPS, LOST_FACTOR = 20, 3.0
# CUDA's fastest convolutions sum in an order that changes from run to run. Those flags are the process's.
REPEATABLE_CONVOLUTIONS = Overlapping(
    partial(torch.backends.cudnn.flags, enabled=True, benchmark=False, deterministic=True)
)
STEP_FAILURES = (RuntimeError, MemoryError)  # torch lacks memory, or the device has gone


@dataclass(frozen=True)
class Iterate:
    """State of an optimization after a step.

    A step judges the picture that it finds, and then changes it. The losses are those of the picture before
    the change, and so is the image, if no earlier one was better.

    Attributes:
        step: Steps done, over all scales.
        steps: Steps planned.
        content_loss: Relative content loss, unweighted.
        style_loss: Relative style loss, layers weighted and summed.
        total_loss: Weighted sum, total variation and values beyond black and white included.
        elapsed_s: Seconds since the start.
        remaining_s: Seconds left, by the work that the steps left have, see `step_work`.
        image: Best picture so far, or None between previews.
    """

    step: int
    steps: int
    content_loss: float
    style_loss: float
    total_loss: float
    elapsed_s: float
    remaining_s: float
    image: Image.Image | None


@dataclass(frozen=True)
class OptimizationResult:
    """The painted picture and how the run went.

    Attributes:
        image: The best picture of the finest scale that was reached, RGB or RGBA as the photo. What the
            last step changed is judged by none, and not in it: one step from the photo gives the photo.
        iterates: Every step, without pictures.
        is_stopped: Whether `should_stop` ended the run early.
        error: What ended the run early, or None: a `DivergenceError`, or the failure of a step, such
            as for lack of memory. The picture is the best before.
    """

    image: Image.Image
    iterates: tuple[Iterate, ...]
    is_stopped: bool
    error: Exception | None


def optimize_image(
    content_image: Image.Image,
    style_image: Image.Image | Sequence[tuple[Image.Image, float]],
    config: OptimizationConfig = OptimizationConfig(),
    *,
    on_iterate: Callable[[Iterate], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> OptimizationResult:
    """Paint a photo in the style of any picture.

    Args:
        content_image: The photo; alpha is kept.
        style_image: The style picture, or several with weights (scaled to sum 1): their statistics
            are mixed, of patches the heaviest picture gives all and the others their share.
        config: Settings.
        on_iterate: Called after every step.
        should_stop: Asked after every step; True ends the run with the best picture so far.
    Returns:
        The picture, as large as the photo limited to `config.max_side`, see `load_image`.
    Raises:
        ImageError: A picture smaller than 32 px, or a style picture of a single color.
        ValueError: Settings that do not exist or are out of range.
        DeviceError: The device does not start.
        WeightsError: VGG19's weights, or the sketch's, are missing or damaged.
    Source: Gatys et al. (2016). Differs: relative losses (see `stylecore.losses`), by default a
        start from the preview; coarse to fine is that of Gatys et al. (2017), section 6.
    """
    check_config(config)
    photo = load_image(content_image, max_megapixels=math.inf, max_side=config.max_side)
    styles = _load_styles(style_image, config)
    content = flatten_content(photo)
    side = min(max(photo.size), config.max_side)  # of a narrow strip the photo has more
    planned = scales(side, config)
    vgg = load_vgg(config)
    started = time.monotonic()
    iterates: list[Iterate] = []
    best, optimizer, first_step = None, None, None
    is_stopped = False
    error: Exception | None = None
    is_small = photo.width * photo.height <= KEPT_PIXELS and config.style_loss != "patches"
    with kept_memory() if is_small else nullcontext(), REPEATABLE_CONVOLUTIONS:
        for side, steps in planned:
            try:
                objective = Objective(vgg, content, styles, side, config)
                if best is None:
                    batch = _start(objective, styles, config)
                else:
                    batch = resized(best, objective.photo.shape)
                batch.requires_grad_()
                optimizer = _optimizer(batch, config, earlier=optimizer)
            except STEP_FAILURES as failure:
                if best is None:
                    raise
                error = failure.with_traceback(None)  # the picture of the smaller scale is kept
                break
            if first_step is None:
                first_step = time.monotonic()
            for losses, best in _descend(batch, optimizer, objective, steps, len(iterates)):
                if isinstance(losses, Exception):
                    error = losses
                    break
                step = len(iterates) + 1
                now = time.monotonic()
                has_image = step == config.steps or (
                    config.preview_every and step % config.preview_every == 0
                )
                iterate = Iterate(
                    step=step,
                    steps=config.steps,
                    content_loss=losses.content,
                    style_loss=losses.style,
                    total_loss=losses.total,
                    elapsed_s=now - started,
                    # Without what comes once, such as the sketch.
                    remaining_s=(now - first_step) * _work_left(planned, step, photo.size),
                    image=_finish(best, photo, config) if has_image else None,
                )
                iterates.append(replace(iterate, image=None))
                if on_iterate is not None:
                    on_iterate(iterate)
                if should_stop is not None and should_stop():
                    is_stopped = True
                    break
            if is_stopped or error:
                break
    return OptimizationResult(_finish(best, photo, config), tuple(iterates), is_stopped, error)


def _descend(
    batch: Tensor,
    optimizer: Adam | Lbfgs,
    objective: Objective,
    steps: int,
    earlier_steps: int,
) -> Iterator[tuple[_Losses | Exception, Tensor]]:
    """Losses of each step at one scale, and the best picture so far, which starts as `batch` itself.

    A step that fails ends it with its error; the very first one raises it. So does a loss that is
    not a number, or that stays far above the lowest.
    """
    is_adam = objective.config.method == "adam"
    best, best_loss, lost = batch.detach().clone().clamp(0, 1), math.inf, 0
    previous = math.inf
    for step in range(earlier_steps, earlier_steps + steps):
        if is_adam:
            optimizer.learning_rate = learning_rate_at(step, objective.config)
        try:
            before = batch.detach().clone()
            losses = _step(optimizer, batch, objective)
        except STEP_FAILURES as error:
            if step == 0:
                raise
            yield error.with_traceback(None), best  # its frames hold tensors
            return
        if losses.total < best_loss:  # never where it is not a number
            best, best_loss = before.clamp_(0, 1), losses.total
        if losses.total <= LOST_FACTOR * best_loss:
            lost = 0
        elif losses.total >= previous:  # adam's first steps may rise far, and then fall again
            lost += 1
        previous = losses.total
        if lost == LOST_STEPS or not math.isfinite(losses.total):
            found = f"a loss of {losses.total:.3g} after {best_loss:.3g}"
            yield DivergenceError(f"the optimization lost its way with {found}: try other settings"), best
            return
        if is_adam:
            batch.data.clamp_(0, 1)
        yield losses, best


@dataclass(frozen=True)
class _Losses:
    content: float
    style: float
    total: float


def _step(optimizer: Adam | Lbfgs, batch: Tensor, objective: Objective) -> _Losses:
    """One step of the optimizer; the losses are those of the picture before it."""
    values: list[_Losses] = []

    def closure() -> Tensor:
        batch.grad = None
        total, content, style = objective(batch)
        total.backward()
        values.append(_Losses(content.item(), style.item(), total.item()))
        return total

    optimizer.step(closure)
    return values[0]


def _optimizer(batch: Tensor, config: OptimizationConfig, earlier: Adam | Lbfgs | None) -> Adam | Lbfgs:
    if config.method == "adam":
        return Adam(batch, config.learning_rate, earlier)
    return Lbfgs(batch, config.history)  # gradients of another size tell nothing of this one's


def _start(
    objective: Objective, styles: Sequence[tuple[Image.Image, float]], config: OptimizationConfig
) -> Tensor:
    """First picture, of the photo's shape (1, 3, H, W).

    `mixed_noise` is the photo plus uniform noise of 0 to 0.5, clipped, as in the classic recipe.
    """
    photo = objective.photo
    if config.start == "content":
        return photo.clone()
    if config.start == "preview":
        painter = PreviewPainter(config.device, precision=config.precision)
        known = [
            (painter.read_style(image, stroke_size=objective.stroke_size), weight) for image, weight in styles
        ]
        painted = painter.paint(from_batch(photo.cpu().numpy()), StyleStatistics.mix(known))
        return torch.from_numpy(to_batch(painted)).to(photo.device)
    noise = torch.rand(photo.shape, generator=torch.Generator().manual_seed(config.seed)).to(photo.device)
    return noise if config.start == "noise" else (photo + 0.5 * noise).clamp(0, 1)


def _work_left(scales: Sequence[tuple[int, int]], step: int, size: tuple[int, int]) -> float:
    """Work that is left as a multiple of the work done."""
    done = total = 0.0
    for side, steps in scales:
        total += steps * step_work(side, size)
        done += max(0, min(step, steps)) * step_work(side, size)
        step -= steps
    return (total - done) / done


def _finish(best: Tensor, photo: Image.Image, config: OptimizationConfig) -> Image.Image:
    pixels = resized(best, (1, 3, photo.height, photo.width)).clamp(0, 1).cpu().numpy()
    if config.preserve_color:
        pixels = blending.preserve_color(to_batch(photo), pixels)
    image = from_batch(pixels)
    if photo.mode == "RGBA":
        image.putalpha(photo.getchannel("A"))
    return image


def _load_styles(
    style_image: Image.Image | Sequence[tuple[Image.Image, float]], config: OptimizationConfig
) -> list[tuple[Image.Image, float]]:
    """RGB style pictures, no larger than they are read, with weights that sum to 1."""
    given = [(style_image, 1.0)] if isinstance(style_image, Image.Image) else list(style_image)
    total = sum(weight for _, weight in given)
    if not given or min(weight for _, weight in given) < 0 or not 0 < total < math.inf:
        raise ValueError("style pictures need weights of at least 0 with a sum above 0")
    largest = stroke_size_at(config.max_side, config)
    return [
        (limit_long_side(load_style(image, max_megapixels=math.inf), largest), weight / total)
        for image, weight in given
    ]
