"""A coverage-guided run on one of the readers that are written in Python.

python -m tests.load.guided tiff --seconds 300
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import atheris
import psutil

# Of Pillow and the standard library what reads headers in Python.
PLUGINS = ("GifImagePlugin", "JpegImagePlugin", "PngImagePlugin", "TiffImagePlugin")
PARSERS = ("zipfile", *(f"PIL.{name}" for name in PLUGINS))

with atheris.instrument_imports(include=["stylecore", "tifffile", *PARSERS]):
    from stylecore.errors import StyleTransferError
    from tests.load.bases import make_bases
    from tests.load.mutations import LONGEST_S, MEGABYTE, MOST_MEGABYTES

# Endings of the sound files that a run begins with.
READERS = {
    "png": (".png",),
    "jpeg": (".jpg",),
    "tiff": (".tif",),
    "gif": (".gif",),
    "codes": (".avif", ".heic"),
    "style": (".impasto",),
    "look": (".look",),
    "torch7": (".t7",),
    "torch": (".pth",),
    "onnx": (".onnx",),
    "zip": (".zip",),
    "recipe": (".recipe",),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("reader", choices=READERS)
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--slowness", type=float, default=1.0, help="of this machine, for the longest time")
    options = parser.parse_args()
    bases = [base for base in make_bases() if Path(base[0]).suffix in READERS[options.reader]]
    read = bases[0][2]

    def check(data: bytes) -> None:
        try:
            read(data)
        except StyleTransferError as error:
            if "\n" in str(error):
                raise ValueError(f"no sentence: {error}") from error

    most_mb = psutil.Process().memory_info().rss // MEGABYTE + MOST_MEGABYTES
    with tempfile.TemporaryDirectory() as folder:
        for name, data, _ in bases:
            (Path(folder) / name).write_bytes(data)
        arguments = [f"-max_total_time={options.seconds}", f"-rss_limit_mb={most_mb}", "-max_len=65536"]
        arguments += [f"-timeout={round(LONGEST_S * options.slowness)}", f"-artifact_prefix={folder}/"]
        atheris.Setup([sys.argv[0], *arguments, folder], check)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
