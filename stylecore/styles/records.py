"""Records in `weights/`: the ready-made styles as `styles.json` has them, and checksums of all networks."""

from __future__ import annotations

import json
from functools import cache

from stylecore.errors import WeightsError
from stylecore.host.folders import WEIGHTS_FOLDER
from stylecore.host.weights import recorded_checksum
from stylecore.styles.style import GENERAL_MODEL, network_name

ENCODER_MODEL = "encoder.onnx"  # reads a style picture as rows of the general network
STYLES_FILE = WEIGHTS_FOLDER / "styles.json"
VARIANTS_FOLDER = WEIGHTS_FOLDER / "variants"  # graphs without weights, see `stylecore.instant.variants`


@cache
def read_records() -> tuple[dict, ...]:
    """Read `weights/styles.json`.

    Raises:
        WeightsError: It is missing or damaged.
    """
    try:
        return tuple(json.loads(STYLES_FILE.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise WeightsError(f"{STYLES_FILE.name} cannot be read: {error}") from error


def model_checksum(model: str) -> str:
    """Return the recorded SHA-256 of a network file in `weights/`.

    Raises:
        WeightsError: There is no record of this file.
    """
    checksums = network_checksums()
    if network_name(model) not in checksums:
        raise WeightsError(f"{STYLES_FILE.name} has no sha256 for {model}")
    return checksums[network_name(model)]


@cache
def network_checksums() -> dict[str, str]:
    """Return the recorded SHA-256 of all networks that paint styles, by name as in `Style.networks`.

    Raises:
        WeightsError: `styles.json` or `general.json` is missing or damaged.
    """
    checksums = {network_name(GENERAL_MODEL): recorded_checksum(WEIGHTS_FOLDER / GENERAL_MODEL)}
    for record in read_records():
        for network in (record, record.get("fine", {})):
            if {"model", "sha256"} <= network.keys():
                checksums[network_name(network["model"])] = network["sha256"]
    return checksums


def variant_checksums() -> dict[str, str]:
    """Return the recorded SHA-256 of all graphs in `weights/variants/`, by file name.

    Raises:
        WeightsError: The record is missing or damaged.
    """
    path = VARIANTS_FOLDER / "checksums.json"
    try:
        return {str(name): str(sha256) for name, sha256 in json.loads(path.read_text("utf-8")).items()}
    except (OSError, ValueError, AttributeError) as error:
        raise WeightsError(f"variants/{path.name} cannot be read: {error}") from error
