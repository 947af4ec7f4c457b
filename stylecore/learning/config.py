"""Settings of a training run, and their check."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import ClassVar

from stylecore.errors import StyleError
from stylecore.images.sizes import MIN_SIDE
from stylecore.perception.constants import STYLE_LAYERS


@dataclass(frozen=True)
class SharedConfig:
    """Settings that both trainings have. Reasons for the defaults are in docs/training.md."""

    hours: ClassVar[float] = 0.0  # of `AnyStyleConfig`, in which it is a field

    steps: int = 4000  # optimizer steps
    batch_size: int = 2  # pictures per step, in different styles as far as possible
    styles_per_photo: int = 1  # pictures made of each crop, in different styles
    crop_size: int = 320  # px, side of the random crops
    crop_share: float = 0.74  # smallest side of a crop before resizing / short side of its photo
    style_size: int = 512  # px, long side at which style pictures are read: the stroke size
    channels: int = 32  # channels of the residual blocks
    blocks: int = 5  # residual blocks
    upsampling: str = "linear"  # to the full size: linear or nearest
    content_layers: tuple[str, ...] = ("relu3_1", "relu4_1")  # the content loss is their mean
    style_layers: tuple[str, ...] = STYLE_LAYERS  # the style loss is their sum
    content_weight: float = 4.0  # weight of the content loss
    face_factor: float = 4.0  # on the content loss in faces, if their boxes are given
    face_share: float = 0.35  # fraction of the crops from photos with faces
    style_weight: float = 4.0  # weight of the style loss
    tv_weight: float = 6.0  # weight of the total variation
    grid_weight: float = 1000.0  # weight of the loss on patterns with the network's stride
    ripple_weight: float = 4.0  # weight of the loss on ripples finer than the style picture's
    tone_weight: float = 2.0  # weight of the loss that keeps light and shade of the photo
    palette_weight: float = 0.0  # weight of the distance to the colors of the style picture
    learning_rate: float = 2e-3  # peak of Adam's; 20 steps of warm-up, cosine decay to 3 %
    gradient_clip: float = 5.0  # largest norm of the gradient
    ema_decay: float = 0.995  # of the averaged weights, which samples and export use
    precision: str = "auto"  # auto, float32 or mixed; auto is mixed where the hardware supports it
    is_compiled: bool = False  # by torch.compile
    checkpoint_s: float = 240.0  # seconds between checkpoints
    is_trunk_frozen: bool = False  # train only scales and shifts; Dumoulin et al. (2017), section 3.2
    seed: int = 0  # of weights, crops and noise


@dataclass(frozen=True)
class TrainingConfig(SharedConfig):
    """Settings of a training on given styles."""

    pixel_steps: int = 400  # first steps, which only reproduce the photo; 0 with `init`
    content_factors: Mapping[str, float] = field(default_factory=dict)  # on `content_weight`, by style
    style_turns: Mapping[str, int] = field(default_factory=dict)  # draws in a round of all styles, else 1


@dataclass(frozen=True)
class AnyStyleConfig(SharedConfig):
    """Settings of the training of the general network and the style encoder."""

    hours: float = 0.0  # of training, without pauses; 0: `steps` end it
    batch_size: int = 4
    styles_per_photo: int = 2
    crop_size: int = 224
    content_weight: float = 1.8
    grid_weight: float = 4000.0
    learning_rate: float = 1e-3  # of the encoder
    ema_decay: float = 0.998
    trunk_rate: float = 6e-4  # peak of the trunk's learning rate
    weight_decay: float = 0.02  # of the encoder
    dropout: float = 0.1  # share of the encoder's inputs that are set to 0
    hidden: int = 512  # width of the encoder's two hidden layers
    variants: int = 5  # of each style picture: as it is, and cropped, scaled and recolored
    shift_weight: float = 15.0  # weight of the difference between paintings of a crop and its shifted copy
    loss_knee: float = 4.0  # loss of a picture from which on it counts logarithmically


UPSAMPLINGS = ("linear", "nearest")
WEIGHTS = ("content", "style", "tv", "grid", "ripple", "tone", "palette")
LEAST = {
    **dict.fromkeys(("steps", "batch_size", "styles_per_photo", "blocks", "hidden", "variants"), 1),
    "channels": 2,  # the layer at half the size has half of them
    **dict.fromkeys(("crop_size", "style_size"), MIN_SIDE),
    **dict.fromkeys(("pixel_steps", "checkpoint_s", "seed", "face_factor", "learning_rate"), 0),
    **dict.fromkeys(("hours", "trunk_rate", "weight_decay", "shift_weight"), 0),
    **{f"{name}_weight": 0 for name in WEIGHTS},
}
INTERVALS = {
    "crop_share": (lambda value: 0 < value <= 1, "more than 0 and at most 1 is needed"),
    "face_share": (lambda value: 0 <= value <= 1, "a number from 0 to 1 is needed"),
    "ema_decay": (lambda value: 0 <= value < 1, "at least 0 and less than 1 is needed"),
    "dropout": (lambda value: 0 <= value < 1, "at least 0 and less than 1 is needed"),
    "gradient_clip": (lambda value: 0 < value < math.inf, "a number above 0 is needed"),
    "loss_knee": (lambda value: 0 < value < math.inf, "a number above 0 is needed"),
}


def check_ranges(config: SharedConfig) -> None:
    """Check the settings that concern no single style.

    Raises:
        ValueError: Settings out of range.
    """
    values = asdict(config)
    for name, least in LEAST.items():
        if name in values and not least <= values[name] < math.inf:
            raise ValueError(f"{name} is {values[name]}: at least {least} is needed")
    for name, (is_allowed, needed) in INTERVALS.items():
        if name in values and not is_allowed(values[name]):
            raise ValueError(f"{name} is {values[name]}: {needed}")
    for name in ("content_layers", "style_layers"):
        layers = values[name]
        if not layers or len(set(layers)) < len(layers):
            raise ValueError(f"{name} is {', '.join(layers) or 'none'}: different layers are needed")
    if config.upsampling not in UPSAMPLINGS:
        raise ValueError(f"upsampling is {config.upsampling!r}: {' or '.join(UPSAMPLINGS)} is needed")


def check_settings(config: TrainingConfig, styles: Sequence[str]) -> None:
    """Check the settings of a training on given styles.

    Args:
        config: Settings.
        styles: Style names.
    Raises:
        StyleError: Settings for a style that is not in `styles`.
        ValueError: Settings out of range.
    """
    if unknown := sorted({*config.content_factors, *config.style_turns} - set(styles)):
        raise StyleError(f"settings for {', '.join(unknown)}: there are {', '.join(styles)}")
    check_ranges(config)
    for style, factor in config.content_factors.items():
        if not 0 <= factor < math.inf:
            raise ValueError(f"content_factors of {style} is {factor}: at least 0 is needed")
    least_turns = 0 if config.is_trunk_frozen else 1
    turns = turns_of(config, styles)
    if min(turns) < least_turns or not any(turns):
        raise ValueError(
            f"style_turns is {dict(config.style_turns)}: "
            f"each style needs at least {least_turns}, one at least 1"
        )


def turns_of(config: TrainingConfig, styles: Sequence[str]) -> list[int]:
    """How often each style is drawn in a round of all styles."""
    return [config.style_turns.get(name, 1) for name in styles]
