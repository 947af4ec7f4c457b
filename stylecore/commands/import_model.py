"""`import`: a painting network of another project as a style file."""

from __future__ import annotations

import argparse
from pathlib import Path

from stylecore.commands.console import OK, print_json, progress
from stylecore.commands.parsing import add_style_output
from stylecore.images.loading import load_style
from stylecore.styles.files import MAX_TEXT, save_style_file
from stylecore.styles.foreign.ranges import RANGES
from stylecore.styles.style import name_from

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
    add_style_output(parser)
    for name, text in HELPS.items():
        parser.add_argument(f"--{name}", metavar="TEXT", help=text)
    parser.add_argument(
        "--picture",
        type=Path,
        metavar="FILE",
        help="style picture, to show and to keep; default: a photo painted by the network is shown",
    )
    parser.add_argument(
        "--input-range", choices=RANGES, help="colors of an .onnx network; default: found out"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.set_defaults(run=run_import)


def run_import(options: argparse.Namespace) -> int:
    from stylecore.instant.importing import import_style  # needs onnxruntime

    texts = {name: getattr(options, name) or "" for name in HELPS}
    texts["title"] = texts["title"] or options.model.stem[:MAX_TEXT]
    texts["name"] = texts["name"] or name_from(options.model.stem, "imported")
    picture = load_style(options.picture) if options.picture else None
    style = import_style(options.model, **texts, picture=picture, input_range=options.input_range)
    save_style_file(style, options.output)
    progress(f"{options.model} -> {options.output}: {style.origin}, colors {style.input_range}")
    if options.json:
        report = {"output": str(options.output), "origin": style.origin, "input_range": style.input_range}
        print_json(report | {"name": style.name, "sha256": style.sha256})
    return OK
