"""Mutated files of every format that the app reads, and what reading them may and may not do.

python -m tests.load.mutations 10000 --seed 1
"""

from __future__ import annotations

import argparse
import io
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import imagecodecs  # noqa: F401 - tifffile needs it for the bases
import numpy as np
import psutil
import tifffile
from PIL import Image

from stylecore import PhotoLook, PhotoLookConfig, Style, load_image, load_style_file
from stylecore.errors import StyleTransferError
from stylecore.styles.files import encode_style_file
from stylecore.styles.foreign.importing import import_network
from tests.conftest import encoded, make_photo
from tests.images.quadrants import png_chunk, png_file, quadrant_image, quadrants
from tests.images.test_color_profiles import color_exif, named_profile
from tests.styles.foreign.networks import ExamplesNetwork, LuaNetwork, saved
from tests.styles.foreign.onnx_files import ZooWriter

LONGEST_S = 2.0  # of processor time, for one file
MOST_MEGABYTES = 600  # of resident memory above the start
MEGABYTE = 2**20

Reader = Callable[[bytes], object]


def make_bases() -> list[tuple[str, bytes, Reader]]:
    """Sound files: name, contents, and what reads them."""
    photo, small = make_photo(96, 64), quadrant_image()
    alpha = photo.copy()
    alpha.putalpha(Image.linear_gradient("L").resize(photo.size))
    exif = color_exif(2, orientation=6)
    profile = {"icc_profile": named_profile("P3"), "exif": exif}
    frames = {"save_all": True, "append_images": [photo.rotate(90, expand=False)], "duration": 40}
    pictures = {
        "baseline.jpg": encoded(photo, "JPEG", quality=90, **profile),
        "progressive.jpg": encoded(photo, "JPEG", progressive=True, subsampling=2, exif=exif),
        "cmyk.jpg": encoded(photo.convert("CMYK"), "JPEG"),
        "restart.jpg": encoded(photo, "JPEG", restart_marker_rows=1),
        "alpha.png": encoded(alpha, "PNG", **profile),
        "palette.png": encoded(small.quantize(4), "PNG"),
        "sixteen.png": png_file(quadrants([(40000, 9000, 500)] * 4), depth=16),
        "animated.png": encoded(photo, "PNG", **frames),
        "codes.png": png_file(
            quadrants([(200, 60, 50)] * 4), chunks=png_chunk(b"cICP", bytes((9, 16, 0, 1)))
        ),
        "lossy.webp": encoded(alpha, "WEBP", quality=80, **profile),
        "lossless.webp": encoded(alpha, "WEBP", lossless=True),
        "animated.webp": encoded(photo, "WEBP", **frames),
        "animated.gif": encoded(small.quantize(16), "GIF", **frames),
        "plain.bmp": encoded(photo, "BMP"),
        "palette.bmp": encoded(small.quantize(16), "BMP"),
        "photo.avif": encoded(alpha, "AVIF", quality=70, **profile),
        "photo.heic": encoded(alpha, "HEIF", quality=70, **profile),
        "plain.tif": encoded(photo, "TIFF", **profile),
    }
    for compression in ("tiff_lzw", "tiff_deflate", "jpeg", "packbits", "group4", "tiff_adobe_deflate"):
        image = photo.convert("1") if compression == "group4" else photo
        pictures[f"{compression}.tif"] = encoded(image, "TIFF", compression=compression)
    values = np.asarray(photo).astype(np.uint16) * 257
    kinds = {
        "planes": (np.moveaxis(values, -1, 0), {"photometric": "rgb", "planarconfig": "separate"}),
        "floats": ((values / 65535).astype(np.float32), {"photometric": "rgb", "compression": "zlib"}),
        "predicted": (values, {"photometric": "rgb", "compression": "zlib", "predictor": True}),
        "tiles": (values, {"photometric": "rgb", "tile": (32, 32), "compression": "lzw"}),
        "white": (values[..., 0], {"photometric": "miniswhite"}),
        "lab": (np.asarray(photo), {"photometric": "cielab"}),
        "webp": (np.asarray(photo), {"photometric": "rgb", "compression": "webp"}),
    }
    for name, (array, options) in kinds.items():
        buffer = io.BytesIO()
        tifffile.imwrite(buffer, array, **options)
        pictures[f"{name}.tif"] = buffer.getvalue()
    network = ExamplesNetwork(width=2)
    style = Style(
        name="cat",
        title="A cat",
        rows={"general": np.linspace(-1, 1, 40, dtype=np.float32)},
        networks={"general": "0" * 64},
        picture=encoded(small, "JPEG"),
        thumbnail=encoded(small, "JPEG"),
    )
    look = PhotoLook.fit(photo, make_photo(64, 64, seed=3), PhotoLookConfig(method="instant"))
    return [
        *((name, data, load_image) for name, data in pictures.items()),
        ("style.impasto", encode_style_file(style), load_style_file),
        ("light.look", _look_file(look), PhotoLook.load),
        ("lua.t7", LuaNetwork(width=2).encode(), import_network),
        ("torch.pth", saved(network.state_dict()), import_network),
        ("zoo.onnx", ZooWriter(network).encode(), import_network),
    ]


def _look_file(look: PhotoLook) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        look.save(Path(folder) / "light.look")
        return (Path(folder) / "light.look").read_bytes()


def mutate(data: bytes, chance: random.Random) -> bytes:
    """Change a file as damage and malice do: bits, bytes, numbers at their ends, cuts, doubled parts."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 8))):
        end = min(len(changed), chance.choice((64, 600, len(changed), len(changed))))  # headers more often
        place = chance.randrange(max(1, end))
        kind = chance.choice((0, 0, 0, 1, 1, 2, 2, 3, 4, 5, 6))  # what shifts the rest is less often
        if kind == 0:
            changed[place] ^= 1 << chance.randrange(8)
        elif kind == 1:
            changed[place] = chance.randrange(256)
        elif kind == 2:
            number = chance.choice((0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF))
            changed[place : place + 4] = number.to_bytes(4, chance.choice(("little", "big")))
        elif kind == 3:
            del changed[place : place + chance.choice((1, 4, 100))]
        elif kind == 4:
            changed[place:place] = chance.randbytes(chance.choice((1, 4, 100)))
        elif kind == 5:
            changed[place:place] = changed[place : place + chance.choice((8, 200))]
        else:
            del changed[max(16, chance.randrange(len(changed) + 1)) :]
        if len(changed) < 16:
            break
    return bytes(changed)


@dataclass
class Fuzzing:
    """Reads files, and notes what must not happen.

    Attributes:
        read: Files that gave a picture, style or look.
        refused: Files that gave an error of our own.
        faults: What else happened, with the name and the mutation.
        slowest_s: Longest processor time of a file.
        most_mb: Largest resident memory above the start.
    """

    read: int = 0
    refused: int = 0
    slowest_s: float = 0.0
    most_mb: float = 0.0

    def __post_init__(self) -> None:
        self.faults: list[str] = []
        self._process = psutil.Process()
        self._start = self._process.memory_info().rss

    def check(self, name: str, data: bytes, reader: Reader, label: object) -> None:
        """Read one file."""
        began = time.process_time()
        try:
            reader(data)
            self.read += 1
        except StyleTransferError as error:
            self.refused += 1
            if label == "unchanged" or "\n" in str(error) or len(str(error)) > 400:
                self.faults.append(f"{name} {label}: {error}")
        except Exception as error:
            self.faults.append(f"{name} {label}: {type(error).__name__}: {error}")
        seconds = time.process_time() - began
        size = (self._process.memory_info().rss - self._start) / MEGABYTE
        self.slowest_s, self.most_mb = max(seconds, self.slowest_s), max(size, self.most_mb)
        if seconds > LONGEST_S:
            self.faults.append(f"{name} {label}: {seconds:.1f} s")
        if size > MOST_MEGABYTES:
            self.faults.append(f"{name} {label}: {size:.0f} MB")


def fuzz(files: int, seed: int) -> Fuzzing:
    """Read the sound files, and then so many mutated ones, of all formats in turn."""
    bases, fuzzing = make_bases(), Fuzzing()
    for base in bases:
        fuzzing.check(*base, "unchanged")
    for number in range(files):
        name, data, reader = bases[number % len(bases)]
        mutated = mutate(data, random.Random(f"{seed} {number}"))
        fuzzing.check(name, mutated, reader, (seed, number))
    return fuzzing


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", type=int)
    parser.add_argument("--seed", type=int, default=0)
    fuzzing = fuzz(**vars(parser.parse_args()))
    sys.stdout.write(json.dumps(found(fuzzing), indent=2) + "\n")


def found(fuzzing: Fuzzing) -> dict[str, object]:
    """What was found, as plain data."""
    return {
        "read": fuzzing.read,
        "refused": fuzzing.refused,
        "slowest_s": round(fuzzing.slowest_s, 2),
        "most_mb": round(fuzzing.most_mb),
        "faults": fuzzing.faults,
    }


if __name__ == "__main__":
    main()
