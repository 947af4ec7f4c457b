"""Settings of an optimization, and the sizes, steps and rates that follow from them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from stylecore.images.sizes import MIN_SIDE, size_at
from stylecore.perception.constants import STYLE_LAYERS, STYLE_WEIGHT

METHODS = ("lbfgs", "adam")
STYLE_LOSSES = ("gram", "wasserstein", "patches")
STARTS = ("content", "preview", "mixed_noise", "noise")


@dataclass(frozen=True)
class OptimizationConfig:
    """Settings of one optimization."""

    steps: int = 200  # over all scales; the change of the last one is not in the result
    max_side: int = 512  # px, long side of the result; smaller photos keep their size
    stroke_size: int | None = None  # px, of the style picture at a result of max_side; None: max_side
    method: str = "lbfgs"  # lbfgs or adam
    learning_rate: float = 0.05  # of adam, as a share of the pixel range
    decay_share: float = 0.4  # last part of the steps, in which adam's rate falls to a tenth
    beta2: float = 0.999  # of adam, decay of the mean of squared gradients
    history: int = 8  # gradients that lbfgs remembers
    start: str = "preview"  # content, preview (see `stylecore.optimization.preview`), mixed_noise or noise
    is_coarse_to_fine: bool = False  # begin small, then larger by sqrt(2) each time
    coarse_side: int = 128  # px, long side at which coarse to fine begins, or up to sqrt(2) times it
    content_layer: str = "relu4_2"  # Gatys et al. (2016), section 2.3
    style_loss: str = "gram"  # gram, wasserstein (means and covariances) or patches (Li and Wand 2016)
    style_layers: tuple[str, ...] = STYLE_LAYERS  # of gram and wasserstein
    style_layer_weights: tuple[float, ...] | None = None  # one for each style layer; None: all 1
    patch_layers: tuple[str, ...] = ("relu3_1", "relu4_1")  # of patches: Li and Wand (2016)
    content_weight: float = 1.0  # of the content loss in the total
    style_weight: float = STYLE_WEIGHT  # of the style loss
    tv_weight: float = 2.0  # of the total variation
    preserve_color: bool = False  # keep the photo's colors
    keep_faces: bool = False  # leave three tenths of the painting in faces, see `stylecore.regions.keeping`
    pooling: str = "max"  # of VGG19: max or average
    device: str = "auto"  # auto, cpu or cuda
    precision: str = "auto"  # of VGG19: float32, mixed (bfloat16), or auto, mixed where that is faster
    preview_every: int = 10  # steps between iterates with an image; 0: only the last
    seed: int = 0  # of the noise in the starts noise and mixed_noise


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


# What page and command line offer; figures are in docs/measurements.md.
QUALITIES = {
    "quick": OptimizationConfig(steps=50, max_side=384, preview_every=5),
    "good": OptimizationConfig(steps=120, max_side=512, preview_every=10),
    "best": OptimizationConfig(
        steps=200,
        max_side=1280,
        is_coarse_to_fine=True,
        coarse_side=640,
        preview_every=20,
    ),
}


def check_config(config: OptimizationConfig) -> None:
    """Refuse settings that do not exist or are out of range.

    Raises:
        ValueError: The message names the setting, what came and what is needed.
    """
    choices = {"method": METHODS, "start": STARTS, "style_loss": STYLE_LOSSES}
    for field, allowed in choices.items():
        if getattr(config, field) not in allowed:
            raise ValueError(f"{field} is {getattr(config, field)!r}: use one of {', '.join(allowed)}")
    if not style_layers_of(config):
        raise ValueError("no style layers are given: at least one is needed")
    if len(set(style_layers_of(config))) < len(style_layers_of(config)):
        raise ValueError(f"a style layer is given twice: {', '.join(style_layers_of(config))}")
    weights = config.style_layer_weights
    if weights is not None and len(weights) != len(style_layers_of(config)):
        raise ValueError(
            f"{len(weights)} style_layer_weights for {len(style_layers_of(config))} style layers"
        )
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
    if not 0 <= config.beta2 < 1:
        raise ValueError(f"beta2 is {config.beta2}: a number from 0 to less than 1 is needed")
    for field in ("content_weight", "style_weight", "tv_weight"):
        value = getattr(config, field)
        if not 0 <= value < math.inf:
            raise ValueError(f"{field} is {value}: a number of at least 0 is needed")


def style_layers_of(config: OptimizationConfig) -> tuple[str, ...]:
    return config.patch_layers if config.style_loss == "patches" else config.style_layers


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

    Millions of pixels, more for large pictures, and a constant for the smallest; fitted to the times in
    docs/measurements.md.
    """
    megapixels = math.prod(size_at(side, size)) / 1e6
    return 0.028 + megapixels * (1 + 0.4 * megapixels)


def learning_rate_at(step: int, config: OptimizationConfig) -> float:
    """Learning rate after `step` steps: constant, then half a cosine down to a tenth."""
    falling = config.decay_share * config.steps
    progress = max(0.0, step - (config.steps - falling)) / falling if falling else 0.0
    return config.learning_rate * (0.55 + 0.45 * math.cos(math.pi * progress))
