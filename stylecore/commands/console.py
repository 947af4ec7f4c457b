"""How the commands talk: progress on standard error, JSON on standard output, the exit status."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from types import ModuleType

from stylecore.errors import StyleTransferError
from stylecore.host.extras import import_extra

OK, FAILED, BAD_INPUT = 0, 1, 2


class UsageError(StyleTransferError):
    """The command line makes no sense; the message says what does."""


def print_json(value: dict) -> None:
    """The one JSON object of a command; RFC 8259 knows no NaN."""
    print(json.dumps(value, indent=2, allow_nan=False))


def progress(line: str) -> None:
    if sys.stderr is not None:  # closed: `print` would take standard output
        print(line, file=sys.stderr, flush=True)


def one_line(error: object) -> str:
    return " ".join(str(error).split())


def fail(error: object, status: int) -> int:
    """Say in one line what went wrong; returns the status."""
    progress(f"error: {one_line(error)}")
    return status


def module(name: str) -> ModuleType:
    """A module that needs torch, imported where it is needed.

    Raises:
        MissingExtraError: torch is not installed.
    """
    import_extra("torch")
    return import_module(name)
