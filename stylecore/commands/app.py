"""`app`: the app in the browser; what `impasto` alone does."""

from __future__ import annotations

import argparse

from stylecore.commands.console import OK
from stylecore.folders import APP_SCRIPT


def add_app(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("app", help="open the app in the browser")
    parser.add_argument("--port", type=int, metavar="PORT", help="default 8501")
    parser.add_argument("--address", metavar="HOST", help="address to listen on; default: all")
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    parser.set_defaults(run=run_app)


def run_app(options: argparse.Namespace) -> int:
    """Run Streamlit's server in this process until it is interrupted."""
    from streamlit.web import cli

    arguments = ["run", str(APP_SCRIPT)]
    if options.port:
        arguments += ["--server.port", str(options.port)]
    if options.address:
        arguments += ["--server.address", options.address]
    if options.no_browser:
        arguments += ["--server.headless", "true"]
    cli.main(arguments, prog_name="streamlit", standalone_mode=False)
    return OK
