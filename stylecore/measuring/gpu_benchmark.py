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

from stylecore.errors import describe
from stylecore.host.folders import WEIGHTS_FOLDER
from stylecore.images.arrays import from_pixels
from stylecore.instant.half import HalfNetwork, Size
from stylecore.instant.sessions import open_session
from stylecore.instant.stylizer import FastStylizer
from stylecore.instant.variants import NetworkWeights
from stylecore.measuring import gpu_paths
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
    clock = time.perf_counter()
    report: dict = {"device": device}

    def add(name: str, measure: Callable[[], object]) -> None:
        try:
            report[name] = measure()
        except Exception as error:  # one figure that fails must not cost the others
            report[name] = {"error": describe(error)}

    add("start", lambda: gpu_paths.start(device, side_scale))
    model, rows = get_style(STYLE).network(fine=True)
    path = WEIGHTS_FOLDER / model
    network, stylizer = HalfNetwork(path.read_bytes(), device), FastStylizer(device)
    rates = machine_rates(device, int(MATRIX * side_scale), int(COPIED * side_scale))
    report["machine"] = rates
    for name in ON_DEVICE:
        add(name, lambda name=name: on_device(name, network, path, rows, rates, device, side_scale, rounds))
    add("picture_to_picture", lambda: picture_to_picture(stylizer, side_scale, rounds))
    add("batches", lambda: batches(network, rows, max(32, int(BATCH_SIDE * side_scale)), rounds))
    add("float16", lambda: float16_difference(network, path, rows, int(1024 * side_scale), device))
    side = max(64, int(512 * side_scale))
    add("nodes_on_cpu", lambda: nodes_on_cpu(path.read_bytes(), rows, device, side=side))
    add("clips", lambda: gpu_paths.clips(stylizer, side_scale, 2 * rounds))
    add("many_styles", lambda: gpu_paths.many_styles(stylizer, side_scale, max(1, rounds // 10)))
    add("folders", lambda: gpu_paths.folders(stylizer, side_scale, 2 * rounds))
    add("large_photos", lambda: gpu_paths.large_photos(stylizer, side_scale))
    report["seconds"] = time.perf_counter() - clock
    return report


def on_device(
    name: str,
    network: HalfNetwork,
    model: Path,
    rows: np.ndarray,
    rates: dict,
    device: str,
    side_scale: float,
    rounds: int,
) -> dict:
    """Milliseconds of a network alone, captured as a CUDA graph and not, next to its floors."""
    height, width = (max(32, int(side * side_scale)) for side in ON_DEVICE[name])
    pixels = np.random.default_rng(0).integers(0, 256, (1, height, width, 3), dtype=np.uint8)
    figures = {}
    for kind, is_fixed in (("without_graph", False), ("milliseconds", True)):
        buffers = network.buffers_for(Size(1, height, width, is_fixed))
        buffers.fill(pixels, rows[None])
        figures[kind] = median_ms(buffers.compute, rounds)
    figures["float32_with_copies"] = float32_ms(model, rows, pixels, device, rounds)
    weights = NetworkWeights(model.read_bytes())
    return figures | {"wanted": TARGET_MS[name]} | floors(weights, height * width, rates)


def float32_ms(model: Path, rows: np.ndarray, pixels: np.ndarray, device: str, rounds: int) -> float:
    """Milliseconds of the float32 network, with the copies to and from the device."""
    session = open_session(model, device)
    feed = {"image": from_pixels(pixels), "rows": rows[None], "noise_origin": np.zeros(2, np.int64)}
    return median_ms(lambda: session.run(None, feed), max(1, rounds // 3))


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


def picture_to_picture(stylizer: FastStylizer, side_scale: float, rounds: int) -> dict:
    height, width = (max(32, int(side * side_scale)) for side in ON_DEVICE["1920 x 1080"])
    image = Image.effect_noise((width, height), 60).convert("RGB")
    elapsed = median_ms(lambda: stylizer.stylize(image, STYLE, stroke_size=512), rounds)
    return {"picture": "1920 x 1080", "milliseconds": elapsed, "wanted": PICTURE_MS}


def batches(network: HalfNetwork, rows: np.ndarray, side: int, rounds: int) -> dict:
    """Pictures a second, two calls at a time, so that copies and painting overlap."""
    pixels = np.random.default_rng(0).integers(0, 256, (BATCH, side, side, 3), dtype=np.uint8)
    styles = np.repeat(rows[None], BATCH, 0)

    def paint(_: int) -> np.ndarray:
        return network.paint(pixels, styles)

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
    feed = {"image": from_pixels(pixels), "rows": rows[None], "noise_origin": np.zeros(2, np.int64)}
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
