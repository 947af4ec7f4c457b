"""Race of our optimization against the classic recipe: its end loss, and the time to it."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from PIL import Image

from stylecore.images.colors import flatten_content
from stylecore.images.loading import load_image, load_style
from stylecore.measuring.step_benchmark import run_seconds
from stylecore.optimization.config import CLASSIC_RECIPE, OptimizationConfig
from stylecore.optimization.iterates import OptimizationResult
from stylecore.optimization.objective import Objective, batch_at, load_vgg
from stylecore.optimization.optimize import optimize_image
from stylecore.perception.convolutions import plain_convolutions
from stylecore.perception.features import Vgg19Features

RACE_SIDE = 256  # px
RACE_SEEDS = (0, 1, 2)
FEWEST_PAIRS = 3
# See docs/measurements.md.
RACE_SETTINGS = {
    "steps": 500,
    "learning_rate": 0.1,
    "decay_share": 0.75,
    "beta2": 0.99,
    "precision": "auto",
}

Pair = tuple[Image.Image, Image.Image]  # photo and style picture


def race_the_classic(
    pairs: Sequence[Pair],
    *,
    steps: int = CLASSIC_RECIPE.steps,
    seeds: Sequence[int] = RACE_SEEDS,
    on_progress: Callable[[str], None],
) -> dict:
    """Run the classic recipe and our optimization with each pair of pictures and each seed.

    Both have the recipe's layers, weights, method and start. Ours takes fewer and larger steps, with
    default precision and convolutions; the recipe runs in float32 with torch's own convolutions. Both
    paintings are then measured by the same loss in float32.

    Args:
        pairs: At least three photos with style pictures: a single one says little.
        steps: Of the recipe.
        seeds: Of the noise in the start.
        on_progress: Called with a line after each run.
    Returns:
        Medians over all runs: the seconds of both, `time_share`, our time as a share of the recipe's, and
        `loss_share`, our loss as a share of the recipe's, with its lowest and highest.
    Raises:
        ValueError: Too few pairs.
    """
    check_pairs(pairs)
    recipe = replace(CLASSIC_RECIPE, steps=steps, max_side=RACE_SIDE, preview_every=0)
    entry = replace(recipe, **RACE_SETTINGS)
    vgg = load_vgg(recipe)
    runs = []
    for number, (content, style) in enumerate(pairs, start=1):
        objective = _objective(vgg, content, style, recipe)
        for seed in seeds:
            with plain_convolutions():
                classic = optimize_image(content, style, replace(recipe, seed=seed))
            own = optimize_image(content, style, replace(entry, seed=seed))
            runs.append(_compare(classic, own, objective))
            on_progress(f"pair {number}, seed {seed}: {runs[-1]}")
    shares = [run["loss_share"] for run in runs]
    medians = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    return {
        "side": RACE_SIDE,
        "runs": len(runs),
        **medians,
        "lowest_loss_share": min(shares),
        "highest_loss_share": max(shares),
    }


def check_pairs(pairs: Sequence[Pair]) -> None:
    """Refuse fewer pairs than the race needs.

    Raises:
        ValueError: There are fewer than three.
    """
    if len(pairs) < FEWEST_PAIRS:
        raise ValueError(
            f"{len(pairs)} pairs of pictures came: the race with the classic recipe needs {FEWEST_PAIRS}"
        )


def _objective(
    vgg: Vgg19Features, content: Image.Image, style: Image.Image, recipe: OptimizationConfig
) -> Objective:
    """What the recipe minimizes, in its precision."""
    photo = flatten_content(load_image(content))
    side = min(max(photo.size), recipe.max_side)
    return Objective(vgg, photo, [(load_style(style), 1.0)], side, recipe)


def _compare(classic: OptimizationResult, own: OptimizationResult, objective: Objective) -> dict[str, float]:
    """Times and losses of both runs; the losses are those of the paintings, in float32."""
    times = [run_seconds(result.iterates) for result in (classic, own)]
    paintings = [
        batch_at(result.image, max(result.image.size), objective.photo.device) for result in (classic, own)
    ]
    with torch.no_grad():
        losses = [objective(painting)[0].item() for painting in paintings]
    return {
        "classic_s": round(times[0], 1),
        "our_s": round(times[1], 1),
        "time_share": round(times[1] / times[0], 4),
        "classic_loss": round(losses[0], 4),
        "our_loss": round(losses[1], 4),
        "loss_share": round(losses[1] / losses[0], 4),
    }
