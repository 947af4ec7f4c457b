import io
import json
from contextlib import redirect_stdout

import pytest

from stylecore.cli import main
from stylecore.measuring import benchmark, rivals


@pytest.fixture(scope="module")
def report() -> dict:
    """What the command prints: one JSON object."""
    printed = io.StringIO()
    with redirect_stdout(printed):
        assert main(["bench", "--sizes", "64", "--rounds", "2", "--device", "cpu", "--json"]) == 0
    return json.loads(printed.getvalue())


def test_every_contender_is_timed_beside_our_network(report):
    rows = {row["contender"]: row for row in report["rows"]}
    assert {benchmark.SESSION, benchmark.ENGINE, rivals.FULL, rivals.TORCH, rivals.CEILING} <= set(rows)
    assert rows[benchmark.SESSION]["ratio"] == 1
    assert all(row["milliseconds"] > 0 for row in rows.values())
    assert report["convolutions"] > 1
    assert report["rounds"] == 2


def test_memory_is_that_of_a_process_of_its_own(report):
    peaks = {row["contender"]: row["peak_mb"] for row in report["rows"]}
    assert 50 < peaks[benchmark.SESSION] < peaks[rivals.TORCH]


def test_the_table_names_what_is_not_installed(report):
    table = benchmark.as_table(report)
    assert "| our network alone |" in table
    for name, hint in rivals.HOW_TO_INSTALL.items():
        assert (f"not installed: {name} ({hint})" in table) != (f"| {name} |" in table)
