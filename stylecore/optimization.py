"""Style transfer by optimizing the pixels themselves: any style, minutes in place of a second."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from itertools import repeat

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from stylecore import blending
from stylecore.devices import autocast_dtype, select_device
from stylecore.errors import DivergenceError
from stylecore.features import Vgg19Features
from stylecore.images import (
    MIN_SIDE,
    flatten_content,
    from_batch,
    limit_long_side,
    load_image,
    load_style,
    resize_long_side,
    to_batch,
)
from stylecore.losses import (
    content_loss,
    covariance,
    feature_moments,
    feature_patches,
    gram_matrix,
    matrix_root,
    patch_loss,
    relative_error,
    total_variation_loss,
    wasserstein_loss,
)
from stylecore.memory import kept_memory
from stylecore.preview import PreviewPainter, StyleStatistics

METHODS = ("lbfgs", "adam")
StyleTarget = Tensor | tuple[Tensor, Tensor]
# What each style loss compares: (1, C, C); (1, C) and (1, C, C); or (patches, 9 * C).
STYLE_STATISTICS: dict[str, Callable[[Tensor], StyleTarget]] = {
    "gram": gram_matrix,
    "wasserstein": feature_moments,
    "patches": feature_patches,
}
STYLE_LOSSES = tuple(STYLE_STATISTICS)
STARTS = ("content", "preview", "mixed_noise", "noise")
# Pixels of a photo up to which freed memory is kept from step to step: 10 to 20 % faster, but the
# peak grows by a sixth, which larger photos need for themselves.
KEPT_PIXELS = 400**2
# A run has diverged when so many losses are that many times the lowest and do not fall.
LOST_STEPS, LOST_FACTOR = 20, 3.0
STEP_FAILURES = (RuntimeError, MemoryError)  # torch lacks memory, or the device has gone


@dataclass(frozen=True)
class OptimizationConfig:
    """Settings of one optimization."""

    steps: int = 200  # over all scales together
    max_side: int = 512  # px, long side of the result; smaller photos keep their size
    # px, long side at which the style picture is read for a result of max_side, and smaller in
    # proportion for a smaller one, so that strokes keep their size in the picture; None: max_side
    stroke_size: int | None = None
    # From the preview, adam is level with lbfgs for the first half minute at 256 px and ahead later
    # (classic objective after 200 steps: 2.25 against 2.72), in less memory.
    method: str = "adam"
    # Of adam, of the pixel range. From the preview the classic objective is at 2.54 after 120 steps,
    # 2.91 with 0.02 and 3.41 with 0.1. Own objective with the fall below: 1.068 after 120 steps at
    # 224 px, 1.085 with 0.04, 1.090 with a constant 0.02.
    learning_rate: float = 0.05
    decay_share: float = 0.4  # last part of the steps, in which adam's rate falls to a tenth
    history: int = 20  # gradients that lbfgs remembers; 80 gain nothing
    start: str = "preview"  # content, preview (see `stylecore.preview`), mixed_noise or noise
    # Begin small, then larger by sqrt(2) each time. From 128 px and the preview it only costs steps:
    # 1.79 in place of 1.16 for the same work at 384 px.
    is_coarse_to_fine: bool = False
    coarse_side: int = 128  # px, long side at which coarse to fine begins, or up to sqrt(2) times it
    content_layer: str = "relu4_2"  # Gatys et al. (2016), section 2.3
    style_loss: str = "gram"  # gram, wasserstein (means and covariances) or patches (Li and Wand 2016)
    style_layers: tuple[str, ...] = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
    style_layer_weights: tuple[float, ...] | None = None  # one for each style layer; None: all 1
    # In place of style_layers for patches: those of Li and Wand (2016)
    patch_layers: tuple[str, ...] = ("relu3_1", "relu4_1")
    content_weight: float = 1.0
    style_weight: float = 4.0  # as in the training of the ready-made styles
    tv_weight: float = 2.0
    preserve_color: bool = False  # keep the photo's colors
    pooling: str = "max"
    device: str = "auto"  # auto, cpu or cuda
    precision: str = "auto"  # of VGG19: float32, mixed (bfloat16), or auto, mixed where that is faster
    preview_every: int = 10  # steps between iterates that carry an image; 0: only the last
    seed: int = 0


# "Art generation with neural style transfer", the exercise of the deep learning courses: VGG19,
# block5_conv4 as content, five style layers of 0.2, alpha 10, beta 40, Adam from a noisy photo.
# Differs: losses relative to the pictures' own norms.
CLASSIC_RECIPE = OptimizationConfig(
    steps=2500,
    max_side=400,  # the exercise's 400 x 300 px
    method="adam",
    learning_rate=0.01,
    decay_share=0.0,
    start="mixed_noise",
    is_coarse_to_fine=False,
    content_layer="relu5_4",
    style_layer_weights=(0.2,) * 5,
    content_weight=10.0,
    style_weight=40.0,
    tv_weight=0.0,
    precision="float32",
    preview_every=250,
)


@dataclass(frozen=True)
class Iterate:
    """State of an optimization after a step.

    Attributes:
        step: Steps done, over all scales.
        steps: Steps planned.
        content_loss: Relative content loss, unweighted.
        style_loss: Relative style loss, layers weighted and summed.
        total_loss: Weighted sum, total variation included.
        elapsed_s: Seconds since the start.
        remaining_s: Seconds left, by the work that the steps left have, see `step_work`.
        image: Picture at this step, or None between previews.
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
        image: The best picture of the finest scale that was reached, RGB or RGBA as the photo.
        iterates: Every step, without pictures.
        is_stopped: Whether `should_stop` ended the run early.
        error: What ended the run early, or None: a `DivergenceError`, or the failure of a step, such
            as for lack of memory. The picture is the best before.
    """

    image: Image.Image
    iterates: tuple[Iterate, ...]
    is_stopped: bool
    error: Exception | None

    @property
    def is_diverged(self) -> bool:
        return isinstance(self.error, DivergenceError)


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
        The picture, as large as the photo limited to `config.max_side`.
    Raises:
        ImageError: A picture smaller than 32 px, or a style picture of a single color.
        ValueError: Settings that do not exist or are out of range.
    Source: Gatys et al. (2016). Differs: relative losses (see `stylecore.losses`), by default a
        start from the preview and Adam; coarse to fine is that of Gatys et al. (2017), section 6.
    """
    check_config(config)
    photo = load_image(content_image, max_megapixels=math.inf, max_side=config.max_side)
    styles = _load_styles(style_image, config)
    content = flatten_content(photo)
    planned = scales(max(photo.size), config)
    vgg = load_vgg(config)
    started = time.monotonic()
    iterates: list[Iterate] = []
    batch, optimizer, first_step = None, None, None
    is_stopped = False
    error: Exception | None = None
    is_small = photo.width * photo.height <= KEPT_PIXELS
    with kept_memory() if is_small else nullcontext():
        for side, steps in planned:
            try:
                objective = _Objective(vgg, content, styles, side, config)
            except STEP_FAILURES as failure:
                if batch is None:
                    raise
                error = failure.with_traceback(None)  # the picture of the smaller scale is kept
                break
            batch = (
                _start(objective, styles, config) if batch is None else _resized(batch, objective.photo.shape)
            )
            batch.requires_grad_()
            optimizer = _optimizer(batch, config, earlier=optimizer)
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
            batch = best
    return OptimizationResult(_finish(best, photo, config), tuple(iterates), is_stopped, error)


def _descend(
    batch: Tensor,
    optimizer: _Adam | torch.optim.LBFGS,
    objective: _Objective,
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
        before = batch.detach().clone()
        if is_adam:
            optimizer.learning_rate = _rate(step, objective.config)
        try:
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


def is_mixed(config: OptimizationConfig) -> bool:
    """Whether VGG19 computes in 16 bits on the device and in the precision of these settings."""
    # Gradients of pixels vanish in float16, which older GPUs have in place of bfloat16.
    return autocast_dtype(select_device(config.device), config.precision) == torch.bfloat16


def load_vgg(config: OptimizationConfig) -> Vgg19Features:
    """VGG19 with the layers of these settings, on the device and in the precision of the run.

    Not by autocast, which converts frozen weights anew in every step.
    """
    device = select_device(config.device)
    vgg = Vgg19Features(sorted({config.content_layer, *_style_layers(config)}), pooling=config.pooling)
    return vgg.to(device, torch.bfloat16 if is_mixed(config) else torch.float32)


@dataclass(frozen=True)
class _Losses:
    content: float
    style: float
    total: float


class _Objective:
    """What is minimized at one scale; pictures of shape (1, 3, H, W)."""

    def __init__(
        self,
        vgg: Vgg19Features,
        content: Image.Image,
        styles: Sequence[tuple[Image.Image, float]],
        side: int,
        config: OptimizationConfig,
    ) -> None:
        self.vgg = vgg
        self.config = config
        device = select_device(config.device)
        self.photo = _batch(content, side, device)
        self.stroke_size = stroke_size_at(side, config)
        with torch.no_grad():
            self.content_target = vgg(self.photo, last=config.content_layer)[config.content_layer]
            known = [(self._read_style(_batch(image, self.stroke_size, device)), w) for image, w in styles]
            self.layer_losses = {
                layer: _layer_loss([(statistics[layer], weight) for statistics, weight in known], config)
                for layer in _style_layers(config)
            }
        self.layer_weights = dict(
            zip(self.layer_losses, config.style_layer_weights or repeat(1.0), strict=False)
        )

    def _read_style(self, picture: Tensor) -> dict[str, StyleTarget]:
        """What counts of a style picture by layer; its activations, far larger, are let go."""
        statistics = STYLE_STATISTICS[self.config.style_loss]
        activations = self.vgg(picture)
        return {layer: statistics(activations[layer]) for layer in _style_layers(self.config)}

    def __call__(self, batch: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Total, content and style loss, each of shape (1,)."""
        features = self.vgg(batch)
        content = content_loss(features[self.config.content_layer], self.content_target)
        style = sum(
            self.layer_weights[layer] * loss(features[layer]) for layer, loss in self.layer_losses.items()
        )
        total = self.config.content_weight * content + self.config.style_weight * style
        return total + self.config.tv_weight * total_variation_loss(batch), content, style


def _batch(image: Image.Image, side: int, device: torch.device) -> Tensor:
    return torch.from_numpy(to_batch(resize_long_side(image, side))).to(device)


def _style_layers(config: OptimizationConfig) -> tuple[str, ...]:
    return config.patch_layers if config.style_loss == "patches" else config.style_layers


def _layer_loss(
    known: Sequence[tuple[StyleTarget, float]], config: OptimizationConfig
) -> Callable[[Tensor], Tensor]:
    """Style loss of one layer as a function of the stylized picture's features.

    Several style pictures are mixed by their statistics. Of their patches, evenly spread, as many
    are there to be found as their weights say.
    """
    if config.style_loss == "gram":
        gram = sum(weight * own for own, weight in known)
        return lambda value: relative_error(gram_matrix(value), gram)
    if config.style_loss == "wasserstein":
        mean = sum(weight * own for (own, _), weight in known)
        second_moment = sum(weight * own for (_, own), weight in known)
        root = matrix_root(covariance(mean, second_moment))
        return lambda value: wasserstein_loss(value, mean, root)
    heaviest = max(weight for _, weight in known)
    patches = torch.cat([_share(own, weight / heaviest) for own, weight in known])
    return lambda value: patch_loss(value, patches)


def _share(patches: Tensor, share: float) -> Tensor:
    """A share of 0 to 1 of all patches, of shape (patches, 9 * C), evenly spread."""
    places = torch.linspace(0, len(patches) - 1, round(share * len(patches)), dtype=torch.float64)
    return patches[places.round().long()] if share < 1 else patches


def _step(optimizer: _Adam | torch.optim.LBFGS, batch: Tensor, objective: _Objective) -> _Losses:
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


class _Adam:
    """Adam on one picture, as `torch.optim.Adam`, which first imports 150 MB of a compiler.

    Args:
        batch: The picture, with gradient.
        learning_rate: Step size; may be changed between steps.
        earlier: The optimizer of the scale before, whose moments go on, resized.
    Source: Kingma and Ba (2015), algorithm 1.
    """

    BETAS, EPSILON = (0.9, 0.999), 1e-8

    def __init__(self, batch: Tensor, learning_rate: float, earlier: _Adam | None = None) -> None:
        self.batch, self.learning_rate = batch, learning_rate
        self.steps = earlier.steps if earlier else 0
        self.mean = _resized(earlier.mean, batch.shape) if earlier else torch.zeros_like(batch.data)
        self.square = (
            _resized(earlier.square, batch.shape).clamp_(min=0) if earlier else torch.zeros_like(batch.data)
        )

    def step(self, closure: Callable[[], Tensor]) -> None:
        closure()
        self.steps += 1
        first, second = self.BETAS
        gradient = self.batch.grad
        self.mean.lerp_(gradient, 1 - first)
        self.square.mul_(second).addcmul_(gradient, gradient, value=1 - second)
        spread = (self.square / (1 - second**self.steps)).sqrt_().add_(self.EPSILON)
        rate = self.learning_rate / (1 - first**self.steps)
        self.batch.data.addcdiv_(self.mean, spread, value=-rate)


def _rate(step: int, config: OptimizationConfig) -> float:
    """Learning rate after `step` steps: constant, then half a cosine down to a tenth."""
    falling = config.decay_share * config.steps
    progress = max(0.0, step - (config.steps - falling)) / falling if falling else 0.0
    return config.learning_rate * (0.55 + 0.45 * math.cos(math.pi * progress))


def _optimizer(
    batch: Tensor, config: OptimizationConfig, earlier: _Adam | torch.optim.LBFGS | None
) -> _Adam | torch.optim.LBFGS:
    if config.method == "adam":
        return _Adam(batch, config.learning_rate, earlier)
    # One iteration a step: the history lives on in the optimizer's state.
    return torch.optim.LBFGS(
        [batch], lr=1, max_iter=1, history_size=config.history, tolerance_change=0, tolerance_grad=0
    )


def _start(
    objective: _Objective, styles: Sequence[tuple[Image.Image, float]], config: OptimizationConfig
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


def scales(side: int, config: OptimizationConfig) -> list[tuple[int, int]]:
    """Long sides in pixels, growing by sqrt(2) up to `side`, and steps at each, fewer the larger it is."""
    sides = [side]
    while (
        config.is_coarse_to_fine
        and round(sides[0] / math.sqrt(2)) >= config.coarse_side
        and len(sides) < config.steps
    ):
        sides.insert(0, round(sides[0] / math.sqrt(2)))
    left, steps = config.steps, []
    for index, own in enumerate(sides):
        share = (1 / own) / sum(1 / other for other in sides[index:])
        steps.append(min(max(1, round(left * share)), left - (len(sides) - index - 1)))
        left -= steps[-1]
    return list(zip(sides, steps, strict=True))


def stroke_size_at(side: int, config: OptimizationConfig) -> int:
    """Long side in pixels at which style pictures are read for a picture of the long side `side`."""
    return round((config.stroke_size or config.max_side) * side / config.max_side)


def step_work(side: int, size: tuple[int, int]) -> float:
    """What the time of a step is proportional to, for a photo of that size at the long side `side`.

    Millions of pixels, and more for large pictures: on 2 cores in float32 a million took 9.0 s at
    384 px, 10.4 s at 512, 11.3 s at 768 and 16.2 s at 1280 px (4:3).
    """
    megapixels = side**2 * size[0] * size[1] / max(size) ** 2 / 1e6
    return megapixels * (1 + 0.65 * megapixels)


def _work_left(scales: Sequence[tuple[int, int]], step: int, size: tuple[int, int]) -> float:
    """Work that is left as a multiple of the work done."""
    done = total = 0.0
    for side, steps in scales:
        total += steps * step_work(side, size)
        done += max(0, min(step, steps)) * step_work(side, size)
        step -= steps
    return (total - done) / done


def _resized(batch: Tensor, shape: Sequence[int]) -> Tensor:
    height, width = shape[2:]
    return F.interpolate(batch.detach(), (height, width), mode="bicubic", antialias=True)


def _finish(best: Tensor, photo: Image.Image, config: OptimizationConfig) -> Image.Image:
    pixels = _resized(best, (1, 3, photo.height, photo.width)).clamp(0, 1).cpu().numpy()
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
    return [(limit_long_side(load_style(image), largest), weight / total) for image, weight in given]


def check_config(config: OptimizationConfig) -> None:
    """Refuse settings that do not exist or are out of range.

    Raises:
        ValueError: The message names the setting, what came and what is needed.
    """
    choices = {"method": METHODS, "start": STARTS, "style_loss": STYLE_LOSSES}
    for field, allowed in choices.items():
        if getattr(config, field) not in allowed:
            raise ValueError(f"{field} is {getattr(config, field)!r}: use one of {', '.join(allowed)}")
    if len(set(_style_layers(config))) < len(_style_layers(config)):
        raise ValueError(f"a style layer is given twice: {', '.join(_style_layers(config))}")
    weights = config.style_layer_weights
    if weights is not None and len(weights) != len(_style_layers(config)):
        raise ValueError(f"{len(weights)} style_layer_weights for {len(_style_layers(config))} style layers")
    if not all(0 <= weight < math.inf for weight in weights or ()):
        raise ValueError(f"style_layer_weights are {weights}: numbers of at least 0 are needed")
    smallest = {
        "max_side": config.max_side,
        "stroke_size": MIN_SIDE if config.stroke_size is None else config.stroke_size,
        "coarse_side": config.coarse_side,
    }
    for field, value in smallest.items():
        if value < MIN_SIDE:
            raise ValueError(f"{field} is {value}: at least {MIN_SIDE} px are needed")
    if not 0 < config.learning_rate < math.inf:
        raise ValueError(f"learning_rate is {config.learning_rate}: a number above 0 is needed")
    for field, least in {"steps": 1, "history": 1, "preview_every": 0, "seed": 0}.items():
        if getattr(config, field) < least:
            raise ValueError(f"{field} is {getattr(config, field)}: at least {least} is needed")
    if config.seed >= 2**63:
        raise ValueError(f"seed is {config.seed}: less than 2^63 is needed")
    if not 0 <= config.decay_share <= 1:
        raise ValueError(f"decay_share is {config.decay_share}: a number from 0 to 1 is needed")
    for field in ("content_weight", "style_weight", "tv_weight"):
        value = getattr(config, field)
        if not 0 <= value < math.inf:
            raise ValueError(f"{field} is {value}: a number of at least 0 is needed")
