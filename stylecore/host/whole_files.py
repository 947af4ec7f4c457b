"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import secrets
from os import PathLike
from pathlib import Path


def write_whole(path: str | PathLike, contents: bytes) -> None:
    """Write a file; one that is there is replaced once the new one is complete.

    Missing folders are made, and a link stays one.

    Raises:
        OSError: The file cannot be written; one that was there is unchanged.
    """
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{secrets.token_hex(8)}.partial")
    try:
        partial.write_bytes(contents)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
