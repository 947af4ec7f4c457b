"""Checksums of the files in `weights/`."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from stylecore.errors import WeightsError


def check_weights_file(path: Path, *, sha256: str | None = None) -> None:
    """Compare a file in `weights/` with its recorded SHA-256.

    Args:
        path: The file.
        sha256: Expected digest; by default the one in the `.json` file of the same name.
    Raises:
        WeightsError: The file or its record is missing, or the digests differ.
    """
    read_weights_file(path, sha256=sha256)


def read_weights_file(path: Path, *, sha256: str | None = None) -> bytes:
    """Read a file in `weights/` and compare it with its recorded SHA-256.

    What is done with the contents goes on when the file is exchanged or cut afterwards. Libraries that are
    given the path map it into memory, and a process that touches a map of a file that was cut is killed.

    Args, Raises: See `check_weights_file`.
    """
    if not path.is_file():
        raise WeightsError(f"{path.name} is missing: it belongs in {path.parent}")
    sha256 = recorded_checksum(path) if sha256 is None else sha256
    contents = path.read_bytes()
    found = hashlib.sha256(contents).hexdigest()
    if found != sha256:
        raise WeightsError(
            f"{path.name} is damaged: its SHA-256 begins with {found[:12]}, needed is {sha256[:12]}"
        )
    return contents


def check_checkpoint(path: Path) -> None:
    """Compare a checkpoint in `weights/` with its SHA-256 in `checkpoints.json` next to it.

    Raises:
        WeightsError: The file or its record is missing, or the digests differ.
    """
    records = path.with_name("checkpoints.json")
    try:
        sha256 = str(json.loads(records.read_text(encoding="utf-8"))[path.name])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{records.name} with the sha256 of {path.name} is needed: {error!r}") from error
    check_weights_file(path, sha256=sha256)


def recorded_checksum(path: Path) -> str:
    """Return the SHA-256 in the `.json` file of the same name as a file in `weights/`.

    Raises:
        WeightsError: The `.json` file is missing or has none.
    """
    try:
        return str(json.loads(path.with_suffix(".json").read_text())["sha256"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(
            f"{path.with_suffix('.json').name} with the sha256 of {path.name} is needed: {error!r}"
        ) from error
