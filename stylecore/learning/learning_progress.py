"""The steps of a learning, as data that needs no torch to be read."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image


@dataclass(frozen=True)
class LearningProgress:
    """State of a learning after a step; losses are moving averages of those of the steps.

    Attributes:
        step: Steps done.
        steps: Steps of the whole run; if `minutes` end it, a prediction.
        content_loss: Relative content loss, unweighted.
        style_loss: Relative style loss, unweighted.
        total_loss: Weighted sum with the penalties.
        elapsed_s: Seconds since the call.
        remaining_s: Seconds left.
        image: The sample, painted with the weights of now, or None between samples.
    """

    step: int
    steps: int
    content_loss: float
    style_loss: float
    total_loss: float
    elapsed_s: float
    remaining_s: float
    image: Image.Image | None
