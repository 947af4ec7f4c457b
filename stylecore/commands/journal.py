"""What earlier runs of a folder have painted, so that it is not painted again."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from stylecore.commands.archives import ZipPhoto

FOLDER = ".impasto"  # in the folder of the paintings; its files have a line for each of them


class Journal:
    """Notes each painting in a file of its own process. Several processes can write at once.

    Args:
        outputs: Folder of the paintings.
    """

    def __init__(self, outputs: Path) -> None:
        self._folder = outputs / FOLDER
        self._name = f"{secrets.token_hex(8)}.jsonl"

    def note(self, key: str, report: Mapping[str, object]) -> None:
        """Append the report of a painting that is in its place."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / self._name).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"key": key, "report": report}) + "\n")

    def read(self) -> dict[str, dict]:
        """Reports by key, of paintings that are still there; a line cut by the end of its run is skipped."""
        reports = {}
        for path in sorted(self._folder.glob("*.jsonl")):
            for line in path.read_text(encoding="utf-8").splitlines():
                try:
                    entry = json.loads(line)
                    key, report, output = entry["key"], entry["report"], entry["report"]["output"]
                except (ValueError, KeyError, TypeError):
                    continue
                if os.path.isfile(output):
                    reports[key] = report
        return reports


def settings_key(settings: object) -> str:
    """A checksum of everything that a painting depends on but its photo."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()


def photo_key(source: Path | ZipPhoto, output: Path, settings: str) -> str:
    """A checksum of a photo as it is now, its painting's path, and the settings."""
    if isinstance(source, ZipPhoto):
        state: list = [str(source), source.checksum]
    else:
        try:
            stat = source.stat()
            state = [str(source), stat.st_size, stat.st_mtime_ns]
        except OSError:  # painting it reports why
            state = [str(source)]
    return settings_key([state, str(output), settings])
