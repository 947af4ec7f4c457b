"""Command line: `python -m stylecore stylize | styles | optimize | train | evaluate | bench | info`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from stylecore.commands.console import BAD_INPUT, FAILED, fail
from stylecore.commands.info import add_info
from stylecore.commands.measure import add_bench, add_evaluate
from stylecore.commands.optimize import add_optimize
from stylecore.commands.parsing import Parser
from stylecore.commands.stylize import add_styles, add_stylize
from stylecore.commands.train import add_train
from stylecore.errors import (
    DeviceError,
    DivergenceError,
    OutOfMemoryError,
    StyleTransferError,
    WeightsError,
    describe,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status: 0, 1 for a failed run, 2 for wrong usage or bad input."""
    try:
        options = build_parser().parse_args(arguments)
        status = options.run(options)
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # who reads, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except (DeviceError, DivergenceError, OutOfMemoryError, WeightsError) as error:
        return fail(error, FAILED)
    except (StyleTransferError, ValueError) as error:
        return fail(error, BAD_INPUT)
    except KeyboardInterrupt:
        return fail("interrupted", FAILED)
    except Exception as error:  # of torch or ONNX Runtime, such as too little memory on a GPU
        return fail(describe(error), FAILED)


def build_parser() -> Parser:
    parser = Parser(prog="python -m stylecore", description="Turn photos into paintings.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add in (add_stylize, add_styles, add_optimize, add_train, add_evaluate, add_bench, add_info):
        add(commands)
    return parser
