"""Look files, ending `.look`: a photo look to keep, in a safetensors container that can run nothing."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields
from os import PathLike
from pathlib import Path

import numpy as np
from PIL import Image
from safetensors.numpy import save

from stylecore.errors import ImageError, StyleError
from stylecore.host.whole_files import write_whole
from stylecore.images.encoding import encode_image
from stylecore.images.loading import load_image
from stylecore.photoreal.config import PhotoLookConfig, check_look_config
from stylecore.styles.container import TensorEntry, parse_json, read_container
from stylecore.styles.files import read_limited

LOOK_FILE_ENDING = ".look"
FORMAT = 1
METADATA_KEY = "impasto_look"
REFERENCE_SIDE = 512  # px, long side
MAX_CELLS = (16, 32, 32)  # of luma, rows and columns
NUMBERS = 12  # of a color transform
MAX_PICTURE_BYTES = 2_000_000
MAX_FILE_BYTES = 4 * NUMBERS * (math.prod(MAX_CELLS) + MAX_CELLS[0]) + MAX_PICTURE_BYTES + 100_000
THUMBNAIL_SHAPE = (8, 8, 3)
LARGEST = 1000.0  # of a grid's numbers


@dataclass(frozen=True)
class LookRecord:
    """What a look file holds; see `stylecore.photoreal.looks.PhotoLook`."""

    grid: np.ndarray
    global_grid: np.ndarray
    thumbnail: np.ndarray
    reference: Image.Image
    config: PhotoLookConfig


def write_look(record: LookRecord, path: str | PathLike) -> None:
    """Write a look file; one that is there is replaced once the new one is complete.

    Raises:
        StyleError: The name has another ending.
        OSError: The file cannot be written.
    """
    target = Path(path)
    if target.suffix != LOOK_FILE_ENDING:
        raise StyleError(f"{target.name}: the name of a look file ends in {LOOK_FILE_ENDING}")
    write_whole(target, encode_look(record))


def encode_look(record: LookRecord) -> bytes:
    """Contents of a look file; the same for the same look."""
    tensors = {
        "grid": _flat(record.grid),
        "global_grid": _flat(record.global_grid),
        "thumbnail": np.ascontiguousarray(record.thumbnail, np.uint8),
        "reference": np.frombuffer(encode_image(record.reference, "JPEG"), np.uint8),
    }
    facts = {"format": FORMAT, "config": asdict(record.config)}
    return save(tensors, metadata={METADATA_KEY: json.dumps(facts, sort_keys=True)})


def _flat(grid: np.ndarray) -> np.ndarray:
    """Transforms as rows of numbers: containers have at most four dimensions."""
    return np.ascontiguousarray(grid.reshape(*grid.shape[:3], NUMBERS), np.float32)


def read_look(source: str | PathLike | bytes) -> LookRecord:
    """Read a look file, or its contents.

    Raises:
        StyleError: Missing, cut, damaged, or no look.
    """
    if isinstance(source, bytes):
        data, label = source, "the look file"
        if len(data) > MAX_FILE_BYTES:
            raise StyleError(f"{label} has {len(data)} bytes: at most {MAX_FILE_BYTES} are accepted")
    else:
        data, label = read_limited(Path(source), MAX_FILE_BYTES), Path(source).name
    try:
        return _decode(data)
    except StyleError as error:
        raise StyleError(f"{label} cannot be read: {error}") from error


def _decode(data: bytes) -> LookRecord:
    entries, metadata = read_container(data)
    if METADATA_KEY not in metadata:
        raise StyleError(f"it has no description of a look: a {LOOK_FILE_ENDING} file is needed")
    facts = parse_json(metadata[METADATA_KEY], "the description")
    if facts.get("format") != FORMAT:
        raise StyleError(f"it is of format {str(facts.get('format'))[:20]}: format {FORMAT} is needed")
    if facts.keys() != {"format", "config"}:
        raise StyleError("its description lacks entries, or has unknown ones: the file is damaged")
    _check_forms(entries)
    return LookRecord(
        grid=_numbers("grid", entries, data),
        global_grid=_numbers("global_grid", entries, data),
        thumbnail=entries["thumbnail"].read(data).copy(),
        reference=_picture(entries["reference"].read(data).tobytes()),
        config=_config(facts["config"]),
    )


def _check_forms(entries: dict[str, TensorEntry]) -> None:
    names = {"grid", "global_grid", "thumbnail", "reference"}
    if entries.keys() != names:
        raise StyleError(f"it holds other tensors than {', '.join(sorted(names))}: the file is damaged")
    grid, overall = entries["grid"], entries["global_grid"]
    for entry in (grid, overall):
        if entry.dtype != "F32" or len(entry.shape) != 4 or entry.shape[3] != NUMBERS:
            raise StyleError("its grid is no grid of color transforms: the file is damaged")
        if not all(1 <= n <= most for n, most in zip(entry.shape, MAX_CELLS, strict=False)):
            raise StyleError(f"its grid has other than 1 to {MAX_CELLS} cells of luma, rows and columns")
    if overall.shape != (grid.shape[0], 1, 1, NUMBERS):
        raise StyleError("its grid and its global part do not belong together: the file is damaged")
    if entries["thumbnail"].dtype != "U8" or entries["thumbnail"].shape != THUMBNAIL_SHAPE:
        raise StyleError("its thumbnail has another form than is needed: the file is damaged")
    picture = entries["reference"]
    if picture.dtype != "U8" or len(picture.shape) != 1 or not 0 < picture.shape[0] <= MAX_PICTURE_BYTES:
        raise StyleError(f"its picture has other than 1 to {MAX_PICTURE_BYTES} bytes")


def _numbers(name: str, entries: dict[str, TensorEntry], data: bytes) -> np.ndarray:
    values = entries[name].read(data)
    if not (np.abs(values) <= LARGEST).all():  # nor of those that are not a number
        raise StyleError(f"its {name} has values beyond {LARGEST:g}, or not finite: the file is damaged")
    return values.reshape(*values.shape[:3], 3, 4).copy()


def _picture(contents: bytes) -> Image.Image:
    if not contents.startswith(b"\xff\xd8\xff"):
        raise StyleError("its picture is no JPEG")
    try:
        # Narrow strips are longer, so that their short side has enough pixels.
        return load_image(contents, max_megapixels=REFERENCE_SIDE**2 * 2 / 1e6)
    except ImageError as error:
        raise StyleError(f"its picture is damaged: {error}") from error


def _config(values: object) -> PhotoLookConfig:
    known = {each.name: type(each.default) for each in fields(PhotoLookConfig)}
    if not isinstance(values, dict) or values.keys() != known.keys():
        raise StyleError("its settings lack entries, or have unknown ones: the file is damaged")
    for name, value in values.items():
        allowed = (
            (int, type(None)) if name == "steps" else (int, float) if known[name] is float else known[name]
        )
        if not isinstance(value, allowed) or isinstance(value, bool):
            raise StyleError(
                f"its setting {name} is {str(value)[:20]!r}, which is of another kind than needed"
            )
    try:
        config = PhotoLookConfig(**values)
        check_look_config(config)
    except ValueError as error:
        raise StyleError(f"its settings cannot be used: {error}") from error
    return config
