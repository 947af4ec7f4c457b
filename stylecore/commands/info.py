"""`info`: versions, devices that start, and weights with their checksums."""

from __future__ import annotations

import argparse
import json
import platform
from importlib import metadata
from pathlib import Path

from stylecore import __version__
from stylecore.commands.console import FAILED, OK, fail, print_json
from stylecore.commands.parsing import add_json
from stylecore.errors import StyleTransferError
from stylecore.host.extras import RUNTIMES, runtime_conflict
from stylecore.host.folders import WEIGHTS_FOLDER
from stylecore.host.weights import check_weights_file
from stylecore.styles.catalog import ROWS_FILE, list_models
from stylecore.styles.records import ENCODER_MODEL, VARIANTS_FOLDER, model_checksum, variant_checksums
from stylecore.styles.style import GENERAL_MODEL

PACKAGES = ("streamlit", "torch", "torchvision", *RUNTIMES, "openvino", "pillow", "numpy")
# Files whose SHA-256 lies in a `.json` of the same name.
RECORDED_FILES = (
    ROWS_FILE.name,
    GENERAL_MODEL,
    ENCODER_MODEL,
    "vgg19.safetensors",
    "adain_decoder.safetensors",
    "u2netp.onnx",
    "yunet.onnx",
)
EVALUATION_FILE = "style_targets.safetensors"  # for `evaluate` only; not in the wheel


def add_info(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "info",
        description="Show the versions of the packages, the devices that start, and whether the weights "
        "are intact.",
    )
    add_json(parser)
    parser.set_defaults(run=run_info)


def run_info(options: argparse.Namespace) -> int:
    facts = collect_info()
    if options.json:
        print_json(facts)
    else:
        print_info(facts)
    if facts["runtime_conflict"]:
        return fail(facts["runtime_conflict"], FAILED)
    damaged = [name for name, record in facts["weights"].items() if record["state"] != "intact"]
    if damaged:
        return fail(f"{', '.join(damaged)} cannot be used, see above", FAILED)
    return OK


def print_info(facts: dict) -> None:
    print(f"impasto {facts['stylecore']}, Python {facts['python']}, {facts['platform']}")
    for name, version in facts["packages"].items():
        print(f"{name:<16} {version or 'not installed'}")
    for device, state in facts["devices"].items():
        print(f"{device:<16} {state}")
    for name, record in facts["weights"].items():
        size = f"{record['megabytes']:.2f} MB" if record["megabytes"] is not None else "no file"
        print(f"{name:<28} {size:<9}  {(record['sha256'] or 'no record')[:16]}  {record['state']}")


def collect_info() -> dict:
    """Collects versions, devices that really start, and the state of the weights."""
    try:
        weights = {model: _weights(WEIGHTS_FOLDER / model) for model in list_models()}
    except StyleTransferError as error:  # the catalog cannot be read
        weights = {"styles.json": {"sha256": None, "megabytes": None, "state": str(error)}}
    has_evaluation = (WEIGHTS_FOLDER / EVALUATION_FILE).exists()
    names = (*RECORDED_FILES, *[EVALUATION_FILE] * has_evaluation)
    weights |= {name: _weights(WEIGHTS_FOLDER / name) for name in names} | _variants()
    return {
        "stylecore": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in PACKAGES},
        "runtime_conflict": runtime_conflict(),
        "devices": _devices(),
        "weights": weights,
    }


def _devices() -> dict[str, str]:
    try:
        from stylecore.instant.stylizer import FastStylizer

        stylizer = FastStylizer("auto")
    except StyleTransferError as error:
        return {"cpu": f"does not start: {error}", "cuda": f"does not start: {error}"}
    cuda = "starts" if stylizer.device == "cuda" else f"does not start: {stylizer.device_note}"
    return {"cpu": "starts", "cuda": cuda}


def _variants() -> dict[str, dict]:
    """The states of the graphs in `weights/variants/`, by file name."""
    try:
        checksums = variant_checksums()
    except StyleTransferError as error:
        return {"variants/checksums.json": {"sha256": None, "megabytes": None, "state": str(error)}}
    folder = VARIANTS_FOLDER
    return {f"{folder.name}/{name}": _state(folder / name, sha256) for name, sha256 in checksums.items()}


def _weights(path: Path) -> dict:
    """The state of a file in `weights/`, by the checksum in its record."""
    is_of_catalog = path.suffix == ".onnx" and path.name not in RECORDED_FILES
    try:
        sha256 = model_checksum(path.name) if is_of_catalog else _recorded(path.with_suffix(".json"))
    except StyleTransferError as error:
        return {"sha256": None, "megabytes": None, "state": str(error)}
    return _state(path, sha256)


def _state(path: Path, sha256: str | None) -> dict:
    """The recorded SHA-256 of a file, its size, and `intact` or what is wrong."""
    try:
        check_weights_file(path, sha256=sha256)
        state = "intact"
    except StyleTransferError as error:
        state = str(error)
    megabytes = path.stat().st_size / 1e6 if path.is_file() else None
    return {"sha256": sha256, "megabytes": megabytes, "state": state}


def _recorded(record: Path) -> str | None:
    try:
        return json.loads(record.read_text())["sha256"]
    except (OSError, ValueError, KeyError, TypeError):
        return None  # `check_weights_file` says so


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
