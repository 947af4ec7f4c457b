"""The steps and the result of an optimization, as data: neither needs torch to be read."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image


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
