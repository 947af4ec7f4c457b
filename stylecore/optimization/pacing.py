"""How long an optimization takes on this machine: timed by a few steps, then by the runs themselves."""

from __future__ import annotations

from PIL import Image

from stylecore.optimization.config import OptimizationConfig, step_work
from stylecore.optimization.iterates import Iterate
from stylecore.optimization.objective import is_mixed
from stylecore.optimization.optimize import STEP_FAILURES, optimize_image
from stylecore.optimization.planning import run_work

# Seconds for a unit of `planning.run_work` on 2 cores, in 16 bits and in float32.
USUAL_PACE_S = {True: 1.2, False: 7.0}
# As multiples of the Gram loss's, until one has been seen, at 384 px; patches are compared each with each.
STYLE_LOSS_PACE = {"gram": 1.0, "wasserstein": 1.2, "patches": 5.3}
TIMED = OptimizationConfig(steps=3, max_side=256, start="content", preview_every=0)
FEWEST_STEPS = 5  # of a run before its pace predicts that of others

Kind = tuple[bool, str]  # of settings: whether in 16 bits, and the style loss
Pace = dict[Kind, float]  # seconds for a unit of `planning.run_work`


def kind_of(config: OptimizationConfig) -> Kind:
    """What a pace depends on."""
    return is_mixed(config), config.style_loss


def slowness(photo: Image.Image) -> float:
    """Time of a step on this machine, as a multiple of the usual, by two steps on a photo.

    1 where memory ends on the way: the next run is stepped down or refused for it, and says so.
    """
    try:
        seconds = [iterate.elapsed_s for iterate in optimize_image(photo, photo, TIMED).iterates]
    except STEP_FAILURES:
        return 1.0
    if len(seconds) < TIMED.steps:
        return 1.0
    usual = USUAL_PACE_S[is_mixed(TIMED)] * step_work(TIMED.max_side, photo.size)
    return (seconds[-1] - seconds[0]) / (TIMED.steps - 1) / usual


def usual_pace(slowness: float) -> Pace:
    """The pace of a machine whose steps take `slowness` times as long as usual."""
    return {
        (mixed, style_loss): usual * factor * slowness
        for mixed, usual in USUAL_PACE_S.items()
        for style_loss, factor in STYLE_LOSS_PACE.items()
    }


def seen_pace(size: tuple[int, int], config: OptimizationConfig, iterate: Iterate) -> Pace:
    """Pace of a run's kind as measured by it; empty in its first steps.

    Args:
        size: Width and height of the photo.
        config: Settings of the run.
        iterate: Its newest one.
    """
    if iterate.step < FEWEST_STEPS:
        return {}
    return {kind_of(config): (iterate.elapsed_s + iterate.remaining_s) / run_work(size, config)}


def expected_seconds(size: tuple[int, int], config: OptimizationConfig, pace: Pace) -> float:
    """How long a run takes.

    Args:
        size: Width and height of the photo.
        config: Settings.
        pace: Of this machine.
    """
    return run_work(size, config) * pace[kind_of(config)]
