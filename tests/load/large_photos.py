"""Peak of the app's memory for large photos, from the upload to the painted file.

    python -m tests.load.large_photos photo.jpg [--megapixels 12 48 100] [--formats JPEG PNG WEBP]

The photo is enlarged to each size. Each is uploaded to a server of its own, seen as a preview, painted in
full size and downloaded.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image

from stylecore.measuring.large_photos import enlarged, peak_mb
from tests.load.crowd import logged_server
from tests.load.session import Session

PATIENCE_S = 3600.0  # of a busy machine
POLL_S = 2.0


async def paint_large(url: str, photo: bytes, file_format: str) -> bytes:
    """Upload a photo, paint it in full size, and download it."""
    with ThreadPoolExecutor(2) as threads:
        session = Session(url, threads, patience_s=PATIENCE_S)
        await session.open()
        await session.upload("photo_0", "photo.jpg", photo)
        if file_format != "JPEG":
            session.choose("file_format", file_format)
            await session.run()
        if session.find_all("download", is_prefix=False):
            return await session.download("download")
        await session.run("paint_full_size")
        until = time.monotonic() + PATIENCE_S
        while not session.find_all("download_full_size"):
            if time.monotonic() > until:
                raise TimeoutError(f"not painted within {PATIENCE_S:g} s: {session.texts}")
            await asyncio.sleep(POLL_S)
            await session.run()
        data = await session.download("download_full_size")
        await session.close()
        return data


def measure(photo: Path, file_format: str) -> dict:
    """Peak in megabytes of a server's process, before and after a photo."""
    with logged_server() as (url, process, _):
        before = peak_mb(process.pid)
        started = time.monotonic()
        painted = asyncio.run(paint_large(url, photo.read_bytes(), file_format))
        seconds, peak = time.monotonic() - started, peak_mb(process.pid)
        processor_s = sum(process.cpu_times()[:2])
    with Image.open(io.BytesIO(painted)) as image:
        size = image.size
    return {
        "width": size[0],
        "height": size[1],
        "format": file_format,
        "before_mb": before,
        "peak_mb": peak,
        "file_mb": round(len(painted) / 1e6, 1),
        "seconds": round(seconds, 1),
        "processor_s": round(processor_s, 1),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photo", type=Path)
    parser.add_argument("--megapixels", type=float, nargs="*", default=[12, 48, 100])
    parser.add_argument("--formats", nargs="*", default=["JPEG"], choices=("JPEG", "PNG", "WEBP"))
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        for megapixels in options.megapixels:
            photo = enlarged(options.photo, megapixels, Path(name))
            for file_format in options.formats:
                sys.stdout.write(json.dumps(measure(photo, file_format)) + "\n")
                sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
