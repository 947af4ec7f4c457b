"""`import`: a painting network of another project as a style file."""

from __future__ import annotations

import argparse
from pathlib import Path

from stylecore.commands.console import OK, UsageError, print_json, progress
from stylecore.images.loading import load_style
from stylecore.styles.files import (
    MAX_TEXT,
    STYLE_FILE_ENDING,
    THUMBNAIL_SIDE,
    picture_bytes,
    save_style_file,
)
from stylecore.styles.foreign.importing import import_network
from stylecore.styles.foreign.ranges import RANGES
from stylecore.styles.style import Style, name_from

# What is known of the style; all but the name is free text.
HELPS = {
    "name": "identifier; default: the file's name",
    "title": "name for people; default: the file's name",
    "artist": "who made the picture that the network learned",
    "year": "when",
    "credit": "where the network comes from",
    "license": "terms of the network",
}


def add_import(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("import", help="keep a painting network of another project as a style")
    parser.add_argument(
        "model",
        type=Path,
        metavar="MODEL",
        help=".t7 of fast-neural-style, .pth or .model of pytorch/examples, or .onnx",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar=f"FILE{STYLE_FILE_ENDING}",
        help="style file to write",
    )
    for name, text in HELPS.items():
        parser.add_argument(f"--{name}", metavar="TEXT", help=text)
    parser.add_argument("--picture", type=Path, metavar="FILE", help="style picture, to show and to keep")
    parser.add_argument(
        "--input-range", choices=RANGES, help="colors of an .onnx network; default: found out"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.set_defaults(run=run_import)


def run_import(options: argparse.Namespace) -> int:
    if options.output.suffix != STYLE_FILE_ENDING:
        raise UsageError(f"{options.output}: the name of a style file ends in {STYLE_FILE_ENDING}")
    pictures = {}
    if options.picture:
        picture = load_style(options.picture)
        pictures = {"picture": picture_bytes(picture), "thumbnail": picture_bytes(picture, THUMBNAIL_SIDE)}
    imported = import_network(options.model, input_range=options.input_range)
    texts = {name: getattr(options, name) or "" for name in HELPS}
    texts["name"] = texts["name"] or name_from(options.model.stem, "imported")
    texts["title"] = texts["title"] or options.model.stem[:MAX_TEXT]
    style = Style(
        **texts,
        **pictures,
        origin=f"imported from {imported.kind}",
        input_range=imported.input_range,
        foreign_network=imported.network,
    )
    save_style_file(style, options.output)
    progress(f"{options.model} -> {options.output}: {imported.kind}, colors {imported.input_range}")
    if options.json:
        report = {"output": str(options.output), "kind": imported.kind, "input_range": imported.input_range}
        print_json(report | {"name": style.name, "sha256": style.sha256})
    return OK
