"""Settings of learning one style, and their check."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from stylecore.images.sizes import MIN_SIDE
from stylecore.styles.style import USUAL_STROKE_SIZE

FIT_STEPS, FURTHER_STEPS = 18, 6  # that fit a style to one photo, and to each further one


@dataclass(frozen=True)
class LearningConfig:
    """Settings of `learn_style`. Reasons for the defaults are in docs/training.md."""

    minutes: float = 3.0  # of learning, from the call on; 0: `steps` end it
    steps: int = 1000  # optimizer steps, if `minutes` is 0
    is_thorough: bool = True  # learn rows and trunk; otherwise rows alone, a file of some kilobytes
    stroke_size: int = USUAL_STROKE_SIZE  # px, long side at which the style pictures are read
    title: str = ""  # of the style, for people
    photo_side: int = 512  # px, long side of the photos that are learned on, at most
    photo_count: int = 40  # different photos that are used in turn, next to one's own
    is_for_photos: bool = False  # learn on one's own photos alone, see `fitting_config`
    content_weight: float = 1.8  # weight of the content loss
    style_weight: float = 4.0  # weight of the style loss
    row_rate: float = 0.03  # peak of Adam's learning rate of the rows
    trunk_rate: float = 0.003  # peak of Adam's learning rate of the trunk
    precision: str = "auto"  # auto, float32 or mixed; auto is mixed where the hardware supports it
    device: str = "auto"  # auto, cpu or cuda
    seed: int = 0  # of photos and noise


def fitting_config(photos: int = 1, **changes: Any) -> LearningConfig:
    """Settings that fit a style to some photos of one's own, whole, in a fraction of a minute.

    In 18 steps on a photo its painting comes closer to the style picture than a style that was learned for
    three minutes on other photos paints it, see docs/training.md. Further photos share these steps.

    Args:
        photos: Number of the photos.
        changes: Other values of single settings.
    """
    steps = FIT_STEPS + FURTHER_STEPS * (photos - 1)
    values = {"minutes": 0.0, "steps": steps, "is_for_photos": True} | changes
    return LearningConfig(**values)


def check_learning_config(config: LearningConfig) -> None:
    """Check settings of learning.

    Raises:
        ValueError: Settings out of range.
    """
    least = dict.fromkeys(("minutes", "content_weight", "style_weight", "row_rate", "trunk_rate", "seed"), 0)
    least |= dict.fromkeys(("steps", "photo_count"), 1) | {"photo_side": MIN_SIDE}
    values = asdict(config)
    for name, value in least.items():
        if not value <= values[name] < math.inf:
            raise ValueError(f"{name} is {values[name]}: at least {value} is needed")
