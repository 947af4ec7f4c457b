"""Styles that whoever runs the app or command line adds for everybody: style files in a folder."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from stylecore.errors import StyleError
from stylecore.styles.files import STYLE_FILE_ENDING, load_style_file
from stylecore.styles.style import Style

FOLDER_VARIABLE = "IMPASTO_STYLES"  # environment variable with the folder

logger = logging.getLogger(__name__)


def host_styles(taken: Collection[str]) -> list[Style]:
    """Read the style files of the folder named by `IMPASTO_STYLES`, in the order of their names.

    A file that cannot be read is logged once, and again when it changes; the others are returned.

    Args:
        taken: Names of other styles; a style of such a name gets a number behind its name.
    Raises:
        WeightsError: As for `load_style_file`.
    """
    folder = os.environ.get(FOLDER_VARIABLE)
    if not folder:
        return []
    styles = (_read(*version) for version in _versions(folder))
    names, named = set(taken), []
    for style in styles:
        if style is not None:
            named.append(_with_free_name(style, frozenset(names)))
            names.add(named[-1].name)
    return named


def _versions(folder: str) -> list[tuple[Path, int, int]]:
    """Path, time of change and size of each style file."""
    try:
        paths = sorted(path for path in Path(folder).iterdir() if path.suffix == STYLE_FILE_ENDING)
    except OSError as error:
        _log_once(f"the styles of {FOLDER_VARIABLE} are missing: {error}")
        return []
    return [_version(path) for path in paths]


def _version(path: Path) -> tuple[Path, int, int]:
    try:
        state = path.stat()
    except OSError:  # a link to nowhere, which reading it reports
        return path, 0, 0
    return path, state.st_mtime_ns, state.st_size


@lru_cache(maxsize=1000)
def _read(path: Path, _changed: int, _size: int) -> Style | None:
    try:
        return load_style_file(path)
    except StyleError as error:
        logger.warning("a style of %s is missing: %s", FOLDER_VARIABLE, error)
        return None


@lru_cache(maxsize=1000)
def _with_free_name(style: Style, taken: frozenset[str]) -> Style:
    number, name = 2, style.name
    while name in taken:
        name, number = f"{style.name}_{number}", number + 1
    return style if name == style.name else replace(style, name=name)


@lru_cache(maxsize=100)
def _log_once(message: str) -> None:
    logger.warning(message)
