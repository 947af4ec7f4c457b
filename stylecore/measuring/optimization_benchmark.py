"""Benchmark of the optimization: runs the requested parts and formats their tables."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import torch

from stylecore.measuring import step_benchmark
from stylecore.measuring.choice_tables import compare_choices, compare_settings
from stylecore.measuring.classic_race import Pair, check_pairs, race_the_classic
from stylecore.measuring.convolution_benchmark import measure_layers
from stylecore.measuring.memory_benchmark import measure_cancelled_jobs, measure_memory

# Each of a pair of pictures, and of the lines of progress; the race takes pairs.
SINGLE_PARTS: dict[str, Callable] = {
    "preview": lambda content, style, on_progress: step_benchmark.measure_preview(content, style),
    "steps": lambda content, style, on_progress: step_benchmark.measure_steps(content, style),
    "layers": lambda content, style, on_progress: measure_layers(step_benchmark.STEP_SIDES),
    "quick": lambda content, style, on_progress: step_benchmark.measure_quick(content, style),
    "memory": lambda content, style, on_progress: measure_memory(content, style),
    "jobs": lambda content, style, on_progress: measure_cancelled_jobs(content, style),
    "choices": lambda content, style, on_progress: compare_choices(content, style, on_progress=on_progress),
    "settings": lambda content, style, on_progress: compare_settings(content, style, on_progress=on_progress),
}
RACE = "classic"
PARTS = (*SINGLE_PARTS, RACE)


def run(
    pairs: Sequence[Pair], parts: Sequence[str] = tuple(SINGLE_PARTS), *, on_progress: Callable[[str], None]
) -> dict:
    """Run parts of the benchmark; all of `SINGLE_PARTS` take about an hour on 2 cores, the race three.

    Args:
        pairs: Photos with their style pictures; only the race takes more than the first.
        parts: Names from `PARTS`.
        on_progress: Called with lines of text.
    Returns:
        Results by part, `threads` and `torch` version.
    Raises:
        ValueError: An unknown part, or fewer pairs than the race needs.
    """
    if unknown := [part for part in parts if part not in PARTS]:
        raise ValueError(f"no part {', '.join(unknown)}: use {', '.join(PARTS)}")
    if RACE in parts:
        check_pairs(pairs)
    report: dict = {"threads": torch.get_num_threads(), "torch": torch.__version__}
    for part in parts:
        on_progress(f"measuring {part}")
        if part == RACE:
            report[part] = race_the_classic(pairs, on_progress=on_progress)
        else:
            report[part] = SINGLE_PARTS[part](*pairs[0], on_progress)
        on_progress(json.dumps(report[part]))
    return report


def as_table(report: dict) -> str:
    """Format the report as Markdown, a table for each part."""
    lines = [f"{report['threads']} threads, torch {report['torch']}"]
    for part in PARTS:
        if part in report:
            rows = report[part] if isinstance(report[part], list) else [report[part]]
            rows = [_flat(row) for row in rows]
            lines += ["", f"**{part}**", "", "| " + " | ".join(rows[0]) + " |", "|---" * len(rows[0]) + "|"]
            lines += ["| " + " | ".join(str(value) for value in row.values()) + " |" for row in rows]
    return "\n".join(lines)


def _flat(row: dict) -> dict:
    flat = {}
    for name, value in row.items():
        flat |= {f"{name} {key}": v for key, v in value.items()} if isinstance(value, dict) else {name: value}
    return flat
