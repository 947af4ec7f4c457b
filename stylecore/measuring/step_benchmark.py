"""Times of an optimization: one step, the preview, and the quality "quick"."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable, Sequence

import torch
from PIL import Image

from stylecore.host.devices import select_device
from stylecore.images.loading import load_image
from stylecore.images.sizes import resize_long_side
from stylecore.optimization.config import QUALITIES, OptimizationConfig
from stylecore.optimization.iterates import Iterate
from stylecore.optimization.objective import batch_at, is_mixed, load_vgg
from stylecore.optimization.optimize import optimize_image
from stylecore.optimization.preview import PreviewPainter
from stylecore.perception.convolutions import plain_convolutions
from stylecore.perception.features import Vgg19Features

STEP_SIDES = (256, 384, 512)  # px
STEP_COUNT = OptimizationConfig.history + 4  # by the last of them the history of L-BFGS is full


def measure_steps(content: Image.Image, style: Image.Image, *, rounds: int = 3) -> list[dict]:
    """Time a step next to bare forward and backward passes of the same layers, interleaved.

    `bare_s` is the pass as the optimizer runs it, `torch_s` with torch's own convolutions.
    """
    rows = []
    for side, precision in itertools.product(STEP_SIDES, ("auto", "float32")):
        config = OptimizationConfig(
            steps=STEP_COUNT,
            max_side=side,
            start="content",
            precision=precision,
            is_coarse_to_fine=False,
            preview_every=0,
        )
        photo = resize_long_side(load_image(content).convert("RGB"), side)
        vgg = load_vgg(config)
        device = select_device(config.device)
        batch = batch_at(photo, side, device).requires_grad_()

        def bare(vgg: Vgg19Features = vgg, batch: torch.Tensor = batch) -> float:
            started = time.perf_counter()
            sum(features.sum() for features in vgg(batch).values()).backward()
            batch.grad.sum().item()  # waits for a GPU
            return time.perf_counter() - started

        def step(photo: Image.Image = photo, config: OptimizationConfig = config) -> float:
            times = [iterate.elapsed_s for iterate in optimize_image(photo, style, config).iterates]
            return min(after - before for before, after in itertools.pairwise(times[-4:]))

        def plain(bare: Callable[[], float] = bare) -> float:
            with plain_convolutions():
                return bare()

        bare(), plain()
        times = [
            (min(bare() for _ in range(3)), min(plain() for _ in range(3)), step()) for _ in range(rounds)
        ]
        rows.append(
            {
                "side": side,
                "precision": "mixed" if is_mixed(config) else "float32",
                "bare_s": round(statistics.median(bare_s for bare_s, _, _ in times), 3),
                "torch_s": round(statistics.median(torch_s for _, torch_s, _ in times), 3),
                "step_s": round(statistics.median(step_s for _, _, step_s in times), 3),
                "ratio": round(statistics.median(step_s / bare_s for bare_s, _, step_s in times), 3),
                "torch_ratio": round(statistics.median(step_s / torch_s for _, torch_s, step_s in times), 3),
            }
        )
    return rows


def measure_preview(content: Image.Image, style: Image.Image, *, rounds: int = 5) -> dict:
    """Time the instant preview at 512 px: reading the style picture, and painting."""
    painter = PreviewPainter()
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        known = painter.read_style(style)
        read = time.perf_counter()
        painter.paint(content, known, max_side=512)
        times.append((read - started, time.perf_counter() - read))
    reading, painting = (round(statistics.median(part), 2) for part in zip(*times, strict=True))
    return {"side": 512, "read_style_s": reading, "paint_s": painting}


def measure_quick(content: Image.Image, style: Image.Image) -> dict:
    """Time the quality "quick", which must end within a minute."""
    config = QUALITIES["quick"]
    last = optimize_image(content, style, config).iterates[-1]
    return {
        "side": config.max_side,
        "steps": last.step,
        "seconds": round(last.elapsed_s, 1),
        "total_loss": round(last.total_loss, 3),
    }


def run_seconds(iterates: Sequence[Iterate]) -> float:
    """Seconds of a run, counting the median step for every step, so that other work does not matter."""
    times = [iterate.elapsed_s for iterate in iterates]
    steps = [after - before for before, after in itertools.pairwise(times)]
    return times[0] + len(steps) * statistics.median(steps or [0.0])
