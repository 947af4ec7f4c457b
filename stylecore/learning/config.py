"""Settings of a training run, and their check."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from stylecore.errors import StyleError
from stylecore.images.sizes import MIN_SIDE
from stylecore.perception.constants import STYLE_LAYERS


@dataclass(frozen=True)
class TrainingConfig:
    """Settings of a training run. Reasons for the defaults are in docs/training.md."""

    steps: int = 4000  # optimizer steps, including `pixel_steps`
    pixel_steps: int = 400  # first steps, which only reproduce the photo; 0 with `init`
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
    content_factors: Mapping[str, float] = field(default_factory=dict)  # on `content_weight`, by style
    style_turns: Mapping[str, int] = field(default_factory=dict)  # draws in a round of all styles, else 1
    face_factor: float = 4.0  # on the content loss in faces, if their boxes are given
    face_share: float = 0.35  # fraction of the crops from photos with faces
    style_weight: float = 4.0  # weight of the style loss
    tv_weight: float = 6.0  # weight of the total variation
    grid_weight: float = 1000.0  # weight of the loss on patterns with the network's stride
    ripple_weight: float = 4.0  # weight of the loss on ripples finer than the style picture's
    tone_weight: float = 2.0  # weight of the loss that keeps light and shade of the photo
    learning_rate: float = 2e-3  # peak of Adam's; 20 steps of warm-up, cosine decay to 3 %
    gradient_clip: float = 5.0  # largest norm of the gradient
    ema_decay: float = 0.995  # of the averaged weights, which samples and export use
    precision: str = "auto"  # auto, float32 or mixed; auto is mixed where the hardware supports it
    is_compiled: bool = False  # by torch.compile
    checkpoint_s: float = 240.0  # seconds between checkpoints
    is_trunk_frozen: bool = False  # train only scales and shifts; Dumoulin et al. (2017), section 3.2
    seed: int = 0  # of weights, crops and noise


UPSAMPLINGS = ("linear", "nearest")
WEIGHTS = ("content", "style", "tv", "grid", "ripple", "tone")
LEAST = {
    **dict.fromkeys(("steps", "batch_size", "styles_per_photo", "blocks"), 1),
    "channels": 2,  # the layer at half the size has half of them
    **dict.fromkeys(("crop_size", "style_size"), MIN_SIDE),
    **dict.fromkeys(("pixel_steps", "checkpoint_s", "seed", "face_factor", "learning_rate"), 0),
    **{f"{name}_weight": 0 for name in WEIGHTS},
}


def check_settings(config: TrainingConfig, styles: Sequence[str]) -> None:
    """Check the settings.

    Args:
        config: Settings.
        styles: Style names.
    Raises:
        StyleError: Settings for a style that is not in `styles`.
        ValueError: Settings out of range.
    """
    if unknown := sorted({*config.content_factors, *config.style_turns} - set(styles)):
        raise StyleError(f"settings for {', '.join(unknown)}: there are {', '.join(styles)}")
    for name, least in LEAST.items():
        if not least <= getattr(config, name) < math.inf:
            raise ValueError(f"{name} is {getattr(config, name)}: at least {least} is needed")
    for name in ("content_layers", "style_layers"):
        layers = getattr(config, name)
        if not layers or len(set(layers)) < len(layers):
            raise ValueError(f"{name} is {', '.join(layers) or 'none'}: different layers are needed")
    for style, factor in config.content_factors.items():
        if not 0 <= factor < math.inf:
            raise ValueError(f"content_factors of {style} is {factor}: at least 0 is needed")
    if config.upsampling not in UPSAMPLINGS:
        raise ValueError(f"upsampling is {config.upsampling!r}: {' or '.join(UPSAMPLINGS)} is needed")
    if not 0 < config.gradient_clip < math.inf:
        raise ValueError(f"gradient_clip is {config.gradient_clip}: a number above 0 is needed")
    if not 0 < config.crop_share <= 1:
        raise ValueError(f"crop_share is {config.crop_share}: more than 0 and at most 1 is needed")
    if not 0 <= config.face_share <= 1:
        raise ValueError(f"face_share is {config.face_share}: a number from 0 to 1 is needed")
    if not 0 <= config.ema_decay < 1:
        raise ValueError(f"ema_decay is {config.ema_decay}: at least 0 and less than 1 is needed")
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
