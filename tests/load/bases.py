"""Sound files of every format that is read, for mutations, each with its reader."""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import imagecodecs  # noqa: F401 - tifffile needs it for the bases
import numpy as np
import tifffile
from PIL import Image

from stylecore import OptimizationConfig, PhotoLook, PhotoLookConfig, Style, load_image, load_style_file
from stylecore.commands.archives import find_zip_photos
from stylecore.commands.recipes import read_recipe
from stylecore.styles.files import encode_style_file
from stylecore.styles.foreign.importing import import_network
from tests.conftest import encoded, make_photo
from tests.images.quadrants import png_chunk, png_file, quadrant_image, quadrants
from tests.images.test_color_profiles import color_exif, named_profile
from tests.styles.foreign.networks import ExamplesNetwork, LuaNetwork, saved
from tests.styles.foreign.onnx_files import ZooWriter

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
        ("photos.zip", _zip_file(pictures["plain.bmp"]), read_zip),
        ("cat.recipe", _recipe(), lambda data: _read_file(data, read_recipe)),
    ]


def _look_file(look: PhotoLook) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        look.save(Path(folder) / "light.look")
        return (Path(folder) / "light.look").read_bytes()


def _zip_file(photo: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number, method in enumerate((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA)):
            archive.writestr(f"holiday/{number}.bmp", photo, method)
    return buffer.getvalue()


def _recipe() -> bytes:
    styles = [{"name": "wave.jpg", "weight": 0.5}, {"name": "fire.jpg", "weight": 0.5}]
    recipe = {"content": "cat.jpg", "styles": styles, "config": asdict(OptimizationConfig()), "stopped_at": 9}
    return json.dumps(recipe).encode()


def read_zip(data: bytes) -> list[bytes]:
    """The photos in a ZIP file."""
    return _read_file(data, lambda path: [photo.read().read() for photo in find_zip_photos(path)])


def _read_file(data: bytes, reader: Callable[[Path], object]) -> object:
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        return reader(Path(file.name))
