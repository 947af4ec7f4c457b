"""Settings of a training run, and which of them are refused."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from stylecore.errors import StyleError
from stylecore.images.sizes import MIN_SIDE
from stylecore.perception.constants import STYLE_LAYERS


@dataclass(frozen=True)
class TrainingConfig:
    """Settings of one training run; those of the shipped networks stand in `weights/styles.json`."""

    steps: int = 4000  # optimizer steps, those on pixels alone included
    pixel_steps: int = 400  # first steps that only reproduce the photo; 0 with `init`
    batch_size: int = 2  # pictures a step, each in a style of its own while there are enough
    styles_per_photo: int = 1  # pictures made of one crop: its content features are read once
    # px, side of the random crops. A trained network that gained 1 % an hour from four crops of 224 px
    # gained 7 % from two of 320, of nearly the whole photo: style is learned as whole pictures are painted.
    crop_size: int = 320
    crop_share: float = 0.74  # smallest side of a crop before it is resized / short side of its photo
    style_size: int = 512  # px, long side at which style pictures are read: the stroke size
    channels: int = 32  # width of the trunk
    blocks: int = 5  # residual blocks
    upsampling: str = "linear"  # to the full size; nearest left a faint grid of 2 px on even slopes
    content_layers: tuple[str, ...] = ("relu3_1", "relu4_1")  # relu4_1 alone lost eyes and mouths
    style_layers: tuple[str, ...] = STYLE_LAYERS
    content_weight: float = 4.0
    content_factors: Mapping[str, float] = field(default_factory=dict)  # of it, for styles that lose faces
    # In a round of all styles, others have 1; 0, beside a frozen trunk, leaves a style as it is
    style_turns: Mapping[str, int] = field(default_factory=dict)
    face_factor: float = 4.0  # of the content's weight in faces, where these are given
    face_share: float = 0.35  # of the crops that come from photos with faces; by chance it is 0.1
    style_weight: float = 4.0  # twice the content's drowned it within the first hundred steps
    tv_weight: float = 6.0
    grid_weight: float = 1000.0  # against a weave at the network's stride
    ripple_weight: float = 4.0  # against finer ripples than the style picture has
    tone_weight: float = 2.0  # for light and shade as in the photo
    learning_rate: float = 2e-3  # peak of Adam's, after 20 warm-up steps, cosine decay to 3 %
    gradient_clip: float = 5.0  # largest norm of the gradient
    ema_decay: float = 0.995  # of the averaged weights that samples and export use
    precision: str = "auto"  # auto, float32 or mixed; auto is mixed where the hardware has it
    # By torch.compile: on an H100 1.8 times as fast, behind two minutes of compiling; slower on CPUs
    is_compiled: bool = False
    checkpoint_s: float = 240.0  # seconds between checkpoints
    # Learn the scales and shifts of the norms alone, on the convolutions of `init`: other styles on the
    # same trunk stay as they are. Dumoulin et al. (2017), section 3.2
    is_trunk_frozen: bool = False
    seed: int = 0


UPSAMPLINGS = ("linear", "nearest")
WEIGHTS = ("content", "style", "tv", "grid", "ripple", "tone")
LEAST = {
    **dict.fromkeys(("steps", "batch_size", "styles_per_photo", "blocks"), 1),
    "channels": 2,  # half of them at half the size
    **dict.fromkeys(("crop_size", "style_size"), MIN_SIDE),
    **dict.fromkeys(("pixel_steps", "checkpoint_s", "seed", "face_factor", "learning_rate"), 0),
    **{f"{name}_weight": 0 for name in WEIGHTS},
}


def check_settings(config: TrainingConfig, styles: Sequence[str]) -> None:
    """Refuse settings out of range, or for a style that is not among `styles`.

    Raises:
        StyleError: Settings for a style that is not given.
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
    """How often each style is drawn in a round of all."""
    return [config.style_turns.get(name, 1) for name in styles]
