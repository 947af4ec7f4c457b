"""Options that several commands share, options made from a dataclass, and how their values are read."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

from stylecore.commands.console import UsageError
from stylecore.errors import StyleError
from stylecore.host.device_choices import DEVICES
from stylecore.styles.blends import parse_blend
from stylecore.styles.files import STYLE_FILE_ENDING

# By the annotation of a field; a tuple's option takes several values.
KINDS = {
    "int": {"type": int, "metavar": "N"},
    "int | None": {"type": int, "metavar": "N"},
    "float": {"type": float, "metavar": "X"},
    "str": {"metavar": "NAME"},
    "bool": {"action": argparse.BooleanOptionalAction},
    "tuple[str, ...]": {"nargs": "+", "metavar": "NAME"},
    "tuple[float, ...] | None": {"nargs": "+", "type": float, "metavar": "X"},
    "Mapping[str, float]": {"metavar": "NAME:NUMBER,..."},
    "Mapping[str, int]": {"metavar": "NAME:NUMBER,..."},
}


class Parser(argparse.ArgumentParser):
    """Reports wrong usage in one line, as every other error."""

    def error(self, message: str) -> None:
        raise UsageError(f"{message} (see {self.prog} --help)")


def add_json(parser: argparse._ActionsContainer) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object on standard output")


def add_device(parser: argparse.ArgumentParser, *, default: str | None, use: str = "") -> None:
    """The option --device; without a default, it is None where the command line has none."""
    words = f"device {use}".strip()
    parser.add_argument(
        "--device", default=default, choices=DEVICES, help=f"{words} (default: {default or 'auto'})"
    )


def add_style_output(parser: argparse.ArgumentParser) -> None:
    """The option --output of commands that write a style file."""
    parser.add_argument(
        "-o",
        "--output",
        type=style_file_path,
        required=True,
        metavar=f"FILE{STYLE_FILE_ENDING}",
        help="style file to write",
    )


def add_settings(
    parser: argparse.ArgumentParser,
    config: type,
    helps: Mapping[str, str],
    *,
    title: str = "settings",
    others: Mapping[str, type] = MappingProxyType({}),
) -> None:
    """Adds an option for each field of a dataclass of settings that has none yet, named after the field.

    Args:
        parser: Gets the options, in a group of their own in its help.
        config: The dataclass.
        helps: What fields mean, by name; the default is added.
        title: Of the group.
        others: Dataclasses that options of these names choose instead; other defaults are added.
    """
    given = {action.dest for action in parser._actions}
    group = parser.add_argument_group(title)
    for field in fields(config):
        if field.name in given:
            continue
        default = field.default
        is_off = default is MISSING or default is None or default is False
        known = "" if is_off else f"(default: {format_default(default)}{_others(field, others)})"
        words = f"{helps.get(field.name, '')} {known}".strip()
        name = field.name.removeprefix("is_").replace("_", "-")
        group.add_argument(
            f"--{name}", dest=field.name, default=None, help=words.replace("%", "%%"), **KINDS[field.type]
        )


def _others(field: Field, others: Mapping[str, type]) -> str:
    """Defaults of a field in other dataclasses, where they differ."""
    defaults = {
        option: own.default
        for option, other in others.items()
        for own in fields(other)
        if own.name == field.name
    }
    return "".join(
        f"; {format_default(default)} with {option}"
        for option, default in defaults.items()
        if default != field.default
    )


def format_default(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def given_settings(options: argparse.Namespace, config: type) -> dict[str, Any]:
    """The fields of a dataclass of settings that the command line sets.

    Raises:
        UsageError: A mapping that is not of the form NAME:NUMBER,NAME:NUMBER.
    """
    given = {}
    for field in fields(config):
        value = getattr(options, field.name, None)
        if value is None:
            continue
        option = f"--{field.name.replace('_', '-')}"
        if field.type.startswith("Mapping"):
            value = parse_weights(value, option)
            if field.type.endswith("int]"):
                if not all(number.is_integer() for number in value.values()):
                    raise UsageError(f"{option}: whole numbers are needed, as NAME:2,NAME:3")
                value = {name: int(number) for name, number in value.items()}
        given[field.name] = tuple(value) if isinstance(value, list) else value
    return given


def style_file_path(text: str) -> Path:
    """Reads the path of a style file to write, for argparse."""
    if not text.endswith(STYLE_FILE_ENDING):
        raise argparse.ArgumentTypeError(f"{text}: the name of a style file ends in {STYLE_FILE_ENDING}")
    return Path(text)


def count(text: str) -> int:
    """Reads a whole number of at least 1, for argparse."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} given, a whole number of at least 1 is needed")
    return int(text)


def parse_weights(text: str, option: str = "--style") -> dict[str, float]:
    """Reads `NAME` or `NAME:WEIGHT,NAME:WEIGHT` as weights by style name.

    Raises:
        UsageError: Another form.
    """
    try:
        return parse_blend(text)
    except StyleError as error:
        raise UsageError(f"{option} {text}: {error}") from error
