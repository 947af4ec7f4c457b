"""`stylize` and `styles`: photos painted in the ready-made styles, and which there are."""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import asdict

from stylecore import list_styles
from stylecore.commands.console import BAD_INPUT, FAILED, OK, UsageError, fail, print_json, progress
from stylecore.commands.files import (
    STANDARD_STREAM,
    check_output,
    find_sources,
    output_hint,
    output_path,
    read_source,
    write_output,
)
from stylecore.commands.parsing import parse_weights
from stylecore.errors import ImageError, StyleTransferError, describe
from stylecore.images import check_max_side, free_path


def add_stylize(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("stylize", help="paint photos in ready-made styles")
    parser.add_argument("photos", nargs="+", metavar="PHOTO", help="file, folder, or - for standard input")
    parser.add_argument("--style", required=True, help="NAME, or NAME:0.6,NAME:0.4 for a blend")
    parser.add_argument("-o", "--output", help="file, folder, or - for standard output")
    parser.add_argument("--strength", type=float, default=1.0, help="0 (photo) to 2; default 1")
    parser.add_argument("--preserve-color", action="store_true", help="keep the photo's colors")
    parser.add_argument(
        "--stroke-size",
        type=int,
        metavar="PX",
        help="128 to 65536; default: as the style was learned, 512 for ready-made ones",
    )
    parser.add_argument("--max-side", type=int, metavar="PX", help="scale larger photos down")
    parser.add_argument(
        "--fine", action="store_true", help="clearer faces and brush work, in up to three times the time"
    )
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.set_defaults(run=run_stylize)


def add_styles(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("styles", help="list the ready-made styles")
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(run=run_styles)


def run_stylize(options: argparse.Namespace) -> int:
    from stylecore.inference import FastStylizer, check_settings, resolve_styles

    # Everything is checked before the network is loaded, so that bad input costs nothing.
    weights = parse_weights(options.style)
    resolve_styles(weights)
    check_settings(options.strength, options.stroke_size)
    check_max_side(options.max_side)
    if options.json and options.output == STANDARD_STREAM:
        raise UsageError("--json and -o - both want standard output: give one of them up")
    sources, failed = find_sources(options.photos)
    taken, label = set(), "_".join(name for name, weight in weights.items() if weight)
    is_one = len(options.photos) == 1 and not os.path.isdir(options.photos[0])
    outputs = [output_path(source, options.output, label, is_one=is_one) for source in sources]
    outputs = [output if output == STANDARD_STREAM else free_path(output, taken) for output in outputs]
    hint = output_hint(options.photos, options.output, least=1)
    for failure in failed:
        fail(failure["error"], BAD_INPUT)
    status = BAD_INPUT if failed else OK

    stylizer = None
    done = []
    for source, output in zip(sources, outputs, strict=True):
        try:
            check_output(output, sources)
            image = read_source(source, max_side=options.max_side)
            stylizer = stylizer or FastStylizer(options.device)
            started = time.perf_counter()
            stylized = stylizer.stylize(
                image,
                weights,
                strength=options.strength,
                preserve_color=options.preserve_color,
                stroke_size=options.stroke_size,
                max_side=options.max_side,
                fine=options.fine,
            )
            milliseconds = round((time.perf_counter() - started) * 1000)
            write_output(stylized, output)
        except BrokenPipeError:
            raise  # whoever read has gone
        except (Exception, KeyboardInterrupt) as error:
            is_input = isinstance(error, ImageError)
            # Of the installation, or wanted: no further photo can be painted.
            is_end = isinstance(error, (StyleTransferError, KeyboardInterrupt)) and not is_input
            if is_end and not (done or failed):
                raise  # there is nothing to report
            message = "interrupted" if isinstance(error, KeyboardInterrupt) else describe(error)
            message += hint if is_input and source is sources[-1] else ""
            failed.append({"photo": str(source), "error": message})
            status = fail(message, BAD_INPUT if is_input and status != FAILED else FAILED)
            if is_end:
                break
            continue
        done.append(
            {
                "photo": str(source),
                "output": str(output),
                "width": stylized.width,
                "height": stylized.height,
                "milliseconds": milliseconds,
            }
        )
        size = f"{stylized.width} x {stylized.height} px"
        progress(f"{source} -> {output}: {size}, {milliseconds} ms on {stylizer.device}")
    if options.json:
        device = stylizer.device if stylizer else None
        print_json({"device": device, "style": options.style, "pictures": done, "errors": failed})
    return status


def run_styles(options: argparse.Namespace) -> int:
    styles = list_styles()
    if options.json:
        print_json({"styles": [asdict(style) for style in styles]})
    else:
        for style in styles:
            print(f"{style.name:<16} {style.title}, {style.artist}, {style.year} ({style.license})")
    return OK
