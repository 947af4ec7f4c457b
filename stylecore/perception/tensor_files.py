"""Safetensors files in `weights/`, each with a `.json` of its facts and SHA-256 next to it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load, save_file
from torch import Tensor

from stylecore.errors import WeightsError
from stylecore.host.weights import read_weights_file


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a file by name.

    Raises:
        WeightsError: The file or its record is missing, or the file is damaged.
    """
    contents = read_weights_file(path)
    try:
        return load(contents)
    except SafetensorError as error:
        raise WeightsError(f"{path.name} cannot be read: {error}") from error


def write_tensors(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, str]) -> str:
    """Write a file that `read_tensors` reads, and its record; returns the SHA-256."""
    save_file(dict(tensors), path, metadata=dict(facts))
    path.chmod(0o644)  # safetensors makes it readable by the owner alone
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_suffix(".json").write_text(json.dumps({**facts, "sha256": sha256}, indent=2) + "\n")
    return sha256
