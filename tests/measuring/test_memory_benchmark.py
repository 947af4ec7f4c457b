from stylecore.measuring import memory_benchmark as benchmark
from stylecore.optimization.config import OptimizationConfig
from tests.conftest import make_photo

PICTURES = make_photo(64, 64), make_photo(64, 64, seed=1)


def test_the_peak_of_a_fresh_process_lies_above_what_importing_took(monkeypatch):
    monkeypatch.setattr(benchmark, "MEMORY_CASES", {"64 px": {"max_side": 64}})
    (row,) = benchmark.measure_memory(*PICTURES)
    assert row["case"] == "64 px"
    assert 50 < row["imported_mb"] < row["peak_mb"]
    assert row["predicted_mb"] > row["imported_mb"]


def test_memory_is_read_before_the_sketch_after_it_and_after_all_jobs(monkeypatch):
    monkeypatch.setattr(benchmark, "CANCELLED_JOBS", 2)
    config = OptimizationConfig(steps=10_000, max_side=48, start="content")
    imported, began, ended = benchmark._held_around_jobs(*PICTURES, config)
    assert 0 < imported <= began + 2**20
    assert ended < began + 100 * 2**20
