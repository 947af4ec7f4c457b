"""`bench`: speed of the instant styles or of the optimization."""

from __future__ import annotations

import argparse
from pathlib import Path

from stylecore import load_image
from stylecore.commands.console import OK, UsageError, module, print_json, progress
from stylecore.commands.parsing import add_device, add_json, count
from stylecore.images.sizes import MIN_SIDE

SIZES, ROUNDS = [256, 512, 1024], 7  # px, and how often each is timed


def add_bench(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "bench",
        description="Time the instant styles next to other installed style transfer packages, "
        "or measure the optimization. Needs torch.",
    )
    sizes = " ".join(map(str, SIZES))
    parser.add_argument(
        "--sizes", nargs="+", type=count, metavar="PX", help=f"sides of square pictures (default: {sizes})"
    )
    parser.add_argument(
        "--rounds", type=count, metavar="N", help=f"how often each size is timed (default: {ROUNDS})"
    )
    add_device(parser, default=None, use="of the instant styles")
    parser.add_argument(
        "--optimizer",
        nargs=2,
        action="append",
        type=Path,
        metavar=("CONTENT", "STYLE"),
        help="measure the optimization of these two pictures instead; takes about an hour. "
        "The part classic needs three such pairs, the option three times",
    )
    parser.add_argument(
        "--parts",
        nargs="+",
        metavar="PART",
        help="measurements made with --optimizer (default: all but classic, which takes hours)",
    )
    add_json(parser)
    parser.set_defaults(run=run_bench)


def run_bench(options: argparse.Namespace) -> int:
    check_bench(options)
    if options.optimizer:
        pairs = [(load_image(content), load_image(style)) for content, style in options.optimizer]
        benchmark = module("stylecore.measuring.optimization_benchmark")
        parts = options.parts or tuple(benchmark.SINGLE_PARTS)
        report = benchmark.run(pairs, parts, on_progress=progress)
    else:
        benchmark = module("stylecore.measuring.benchmark")
        report = benchmark.run(
            options.sizes or SIZES,
            rounds=options.rounds or ROUNDS,
            device=options.device or "auto",
            on_progress=progress,
        )
    if options.json:
        print_json(report)
    else:
        print(benchmark.as_table(report))
    return OK


def check_bench(options: argparse.Namespace) -> None:
    """Refuse options that would do nothing, and sizes that are too small.

    Raises:
        UsageError: The message names the options.
    """
    unused, word = (("sizes", "rounds", "device"), "with") if options.optimizer else (("parts",), "without")
    if given := [f"--{name}" for name in unused if getattr(options, name)]:
        raise UsageError(f"{', '.join(given)} would do nothing {word} --optimizer")
    if min(options.sizes or SIZES) < MIN_SIDE:
        raise UsageError(f"--sizes {min(options.sizes)}: at least {MIN_SIDE} px are needed")
