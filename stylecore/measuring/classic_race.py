"""Race of our optimization against the classic recipe, to the same loss."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

from PIL import Image

from stylecore.measuring.step_benchmark import run_seconds
from stylecore.optimization.config import CLASSIC_RECIPE, OptimizationConfig
from stylecore.optimization.iterates import Iterate
from stylecore.optimization.optimize import optimize_image
from stylecore.perception.convolutions import plain_convolutions

RACE_SIDE = 256  # px
# Large steps and a long decay of the learning rate, see docs/measurements.md.
RACE_SETTINGS = {"steps": 900, "learning_rate": 0.1, "decay_share": 0.75, "start": "mixed_noise"}


def race_the_classic(
    content: Image.Image,
    style: Image.Image,
    *,
    steps: int = CLASSIC_RECIPE.steps,
    on_progress: Callable[[str], None],
) -> dict:
    """Time our optimization until it reaches the lowest total loss of the classic recipe.

    Both have the recipe's layers, weights, method and start. Ours takes fewer and larger steps, with
    default precision and convolutions; the recipe runs in float32 with torch's own convolutions.
    """
    recipe = replace(CLASSIC_RECIPE, steps=steps, max_side=RACE_SIDE, preview_every=0)

    def report(iterate: Iterate) -> None:
        if iterate.step % 100 == 0:
            on_progress(f"step {iterate.step}: {iterate.total_loss:.3f}, {iterate.elapsed_s:.0f} s")

    with plain_convolutions():
        classic = optimize_image(content, style, recipe, on_iterate=report).iterates
    goal = min(iterate.total_loss for iterate in classic)
    entry = replace(recipe, precision=OptimizationConfig.precision, **RACE_SETTINGS)
    is_reached = threading.Event()

    def watch(iterate: Iterate) -> None:
        report(iterate)
        if iterate.total_loss <= goal:
            is_reached.set()

    own = optimize_image(content, style, entry, on_iterate=watch, should_stop=is_reached.is_set).iterates
    return {
        "side": RACE_SIDE,
        "classic_steps": len(classic),
        "classic_s": round(run_seconds(classic), 1),
        "classic_loss": round(goal, 4),
        "is_reached": is_reached.is_set(),
        "our_steps": len(own),
        "our_s": round(run_seconds(own), 1),
        "our_loss": round(own[-1].total_loss, 4),
        "ratio": round(run_seconds(classic) / run_seconds(own), 1),
    }
