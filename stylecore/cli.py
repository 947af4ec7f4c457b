"""Command line: `impasto [app | stylize | styles | optimize | train | evaluate | bench | info]`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from stylecore.commands.app import add_app
from stylecore.commands.console import BAD_INPUT, FAILED, fail, one_line, print_json
from stylecore.commands.info import add_info
from stylecore.commands.measure import add_bench, add_evaluate
from stylecore.commands.optimize import add_optimize
from stylecore.commands.parsing import Parser
from stylecore.commands.stylize import add_styles, add_stylize
from stylecore.commands.train import add_train
from stylecore.errors import (
    DeviceError,
    DivergenceError,
    MissingExtraError,
    OutOfMemoryError,
    StyleTransferError,
    WeightsError,
    describe,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status: 0, 1 for a failed run, 2 for wrong usage or bad input."""
    arguments = sys.argv[1:] if arguments is None else arguments
    error = None
    try:
        status, error = _run(arguments)
        if error is not None:
            fail(error, status)
            if "--json" in arguments:
                print_json({"error": one_line(error), "status": status})
        if sys.stdout is not None:  # closed by who started this
            sys.stdout.flush()
        return status
    except OSError as failure:  # of standard output
        if sys.stdout is not None:  # Python writes what is left when it ends
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        # Who reads, such as `head`, may have seen enough.
        is_silent = error is not None or isinstance(failure, BrokenPipeError)
        return FAILED if is_silent else fail(describe(failure), FAILED)


def _run(arguments: Sequence[str]) -> tuple[int, str | None]:
    """The exit status, and what went wrong where the command has not said so itself."""
    try:
        options = build_parser().parse_args(arguments or ["app"])
        return options.run(options), None
    except BrokenPipeError:
        raise
    except (DeviceError, DivergenceError, MissingExtraError, OutOfMemoryError, WeightsError) as error:
        return FAILED, str(error)
    except (StyleTransferError, ValueError) as error:
        return BAD_INPUT, str(error)
    except KeyboardInterrupt:
        return FAILED, "interrupted"
    except Exception as error:  # of torch or ONNX Runtime, such as too little memory on a GPU
        return FAILED, describe(error)


def build_parser() -> Parser:
    parser = Parser(
        prog="impasto", description="Turn photos into paintings. Without a command, opens the app."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add in (add_app, add_stylize, add_styles, add_optimize, add_train, add_evaluate, add_bench, add_info):
        add(commands)
    return parser
