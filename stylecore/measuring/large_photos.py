"""Memory and time of large photos, from file to file, by the command line.

    python -m stylecore.measuring.large_photos photo.jpg [--megapixels 12 48 100] [--difference 12]

The photo is enlarged to each size and painted by the finer network, with default strokes and at a stroke size
of 512 px, where the network sees every pixel. `--difference` also paints one size at once, for comparison;
that takes 130 MB a megapixel.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

from stylecore.host.painting_memory import VARIABLE
from stylecore.images.loading import load_image
from stylecore.images.sizes import resize_long_side

STROKES = {"default": (), "512 px": ("--stroke-size", "512")}
STYLE = "mosaic"
INTERVAL_S = 0.01


def measure_file(photo: Path, output: Path, strokes: Sequence[str], *, memory_mb: int | None = None) -> dict:
    """Peak in megabytes and processor time in seconds of a process that paints one photo.

    Args:
        photo: File.
        output: File.
        strokes: Options of the command line.
        memory_mb: What `IMPASTO_MEMORY` is set to.
    """
    command = [sys.executable, "-m", "stylecore", "stylize", str(photo), "--style", STYLE, "-o", str(output)]
    environment = {**os.environ} if memory_mb is None else {**os.environ, VARIABLE: str(memory_mb)}
    peak, seconds = 0, 0.0
    with subprocess.Popen([*command, *strokes], env=environment, stderr=subprocess.DEVNULL) as process:
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            peak = max(peak, peak_mb(process.pid))
            times = watched.cpu_times()
            seconds = max(seconds, times.user + times.system)
            time.sleep(INTERVAL_S)
    if process.returncode:
        raise RuntimeError(f"{' '.join(process.args)} failed with status {process.returncode}")
    return {"peak_mb": peak, "processor_s": round(seconds, 1)}


def measure_difference(photo: Path, folder: Path) -> dict:
    """Differences, of 255, of a painting made layer by layer from one made at once."""
    pictures = []
    for name, memory_mb in (("layers", 1), ("at_once", 100_000)):
        measure_file(photo, folder / f"{name}.png", STROKES["512 px"], memory_mb=memory_mb)
        pictures.append(np.asarray(Image.open(folder / f"{name}.png"), np.int16))
    apart = np.abs(pictures[0] - pictures[1])
    return {"mean": round(float(apart.mean()), 4), "largest": int(apart.max())}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photo", type=Path)
    parser.add_argument("--megapixels", type=float, nargs="*", default=[12, 48, 100])
    parser.add_argument("--difference", type=float, metavar="MEGAPIXELS")
    options = parser.parse_args(arguments)
    report: dict = {"photos": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for megapixels in options.megapixels:
            photo = enlarged(options.photo, megapixels, folder)
            for strokes, given in STROKES.items():
                figures = measure_file(photo, folder / "painted.jpg", given)
                report["photos"].append({"megapixels": megapixels, "strokes": strokes} | figures)
        if options.difference:
            photo = enlarged(options.photo, options.difference, folder)
            report["difference"] = measure_difference(photo, folder)
    sys.stdout.write(json.dumps(report, indent=1) + "\n")
    return 0


def peak_mb(process: int) -> int:
    """Megabytes that a process has taken at most so far; 0 if it has ended. Linux only."""
    # Not getrusage, whose peak is inherited from the parent.
    status = Path(f"/proc/{process}/status").read_text()
    return round(int((status.partition("VmHWM:")[2].split() or [0])[0]) * 1024 / 1e6)


def enlarged(photo: Path, megapixels: float, folder: Path) -> Path:
    """A photo enlarged to a number of megapixels, as a JPEG in a folder."""
    image = load_image(photo).convert("RGB")
    side = max(image.size) * (megapixels * 1e6 / (image.width * image.height)) ** 0.5
    path = folder / f"{megapixels:g}.jpg"
    resize_long_side(image, round(side)).save(path, quality=90)
    return path


if __name__ == "__main__":
    sys.exit(main())
