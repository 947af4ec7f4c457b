"""All figures of the instant path on a GPU, in less than three minutes.

    python -m stylecore.measuring.gpu_benchmark [--device cuda]

Next to each time stands its floor: the arithmetic of the network at the rate of a large float16 matrix
product, and the memory traffic of its layers at the rate of a large copy, both measured here.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from stylecore.host.folders import WEIGHTS_FOLDER
from stylecore.instant.half import HalfNetwork
from stylecore.instant.sessions import open_session
from stylecore.instant.stylizer import FastStylizer
from stylecore.instant.variants import NetworkWeights
from stylecore.styles.catalog import get_style

STYLE = "starry_night"
ON_DEVICE = {"1920 x 1080": (1080, 1920), "3840 x 2160": (2160, 3840)}
TARGET_MS = {"1920 x 1080": 3.0, "3840 x 2160": 10.0}
PICTURE_MS, BATCH_RATE, BATCH_SIDE, BATCH = 15.0, 300.0, 512, 16  # what is aimed at; px and pictures a call
HALF_STEPS = 2.0  # of 255, what float16 may differ by at the 99.9th percentile
COMPUTING_BYTES = 65_536  # of an output; arithmetic on shapes has some
MATRIX, COPIED = 8192, 2**28  # side of the matrix product, and float16 values that are copied


def run(device: str, *, side_scale: float = 1.0, rounds: int = 30) -> dict:
    """Measure everything.

    Args:
        device: `cuda`; `cpu` tests the script.
        side_scale: Factor on all sides, less than 1 for tests.
        rounds: Timed calls of each figure.
    """
    model, rows = get_style(STYLE).network(fine=True)
    contents = (WEIGHTS_FOLDER / model).read_bytes()
    network, weights = HalfNetwork(contents, device), NetworkWeights(contents)
    rates = machine_rates(device, int(MATRIX * side_scale), int(COPIED * side_scale))
    report: dict = {"device": device, "machine": rates, "on_device": []}
    for name, size in ON_DEVICE.items():
        height, width = (max(32, int(side * side_scale)) for side in size)
        pixels = np.random.default_rng(0).integers(0, 256, (1, height, width, 3), dtype=np.uint8)
        buffers = network.buffers_for(pixels.shape, rows[None].shape, is_fixed=True)
        buffers.fill(pixels, rows[None])
        figures = {"milliseconds": median_ms(buffers.compute, rounds), "wanted": TARGET_MS[name]}
        report["on_device"].append({"picture": name} | figures | floors(weights, height * width, rates))
    report["picture_to_picture"] = picture_to_picture(device, side_scale, rounds)
    report["batches"] = batches(network, rows, max(32, int(BATCH_SIDE * side_scale)), rounds)
    report["float16"] = float16_difference(
        network, WEIGHTS_FOLDER / model, rows, int(1024 * side_scale), device
    )
    report["nodes_on_cpu"] = nodes_on_cpu(contents, rows, device, side=max(64, int(512 * side_scale)))
    return report


def machine_rates(device: str, side: int, count: int) -> dict:
    """Measured rates: float16 multiply-adds of a matrix product, and bytes read and written by a copy."""
    matrix = torch.ones(side, side, dtype=torch.float16 if device == "cuda" else torch.float32, device=device)
    values = torch.ones(count, dtype=torch.float16, device=device)
    copy = torch.empty_like(values)

    def synchronized(work: Callable[[], object]) -> Callable[[], None]:
        def call() -> None:
            work()
            if device == "cuda":
                torch.cuda.synchronize()

        return call

    product_ms = median_ms(synchronized(lambda: matrix @ matrix), 5)
    copy_ms = median_ms(synchronized(lambda: copy.copy_(values)), 5)
    return {
        "name": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        "teramacs_per_s": side**3 / product_ms / 1e9,
        "gigabytes_per_s": 4 * count / copy_ms / 1e6,
    }


def floors(network: NetworkWeights, pixels: int, rates: dict) -> dict:
    """Least milliseconds for a picture, by arithmetic and by memory.

    Each convolution reads its input once and writes its output once in float16; each norm reads and writes
    its own once more.
    """
    cells, channels = pixels / 16, network.channels
    macs = cells * sum(values.size for values in network.values[:-3])
    macs += cells * network.values[-3].size + 4 * cells * network.values[-2].size
    layers = 1 + 2 * network.blocks
    values = (
        cells * channels * (4 * layers + 2 * 4) + 2 * 3 * pixels / 2
    )  # the enlarged features are twice as many
    return {
        "arithmetic_ms": macs / rates["teramacs_per_s"] / 1e9,
        "memory_ms": 2 * values / rates["gigabytes_per_s"] / 1e6,
    }


def picture_to_picture(device: str, side_scale: float, rounds: int) -> dict:
    stylizer = FastStylizer(device)
    height, width = (max(32, int(side * side_scale)) for side in ON_DEVICE["1920 x 1080"])
    image = Image.effect_noise((width, height), 60).convert("RGB")
    elapsed = median_ms(lambda: stylizer.stylize(image, STYLE, stroke_size=512), rounds)
    return {"picture": "1920 x 1080", "milliseconds": elapsed, "wanted": PICTURE_MS}


def batches(network: HalfNetwork, rows: np.ndarray, side: int, rounds: int) -> dict:
    """Pictures a second, two calls at a time, so that copies and painting overlap."""
    pixels = np.random.default_rng(0).integers(0, 256, (BATCH, side, side, 3), dtype=np.uint8)
    styles = np.repeat(rows[None], BATCH, 0)

    def paint(_: int) -> np.ndarray:
        return network.paint(pixels, styles, is_fixed=True)

    paint(0)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(paint, range(2)))
        started = time.perf_counter()
        list(pool.map(paint, range(rounds)))
        seconds = time.perf_counter() - started
    return {"side": side, "pictures_per_s": rounds * BATCH / seconds, "wanted": BATCH_RATE}


def float16_difference(network: HalfNetwork, model: Path, rows: np.ndarray, side: int, device: str) -> dict:
    """Of a painting in float16 from one in float32 on the same device, in 1/255."""
    small = Image.effect_noise((max(8, side // 16),) * 2, 80).resize((side, side)).convert("RGB")
    pixels = np.asarray(small)[None]
    batch = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2), np.float32) / 255
    feed = {"image": batch, "rows": rows[None], "noise_origin": np.zeros(2, np.int64)}
    (expected,) = open_session(model, device).run(None, feed)
    apart = np.abs(network.paint(pixels, rows[None]) - 255 * expected.transpose(0, 2, 3, 1))
    return {"percentile_99.9": float(np.quantile(apart, 0.999)), "wanted": HALF_STEPS}


def nodes_on_cpu(network: bytes, rows: np.ndarray, device: str, *, side: int = 256) -> list[str]:
    """Operators that computed on the CPU, by the session's profile; arithmetic on shapes does not count."""
    with tempfile.TemporaryDirectory() as folder:
        half = HalfNetwork(network, device, profile=Path(folder) / "profile")
        half.paint(np.zeros((1, side, side, 3), np.uint8), rows[None])
        events = json.loads(Path(half.end_profiling()).read_text(encoding="utf-8"))
    nodes = [event["args"] for event in events if event.get("cat") == "Node" and "provider" in event["args"]]
    if not nodes:
        raise RuntimeError("the profile of ONNX Runtime has no nodes")
    return sorted(
        {
            node["op_name"]
            for node in nodes
            if node["provider"] == "CPUExecutionProvider" and int(node["output_size"]) >= COMPUTING_BYTES
        }
    )


def median_ms(call: Callable[[], object], rounds: int) -> float:
    for _ in range(3):
        call()
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return 1000 * statistics.median(times)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--side-scale", type=float, default=1.0, help="factor on all sides, for trials")
    parser.add_argument("--rounds", type=int, default=30)
    options = parser.parse_args(arguments)
    report = run(options.device, side_scale=options.side_scale, rounds=options.rounds)
    sys.stdout.write(json.dumps(report, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
