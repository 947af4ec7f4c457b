import time
from dataclasses import replace

import pytest

from stylecore import Iterate, OptimizationConfig
from stylecore.optimization import optimize as optimization
from stylecore.optimization import pacing
from stylecore.optimization.config import step_work
from stylecore.optimization.objective import is_mixed
from stylecore.optimization.planning import run_work

CONFIG = OptimizationConfig(steps=10, max_side=100, precision="float32")


def iterate_at(step: int) -> Iterate:
    return Iterate(step, 10, 1.0, 1.0, 5.0, elapsed_s=2.0, remaining_s=4.0, image=None)


def test_the_machine_is_timed_by_steps_of_its_own(monkeypatch, photo):
    monkeypatch.setattr(pacing, "TIMED", replace(pacing.TIMED, max_side=64))
    alone = pacing.slowness(photo)
    optimize = optimization.take_step

    def dawdle(*arguments):
        time.sleep(0.5)
        return optimize(*arguments)

    monkeypatch.setattr(optimization, "take_step", dawdle)
    per_second = 1 / (pacing.USUAL_PACE_S[is_mixed(pacing.TIMED)] * step_work(64, photo.size))
    assert pacing.slowness(photo) == pytest.approx(alone + 0.5 * per_second, rel=0.5)


def test_a_machine_that_cannot_be_timed_counts_as_usual(monkeypatch, photo):
    def run_out(*arguments):
        raise MemoryError

    monkeypatch.setattr(pacing, "optimize_image", run_out)
    assert pacing.slowness(photo) == 1.0


def test_a_slow_machine_takes_longer_for_every_kind():
    usual, slow = pacing.usual_pace(1.0), pacing.usual_pace(3.0)
    assert {kind: seconds * 3 for kind, seconds in usual.items()} == pytest.approx(slow)
    assert pacing.kind_of(CONFIG) in usual


def test_a_run_tells_its_own_time_and_that_of_its_kind_alone():
    assert pacing.seen_pace((100, 80), CONFIG, iterate_at(pacing.FEWEST_STEPS - 1)) == {}
    seen = pacing.seen_pace((100, 80), CONFIG, iterate_at(pacing.FEWEST_STEPS))
    assert seen == {(False, "gram"): 6.0 / run_work((100, 80), CONFIG)}
    assert pacing.expected_seconds((100, 80), CONFIG, seen) == pytest.approx(6.0)
