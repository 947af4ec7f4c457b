import itertools

import pytest
import torch

from stylecore.measuring import choice_tables, classic_race, step_benchmark
from stylecore.measuring import optimization_benchmark as benchmark
from stylecore.perception.convolutions import KERNELS
from tests.conftest import make_photo

PICTURES = make_photo(64, 64), make_photo(64, 64, seed=1)


def silent(line: str) -> None:
    pass


def test_a_part_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="no part speed: use preview"):
        benchmark.run([PICTURES], ["speed"], on_progress=silent)


def test_starts_and_methods_are_compared(monkeypatch):
    monkeypatch.setattr(choice_tables, "TABLE_SIDE", 48)
    monkeypatch.setattr(choice_tables, "TABLE_TIMES_S", (1e-9, 3))
    monkeypatch.setattr(choice_tables, "STARTS", ("content",))
    monkeypatch.setattr(choice_tables, "STYLE_LOSSES", ("gram",))
    report = benchmark.run([PICTURES], ["choices"], on_progress=silent)
    rows = report["choices"]
    assert [row["method"] for row in rows] == list(choice_tables.METHODS)
    assert all(row["total_after_s"]["1e-09"] is None for row in rows)  # nothing is reached in no time
    assert all(row["total_after_s"]["3"] > 0 for row in rows)
    assert "**choices**" in benchmark.as_table(report)


def test_each_default_is_compared_with_its_alternatives(monkeypatch):
    monkeypatch.setattr(choice_tables, "TABLE_SIDE", 48)
    cases = {"4 steps": {"steps": 4}, "12 steps": {"steps": 12}}
    monkeypatch.setattr(choice_tables, "SETTINGS_CASES", cases)
    few, many = benchmark.run([PICTURES], ["settings"], on_progress=silent)["settings"]
    assert (few["case"], many["case"]) == tuple(cases)
    assert many["total"] < few["total"]
    assert many["total"] == pytest.approx(many["content"] + 4 * many["style"], rel=1e-3)


def test_the_classic_recipe_draws_a_race_with_itself(monkeypatch):
    own = {"steps": 4, "learning_rate": 0.01, "decay_share": 0.0, "precision": "float32"}
    monkeypatch.setattr(classic_race, "RACE_SIDE", 48)
    monkeypatch.setattr(classic_race, "RACE_SETTINGS", own)
    pairs = [(make_photo(64, 48, seed=seed), make_photo(64, 64, seed=9 - seed)) for seed in range(3)]
    report = classic_race.race_the_classic(pairs, steps=4, seeds=[1], on_progress=silent)
    assert (report["side"], report["runs"]) == (48, 3)
    assert report["lowest_loss_share"] == pytest.approx(1, abs=2e-3)
    assert report["highest_loss_share"] == pytest.approx(1, abs=2e-3)
    assert report["time_share"] > 0


def test_a_race_with_a_single_pair_is_refused():
    with pytest.raises(ValueError, match="1 pairs of pictures came"):
        benchmark.run([PICTURES], ["steps", "classic"], on_progress=silent)


def test_a_step_is_timed_beside_bare_passes(monkeypatch):
    monkeypatch.setattr(step_benchmark, "STEP_SIDES", (48,))
    rows = step_benchmark.measure_steps(*PICTURES, rounds=1)
    assert [row["side"] for row in rows] == [48, 48]
    assert rows[1]["precision"] == "float32"
    assert all(row[name] > 0 for row in rows for name in ("bare_s", "torch_s", "step_s", "ratio"))


def test_every_layer_is_timed_by_the_kernels_of_this_machine(monkeypatch):
    monkeypatch.setattr(step_benchmark, "STEP_SIDES", (32,))
    rows = benchmark.run([PICTURES], ["layers"], on_progress=silent)["layers"]
    kinds = {kind.__name__ for kind in KERNELS if kind.is_for(*[torch.ones(4, 4, dtype=kind.dtype)] * 2)}
    assert {row["kernel"] for row in rows} == kinds
    for kind in kinds:
        layers = [row["layer"] for row in rows if row["kernel"] == kind]
        assert layers[-3:] == ["conv4_1", "conv4_2", "conv5_1"]
    assert all(row["own_ms"] > 0 and row["torch_ms"] > 0 and row["is_used"] for row in rows)


def test_a_run_takes_as_long_as_its_median_step_says():
    class Step:
        def __init__(self, elapsed_s):
            self.elapsed_s = elapsed_s

    times = itertools.accumulate([2.0, 1.0, 1.0, 50.0, 1.0])  # something else ran for a while
    assert step_benchmark.run_seconds([Step(elapsed_s) for elapsed_s in times]) == 2 + 4 * 1.0
