"""Style transfer by optimizing the pixels themselves: any style, minutes instead of a second."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial

import torch
from PIL import Image
from torch import Tensor

from stylecore.errors import DivergenceError
from stylecore.host.memory import kept_memory
from stylecore.host.overlapping import Overlapping
from stylecore.images.arrays import from_batch, to_batch
from stylecore.images.colors import flatten_content
from stylecore.images.loading import load_image, load_style
from stylecore.images.sizes import limit_long_side
from stylecore.instant import blending
from stylecore.optimization.adam import Adam, resized
from stylecore.optimization.config import (
    OptimizationConfig,
    check_config,
    learning_rate_at,
    scales,
    stroke_size_at,
)
from stylecore.optimization.descent import Best, Losses, build_optimizer, start_picture, take_step
from stylecore.optimization.iterates import Iterate, OptimizationResult
from stylecore.optimization.lbfgs import Lbfgs
from stylecore.optimization.objective import Objective, load_vgg
from stylecore.optimization.planning import work_left
from stylecore.regions.pairs import MaskPair, complete_pairs

# Pixels of a photo up to which freed memory is kept from step to step, which larger photos need; never with
# patches.
KEPT_PIXELS = 400**2
# CUDA's fastest convolutions sum in an order that changes from run to run. Those flags are the process's.
REPEATABLE_CONVOLUTIONS = Overlapping(
    partial(torch.backends.cudnn.flags, enabled=True, benchmark=False, deterministic=True)
)
STEP_FAILURES = (RuntimeError, MemoryError)  # torch lacks memory, or the device has gone


def optimize_image(
    content_image: Image.Image,
    style_image: Image.Image | Sequence[tuple[Image.Image, float]],
    config: OptimizationConfig = OptimizationConfig(),
    *,
    regions: Sequence[MaskPair] = (),
    on_iterate: Callable[[Iterate], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> OptimizationResult:
    """Paint a photo in the style of any picture.

    The same seed gives the same picture on one device within a process. Processes on one CPU can differ
    slightly, since each times the convolutions and chooses the fastest; with `IMPASTO_CONVOLUTIONS` set to
    `torch` or `own` all of them give the same picture.

    Args:
        content_image: The photo; alpha is kept.
        style_image: The style picture, or several with weights (scaled to sum 1): their statistics
            are mixed, of patches the heaviest picture gives all and the others their share.
        config: Settings.
        regions: Pairs of a mask of the photo and that of the style picture, or those of all style pictures,
            mode L, each of its picture's size: what is in the first takes the style of what is in the others.
            What the pairs leave takes the style of what they leave, see
            `stylecore.regions.pairs.complete_pairs`.
        on_iterate: Called after every step.
        should_stop: Asked after every step; True ends the run with the best picture so far.
    Returns:
        The picture, as large as the photo limited to `config.max_side`, see `load_image`.
    Raises:
        ImageError: A picture smaller than 32 px, a style picture of a single color, or a mask of another size
            than its picture, or an empty one.
        ValueError: Settings that do not exist or are out of range, or pairs without one mask for each style
            picture.
        DeviceError: The device does not start.
        WeightsError: VGG19's weights, the sketch's, or those that find faces are missing or damaged.
    Source: Gatys et al. (2016). Differs: relative losses (see `stylecore.perception.losses`), by default a
        start from the preview; coarse to fine and regions are those of Gatys et al. (2017), sections 6 and 4.
    """
    check_config(config)
    run = _Run(content_image, style_image, config, regions)
    iterates: list[Iterate] = []
    is_stopped = False
    is_small = run.photo.width * run.photo.height <= KEPT_PIXELS and config.style_loss != "patches"
    with kept_memory() if is_small else nullcontext(), REPEATABLE_CONVOLUTIONS:
        for iterate in run.iterates():
            iterates.append(replace(iterate, image=None))
            if on_iterate is not None:
                on_iterate(iterate)
            if should_stop is not None and should_stop():
                is_stopped = True
                break
    return OptimizationResult(run.picture(), tuple(iterates), is_stopped, run.error)


class _Run:
    """One optimization: its pictures, and what goes on from one scale to the next.

    Attributes:
        step: Steps done, over all scales.
        best: The best picture so far; set when the first scale begins.
        optimizer: Changes the picture; set when the first scale begins.
        error: What ended the run early, or None.
    """

    def __init__(
        self,
        content_image: Image.Image,
        style_image: Image.Image | Sequence[tuple[Image.Image, float]],
        config: OptimizationConfig,
        regions: Sequence[MaskPair],
    ) -> None:
        self.config = config
        photo = load_image(content_image, max_megapixels=math.inf)
        self.styles, sizes = _load_styles(style_image, config)
        weights = [weight for _, weight in self.styles]
        self.regions = complete_pairs(regions, photo.size, list(zip(sizes, weights, strict=True)))
        self.photo = limit_long_side(photo, config.max_side)
        self.content = flatten_content(self.photo)
        self.kept = _kept_share(self.content) if config.keep_faces else None
        side = min(max(self.photo.size), config.max_side)  # of a narrow strip the photo has more
        self.scales = scales(side, config)
        self.vgg = load_vgg(config)
        self.started = time.monotonic()
        self.first_step = 0.0  # when it began, without what comes once, such as the sketch
        self.step = 0
        self.best: Best
        self.optimizer: Adam | Lbfgs
        self.error: Exception | None = None

    def iterates(self) -> Iterator[Iterate]:
        """Make all steps, scale by scale; a failure ends them and is kept, that of the first step raised."""
        try:
            for side, steps in self.scales:
                batch, objective = self._begin_scale(side)
                for _ in range(steps):
                    yield self._iterate(self._make_step(batch, objective))
        except DivergenceError as error:
            self.error = error.with_traceback(None)
        except STEP_FAILURES as error:
            if self.step == 0:
                raise
            self.error = error.with_traceback(None)  # its frames hold tensors

    def _begin_scale(self, side: int) -> tuple[Tensor, Objective]:
        """The picture to change at a scale, which begins as the best of the scale before, and its loss."""
        objective = Objective(self.vgg, self.content, self.styles, side, self.config, self.regions)
        is_first = self.step == 0
        if is_first:
            batch = start_picture(objective, self.styles, self.config, self.regions)
        else:
            batch = resized(self.best.picture, objective.photo.shape)
        batch.requires_grad_()
        self.optimizer = build_optimizer(batch, self.config, earlier=None if is_first else self.optimizer)
        self.best = Best(batch)
        if is_first:
            self.first_step = time.monotonic()
        return batch, objective

    def _make_step(self, batch: Tensor, objective: Objective) -> Losses:
        """Judge the picture and change it; returns the losses from before the change.

        Raises:
            DivergenceError: See `Best.judge`.
        """
        if isinstance(self.optimizer, Adam):
            self.optimizer.learning_rate = learning_rate_at(self.step, self.config)
        before = batch.detach().clone()
        losses = take_step(self.optimizer, batch, objective)
        self.best.judge(before, losses.total)
        if isinstance(self.optimizer, Adam):
            batch.data.clamp_(0, 1)
        self.step += 1
        return losses

    def _iterate(self, losses: Losses) -> Iterate:
        steps, every = self.config.steps, self.config.preview_every
        now = time.monotonic()
        has_image = self.step == steps or (every and self.step % every == 0)
        return Iterate(
            step=self.step,
            steps=steps,
            content_loss=losses.content,
            style_loss=losses.style,
            total_loss=losses.total,
            elapsed_s=now - self.started,
            remaining_s=(now - self.first_step) * work_left(self.scales, self.step, self.photo.size),
            image=self.picture() if has_image else None,
        )

    def picture(self) -> Image.Image:
        """The best picture so far, as large as the photo, with its alpha."""
        picture = resized(self.best.picture, (1, 3, self.photo.height, self.photo.width))
        pixels = picture.clamp(0, 1).cpu().numpy()
        if self.config.preserve_color:
            pixels = blending.preserve_color(to_batch(self.photo), pixels)
        image = from_batch(pixels)
        if self.kept is not None:
            image.paste(self.content, mask=self.kept)
        if self.photo.mode == "RGBA":
            image.putalpha(self.photo.getchannel("A"))
        image.info = self.photo.info.copy()  # when the photo was taken
        return image


def _kept_share(photo: Image.Image) -> Image.Image:
    """Weight of the photo itself in the picture, mode L: some in faces, 0 elsewhere."""
    from stylecore.regions.faces import find_faces  # these need onnxruntime
    from stylecore.regions.keeping import KEPT_STRENGTH

    return find_faces(photo).point(lambda face: round((1 - KEPT_STRENGTH) * face))


def _load_styles(
    style_image: Image.Image | Sequence[tuple[Image.Image, float]], config: OptimizationConfig
) -> tuple[list[tuple[Image.Image, float]], list[tuple[int, int]]]:
    """RGB style pictures, no larger than they are read, with weights that sum to 1; their sizes before."""
    given = [(style_image, 1.0)] if isinstance(style_image, Image.Image) else list(style_image)
    total = sum(weight for _, weight in given)
    if not given or min(weight for _, weight in given) < 0 or not 0 < total < math.inf:
        raise ValueError("style pictures need weights of at least 0 with a sum above 0")
    largest = stroke_size_at(config.max_side, config)
    styles, sizes = [], []
    for image, weight in given:
        loaded = load_style(image, max_megapixels=math.inf)
        styles.append((limit_long_side(loaded, largest), weight / total))
        sizes.append(loaded.size)
    return styles, sizes
