"""Tables of the optimization's choices: starts, methods, style losses, defaults."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from functools import partial

from PIL import Image

from stylecore.images.loading import load_image
from stylecore.images.sizes import resize_long_side
from stylecore.measuring.measure import Losses, Measure
from stylecore.measuring.step_benchmark import run_seconds
from stylecore.optimization.config import METHODS, STARTS, STYLE_LOSSES, OptimizationConfig
from stylecore.optimization.optimize import optimize_image

TABLE_SIDE = 256  # px
TABLE_TIMES_S = (3, 6, 12)
SETTINGS_CASES = {
    "defaults": {},
    "100 steps": {"steps": 100},
    "400 steps": {"steps": 400},
    "no total variation": {"tv_weight": 0.0},
    "total variation 8": {"tv_weight": 8.0},
    "average pooling": {"pooling": "average"},
    "adam": {"method": "adam"},
    "adam without decay": {"method": "adam", "decay_share": 0.0},
    "coarse to fine": {"is_coarse_to_fine": True},
    "coarse to fine, adam": {"is_coarse_to_fine": True, "method": "adam"},
}


def compare_choices(
    content: Image.Image, style: Image.Image, *, on_progress: Callable[[str], None]
) -> list[dict]:
    """Compare starts, methods and style losses by their own total loss after some seconds.

    Totals of different style losses cannot be compared; the last columns can: they apply
    `stylecore.measuring.measure` to the final picture.
    """
    photo, measure = _measure_at_table_side(content, style)
    rows = []
    for style_loss, method, start in itertools.product(STYLE_LOSSES, METHODS, STARTS):
        config = OptimizationConfig(
            steps=10_000, max_side=TABLE_SIDE, start=start, method=method, style_loss=style_loss,
            is_coarse_to_fine=False, preview_every=0,
        )  # fmt: skip
        deadline = time.monotonic() + TABLE_TIMES_S[-1]
        result = optimize_image(
            photo, style, config, should_stop=lambda deadline=deadline: time.monotonic() > deadline
        )
        losses = {}
        for limit in TABLE_TIMES_S:
            reached = [i.total_loss for i in result.iterates if i.elapsed_s <= limit]
            losses[str(limit)] = round(min(reached), 3) if reached else None
        rows.append(
            {
                "style_loss": style_loss,
                "method": method,
                "start": start,
                "steps": len(result.iterates),
                "total_after_s": losses,
                **measure(result.image).as_dict(),
            }
        )
        on_progress(f"{style_loss}, {method}, {start}: {losses}")
    return rows


def compare_settings(
    content: Image.Image, style: Image.Image, *, on_progress: Callable[[str], None]
) -> list[dict]:
    """Compare each default with its alternatives, by `stylecore.measuring.measure`.

    The measure ignores total variation, and its network uses max pooling, so look at pictures too:
    `python -m stylecore optimize` takes the same settings.
    """
    photo, measure = _measure_at_table_side(content, style)
    rows = []
    for name, settings in SETTINGS_CASES.items():
        config = OptimizationConfig(max_side=TABLE_SIDE, preview_every=0, **settings)
        result = optimize_image(photo, style, config)
        seconds = round(run_seconds(result.iterates), 1)
        rows.append({"case": name, "seconds": seconds, **measure(result.image).as_dict()})
        on_progress(f"{name}: {rows[-1]}")
    return rows


def _measure_at_table_side(
    content: Image.Image, style: Image.Image
) -> tuple[Image.Image, Callable[[Image.Image], Losses]]:
    """The photo at `TABLE_SIDE`, and a function that measures a painting of it."""
    measure = Measure()
    photo, painting = (
        resize_long_side(load_image(image).convert("RGB"), TABLE_SIDE) for image in (content, style)
    )
    return photo, partial(
        measure, photo_features=measure.content_features(photo), grams=measure.grams(painting)
    )
