"""`styles`: the list of ready-made styles, and of those of the host."""

from __future__ import annotations

import argparse
from dataclasses import fields

from stylecore import list_styles
from stylecore.commands.console import OK, print_json
from stylecore.commands.parsing import add_json
from stylecore.styles.host_styles import FOLDER_VARIABLE
from stylecore.styles.style import Style


def add_styles(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "styles",
        description="List the styles: name, painting, artist, year, license. Style files in the folder "
        f"named by the environment variable {FOLDER_VARIABLE} come after the ready-made ones.",
    )
    add_json(parser)
    parser.set_defaults(run=run_styles)


def run_styles(options: argparse.Namespace) -> int:
    styles = list_styles()
    if options.json:
        names = [field.name for field in fields(Style) if field.type in ("str", "int")]
        print_json({"styles": [{name: getattr(style, name) for name in names} for style in styles]})
    else:
        for style in styles:
            facts = ", ".join(fact for fact in (style.title, style.artist, style.year) if fact)
            print(f"{style.name:<16} {facts}{f' ({style.license})' if style.license else ''}")
    return OK
