"""The command line, `impasto`: runs one of the commands, and reports errors in one line."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from stylecore import __version__
from stylecore.commands.app import add_app
from stylecore.commands.bench import add_bench
from stylecore.commands.console import BAD_INPUT, FAILED, fail, one_line, print_json, stopping_in_time
from stylecore.commands.evaluate import add_evaluate
from stylecore.commands.import_model import add_import
from stylecore.commands.info import add_info
from stylecore.commands.learn import add_learn
from stylecore.commands.load import add_load
from stylecore.commands.look import add_look_command
from stylecore.commands.optimize import add_optimize
from stylecore.commands.parsing import Parser
from stylecore.commands.serve import add_serve
from stylecore.commands.styles import add_styles
from stylecore.commands.stylize import add_stylize
from stylecore.commands.train import add_train
from stylecore.errors import (
    DeviceError,
    DivergenceError,
    MissingExtraError,
    OutOfMemoryError,
    ServerError,
    StoppedError,
    StyleTransferError,
    WeightsError,
    describe,
)

# Errors of the machine or installation, not of the input, and work that was stopped.
FAILURES = (
    DeviceError,
    DivergenceError,
    MissingExtraError,
    OutOfMemoryError,
    ServerError,
    StoppedError,
    WeightsError,
)
DESCRIPTION = """\
Turn photos into paintings. Without a command, impasto opens the app.

paint:
  app        open the app in the browser
  stylize    paint photos and clips in any style
  styles     list the styles
  optimize   paint a photo in the style of any picture
  look       give photos the light and colors of a picture; they stay photos
  learn      learn a style from any picture, in minutes
  import     keep a painting network of another project as a style
  serve      paint for others over HTTP, in one process or many

train and measure:
  train      train a network on style pictures
  evaluate   measure the content and style losses of the styles
  bench      measure speed
  load       measure a painting server, and how many processes visitors need

installation:
  info       show versions, devices and weights

`impasto COMMAND --help` shows the options of a command."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit status: 0, 1 for a failed run, 2 for wrong usage or bad input."""
    arguments = sys.argv[1:] if arguments is None else arguments
    error = None
    try:
        with stopping_in_time():
            status, error = _run(arguments)
        if error is not None:
            fail(error, status)
            if "--json" in arguments:
                print_json({"error": one_line(error), "status": status})
        if sys.stdout is not None:  # it may be closed
            sys.stdout.flush()
        return status
    except OSError as failure:  # of standard output
        if sys.stdout is not None:  # at its end, Python writes what is left in the buffer
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        # A program that reads, such as `head`, may have ended early.
        is_silent = error is not None or isinstance(failure, BrokenPipeError)
        return FAILED if is_silent else fail(describe(failure), FAILED)


def _run(arguments: Sequence[str]) -> tuple[int, str | None]:
    """Runs one command; returns the exit status, and the error that is not reported yet, if any."""
    try:
        options = build_parser().parse_args(arguments or ["app"])
        return options.run(options), None
    except BrokenPipeError:
        raise
    except FAILURES as error:
        return FAILED, str(error)
    except (StyleTransferError, ValueError) as error:
        return BAD_INPUT, str(error)
    except KeyboardInterrupt:
        return FAILED, "interrupted"
    except Exception as error:  # of torch or ONNX Runtime, such as too little memory on a GPU
        return FAILED, describe(error)


def build_parser() -> Parser:
    """Builds the parser of all commands."""
    parser = Parser(
        prog="impasto",
        usage="impasto [COMMAND] [OPTION ...]",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"impasto {__version__}")
    # The description lists the commands, in groups.
    commands = parser.add_subparsers(
        dest="command", required=True, metavar="COMMAND", prog="impasto", help=argparse.SUPPRESS
    )
    for add in (
        add_app,
        add_stylize,
        add_styles,
        add_optimize,
        add_look_command,
        add_learn,
        add_import,
        add_serve,
        add_train,
        add_evaluate,
        add_bench,
        add_load,
        add_info,
    ):
        add(commands)
    return parser
