"""Settings of a photo look, and the weights behind its methods."""

from __future__ import annotations

from dataclasses import dataclass

from stylecore.host.device_choices import check_device
from stylecore.images.sizes import MIN_SIDE

MAX_SIDE = 1024  # px
MAX_STEPS = 1000
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
CONTENT_LAYER = "relu4_1"


@dataclass(frozen=True)
class Method:
    """What the optimization of a grid minimizes, and how.

    `docs/measurements.md` has the figures behind the values.
    """

    style_loss: str  # moments, or gram
    layer_weights: tuple[float, ...]  # of STYLE_LAYERS
    spatial_weight: float  # of differences between neighboring cells in rows and columns
    learning_rate: float  # largest, of Adam
    steps: int  # default number
    falling_share: float = 1 / 3  # of the steps, at the end, in which the learning rate falls to 0
    content_weight: float = 0.5
    color_weight: float = 1.0  # of the sliced Wasserstein distance of the colors
    tone_weight: float = 2.0  # of second differences between cells over luma
    structure_weight: float = 4.0  # of 1 minus the cosine of the gradients of luma
    range_weight: float = 100.0  # of values beyond black and white
    skin_weight: float = 60.0  # of changes of skin, see `PhotoLookConfig.keep_skin`


METHODS = {
    "natural": Method(
        "moments",
        (1.0, 1.0, 0.5, 0.25),
        100.0,
        0.03,
        20,
        falling_share=0.2,
        content_weight=0.25,
        structure_weight=2.0,
    ),
    "strong": Method("gram", (1.0, 1.0, 1.0, 1.0), 40.0, 0.02, 35),
}
INSTANT = "instant"  # the color transform alone, without torch


@dataclass(frozen=True)
class PhotoLookConfig:
    """How a photo takes over the light and colors of a reference picture."""

    method: str = "natural"  # natural, strong, or instant, which needs no torch
    steps: int | None = None  # steps of the optimization; None: as many as the method needs
    keep_light: float = 0.0  # share of the photo's own brightness that stays, 0 to 1
    keep_skin: float = 1.0  # how far the skin of people keeps its colors, 0 (not) to 1
    side: int = 256  # px, long side at which the grid is optimized
    device: str = "auto"  # auto, cpu or cuda
    precision: str = "auto"  # auto, float32 or mixed


def check_look_config(config: PhotoLookConfig) -> None:
    """Refuse settings that do not exist or are out of range.

    Raises:
        ValueError: The message says what came and what is needed.
    """
    known = (*METHODS, INSTANT)
    if config.method not in known:
        raise ValueError(f"method is {config.method!r}: use one of {', '.join(known)}")
    if config.steps is not None and not 1 <= config.steps <= MAX_STEPS:
        raise ValueError(f"steps is {config.steps}: use 1 to {MAX_STEPS}")
    for name in ("keep_light", "keep_skin"):
        check_share(name, getattr(config, name))
    if not MIN_SIDE <= config.side <= MAX_SIDE:
        raise ValueError(f"side is {config.side}: use {MIN_SIDE} to {MAX_SIDE} px")
    if config.precision not in ("auto", "float32", "mixed"):
        raise ValueError(f"precision is {config.precision!r}: use auto, float32 or mixed")
    check_device(config.device)


def check_share(name: str, value: float) -> None:
    """Refuse a share outside 0 to 1.

    Raises:
        ValueError: Out of range, or not a number.
    """
    if not 0 <= value <= 1:
        raise ValueError(f"{name} is {value}: use 0 to 1")
