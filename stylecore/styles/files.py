"""Style files, ending `.impasto`: a style to keep, in a safetensors container that can run nothing."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import replace
from os import PathLike
from pathlib import Path

import numpy as np
from PIL import Image
from safetensors.numpy import save

from stylecore.errors import ImageError, StyleError
from stylecore.host.whole_files import write_whole
from stylecore.images.encoding import encode_image
from stylecore.images.loading import load_image
from stylecore.images.sizes import MIN_SIDE, limit_long_side
from stylecore.styles.container import TensorEntry, parse_json, read_container
from stylecore.styles.records import network_checksums
from stylecore.styles.style import GENERAL_MODEL, MAX_NAME, Style, network_name

STYLE_FILE_ENDING = ".impasto"
FORMAT = 1
METADATA_KEY = "impasto"  # a single one: safetensors writes several in changing order
PICTURE_SIDE = 512  # px, long side of the style picture
THUMBNAIL_SIDE = 160  # px, long side
MAX_TEXT = 300  # characters of a name, title and so on
MAX_STROKE_SIZE = 65_536  # px
MAX_ROWS = 65_536  # numbers for one network
MAX_ROW_BYTES = 4 * MAX_ROWS
MAX_TRUNK_BYTES = 16_000_000  # of one tensor, and of all of them
MAX_PICTURE_BYTES = 2_000_000
MAX_NETWORK_BYTES = 100_000_000
MAX_FILE_BYTES = MAX_NETWORK_BYTES + MAX_TRUNK_BYTES + 8_000_000
NAME = re.compile(rf"[A-Za-z0-9_-]{{1,{MAX_NAME}}}")  # of styles and networks
MODEL = re.compile(rf"({NAME.pattern}\.onnx)?")
PARAMETER = re.compile(r"[A-Za-z0-9_.-]{1,200}")
SHA256 = re.compile(r"[0-9a-f]{64}")


# Fields of `Style` that are lines of text, and whole numbers of pixels.
TEXTS = (
    *("name", "title", "artist", "year", "credit", "license", "model", "kind", "fine_model"),
    *("origin", "input_range"),
)
STROKE_SIZES = ("stroke_size", "fine_stroke_size")


def picture_bytes(image: Image.Image, side: int = PICTURE_SIDE) -> bytes:
    """A picture as `Style.picture` and, with `THUMBNAIL_SIDE`, `Style.thumbnail` hold it."""
    return encode_image(limit_long_side(image, side), "JPEG")


def save_style_file(style: Style, path: str | PathLike) -> None:
    """Write a style file; one that is there is replaced once the new one is complete.

    Folders are made where they are missing.

    Raises:
        StyleError: The record would not be read again, see `load_style_file`, or the ending is another.
        OSError: The file cannot be written.
    """
    target = Path(path)
    if target.suffix != STYLE_FILE_ENDING:
        raise StyleError(f"{target.name}: the name of a style file ends in {STYLE_FILE_ENDING}")
    contents = encode_style_file(style)
    _decode(contents)
    write_whole(target, contents)


def load_style_file(source: str | PathLike | bytes) -> Style:
    """Read a style file.

    Args:
        source: Path or contents.
    Returns:
        The style. If it was made for a network that is no longer there, its rows are left out, so that it
        is painted with rows encoded from its picture; its `notice` says so.
    Raises:
        StyleError: Missing, cut, damaged, not a style file, or made for a network that is no longer there
            and without a picture. The message says what came and what is needed.
        WeightsError: The records of the networks are missing or damaged.
    """
    if isinstance(source, bytes):
        data, label = source, "the style file"
    else:
        data, label = read_limited(Path(source), MAX_FILE_BYTES), Path(source).name
    if len(data) > MAX_FILE_BYTES:
        raise StyleError(f"{label} has {len(data)} bytes: at most {MAX_FILE_BYTES} are accepted")
    try:
        return _fitted(_decode(data))
    except StyleError as error:
        raise StyleError(f"{label} cannot be read: {error}") from error


def read_limited(path: Path, max_bytes: int) -> bytes:
    """A file's contents.

    Raises:
        StyleError: There is no file, it cannot be read, or it is larger than `max_bytes`.
    """
    try:
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except FileNotFoundError as error:
        raise StyleError(f"{path.name} does not exist") from error
    except (OSError, ValueError) as error:
        raise StyleError(f"{path.name} cannot be read: {error}") from error
    if len(data) > max_bytes:
        raise StyleError(f"{path.name} is too large: at most {max_bytes / 1e6:.0f} MB are accepted")
    return data


def encode_style_file(style: Style) -> bytes:
    """Contents of a style file; the same for the same style."""
    record = {"format": FORMAT, "networks": dict(style.networks)}
    record |= {name: getattr(style, name) for name in (*TEXTS, *STROKE_SIZES)}
    tensors = {f"rows.{name}": np.ascontiguousarray(rows, np.float32) for name, rows in style.rows.items()}
    for network, changes in style.trunk.items():
        for name, change in changes.items():
            tensors[f"trunk.{network}.{name}"] = np.ascontiguousarray(change, np.float16)
    for name in ("foreign_network", "picture", "thumbnail"):
        if contents := getattr(style, name):
            tensors[name] = np.frombuffer(contents, np.uint8)
    return save(tensors, metadata={METADATA_KEY: json.dumps(record, sort_keys=True)})


def _decode(data: bytes) -> Style:
    entries, metadata = read_container(data)
    if METADATA_KEY not in metadata:
        raise StyleError("it has no description of a style: an .impasto file is needed")
    record = parse_json(metadata[METADATA_KEY], "the description")
    _check_record(record)
    for name, entry in entries.items():
        _check_form(name, entry)
    rows: dict[str, np.ndarray] = {}
    trunk: dict[str, dict[str, np.ndarray]] = defaultdict(dict)
    contents: dict[str, bytes] = {}
    for name, entry in entries.items():
        kind, _, rest = name.partition(".")
        tensor = entry.read(data)
        if kind == "rows":
            rows[rest] = _finite(name, tensor)
        elif kind == "trunk":
            network, _, parameter = rest.partition(".")
            trunk[network][parameter] = _finite(name, tensor)
        else:
            contents[name] = tensor.tobytes()
    style = Style(
        **{name: record[name] for name in (*TEXTS, *STROKE_SIZES)},
        rows=rows,
        networks=record["networks"],
        trunk=dict(trunk),
        foreign_network=contents.get("foreign_network", b""),
        picture=contents.get("picture", b""),
        thumbnail=contents.get("thumbnail", b""),
    )
    _check_whole(style)
    return style


def _fitted(style: Style) -> Style:
    """The style without rows for networks other than those that are there."""
    current = network_checksums()
    if all(current.get(network) == sha256 for network, sha256 in style.networks.items()):
        return style
    if not style.picture:
        raise StyleError(
            "it was made for a network that is no longer there, and has no picture to be read anew: "
            "learn it again from its picture"
        )
    return replace(
        style,
        model=GENERAL_MODEL,
        fine_model="",
        rows={},
        networks={},
        trunk={},
        notice=f"{style.title or style.name} was made for an earlier network, so it was read anew from its "
        "picture: learn it again for its full quality.",
    )


def _check_record(record: dict) -> None:
    if record.get("format") != FORMAT:
        raise StyleError(f"it is of format {str(record.get('format'))[:20]}: format {FORMAT} is needed")
    if record.keys() != {"format", "networks", *TEXTS, *STROKE_SIZES}:
        raise StyleError("its description lacks entries, or has unknown ones: the file is damaged")
    for name in TEXTS:
        value = record[name]
        # Other characters than these can turn a line of text into something else on a page or terminal.
        if not isinstance(value, str) or len(value) > MAX_TEXT or not value.isprintable():
            raise StyleError(f"its {name} is no line of at most {MAX_TEXT} printable characters")
    if not NAME.fullmatch(record["name"]):
        raise StyleError(
            f"its name is {record['name'][:80]!r}: letters, digits, _ and - are needed, up to 80"
        )
    if not all(MODEL.fullmatch(record[name]) for name in ("model", "fine_model")):
        raise StyleError("it does not name its networks as NAME.onnx")
    for size in (record[name] for name in STROKE_SIZES):
        if type(size) is not int or not 1 <= size <= MAX_STROKE_SIZE:
            raise StyleError(f"its stroke size is {str(size)[:20]}: 1 to {MAX_STROKE_SIZE} px are needed")
    networks = record["networks"]
    if not isinstance(networks, dict) or not all(
        NAME.fullmatch(name) and isinstance(sha256, str) and SHA256.fullmatch(sha256)
        for name, sha256 in networks.items()
    ):
        raise StyleError("it does not say by SHA-256 for which networks its rows are")


def _check_form(name: str, entry: TensorEntry) -> None:
    kind, _, rest = name.partition(".")
    network, _, parameter = rest.partition(".")
    size = entry.end - entry.start
    limits = {
        "foreign_network": MAX_NETWORK_BYTES,
        "picture": MAX_PICTURE_BYTES,
        "thumbnail": MAX_PICTURE_BYTES,
    }
    if name in limits:
        dtype, limit, is_known = "U8", limits[name], len(entry.shape) == 1
    elif kind == "rows":
        dtype, limit = "F32", MAX_ROW_BYTES
        is_known = len(entry.shape) == 1 and NAME.fullmatch(rest) is not None
    else:
        is_names = NAME.fullmatch(network) and PARAMETER.fullmatch(parameter)
        is_known = kind == "trunk" and is_names is not None
        dtype, limit = "F16", MAX_TRUNK_BYTES
    if not is_known or entry.dtype != dtype:
        raise StyleError(f"it holds {name[:80]!r} as {entry.dtype}, which is no part of a style file")
    if not 0 < size <= limit:
        raise StyleError(f"its {name[:80]!r} has {size} bytes: 1 to {limit} are accepted")


def _finite(name: str, tensor: np.ndarray) -> np.ndarray:
    if not np.isfinite(tensor).all():
        raise StyleError(f"its {name[:80]!r} has values that are not finite: the file is damaged")
    return tensor


def _check_whole(style: Style) -> None:
    if style.rows.keys() != style.networks.keys():
        raise StyleError("its rows and the SHA-256 of their networks do not belong together")
    used = {network_name(model) for model in (style.model, style.fine_model) if model}
    if style.rows and not used <= style.rows.keys():
        raise StyleError(f"it has no rows for all of the networks {', '.join(sorted(used))} that it names")
    if style.rows and style.foreign_network:
        raise StyleError("it has both rows and a network of its own: one of them is needed")
    if not style.trunk.keys() <= style.rows.keys():
        raise StyleError("it changes a network for which it has no rows")
    if (
        sum(change.nbytes for changes in style.trunk.values() for change in changes.values())
        > MAX_TRUNK_BYTES
    ):
        raise StyleError(f"its changes of networks have over {MAX_TRUNK_BYTES} bytes, which is too much")
    if not (style.rows or style.foreign_network or style.picture):
        raise StyleError("it has neither rows nor a network nor a picture: one of them is needed")
    for name, side in (("picture", PICTURE_SIDE), ("thumbnail", THUMBNAIL_SIDE)):
        if contents := getattr(style, name):
            _check_picture(name, contents, side)


def _check_picture(name: str, contents: bytes, side: int) -> None:
    if not contents.startswith(b"\xff\xd8\xff"):
        raise StyleError(f"its {name} is no JPEG")
    try:
        # Narrow strips are longer, so that their short side has enough pixels.
        image = load_image(contents, max_megapixels=side * side * 2 / 1e6)
    except ImageError as error:
        raise StyleError(f"its {name} is damaged: {error}") from error
    if max(image.size) > side and min(image.size) > MIN_SIDE:
        raise StyleError(f"its {name} has {image.width} x {image.height} px: at most {side} px are accepted")
