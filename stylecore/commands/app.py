"""`app`: the app in the browser; what `impasto` alone does."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

from stylecore.host.folders import APP_SCRIPT


def add_app(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("app", help="open the app in the browser")
    parser.add_argument("--port", type=int, metavar="PORT", help="default 8501")
    parser.add_argument("--address", metavar="HOST", help="address to listen on; default: all")
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    parser.set_defaults(run=run_app)


def run_app(options: argparse.Namespace) -> int:
    """Run Streamlit's server until it is interrupted."""
    command = [sys.executable, "-m", "streamlit", "run", str(APP_SCRIPT)]
    if options.port:
        command += ["--server.port", str(options.port)]
    if options.address:
        command += ["--server.address", options.address]
    if options.no_browser:
        command += ["--server.headless", "true"]
    if os.name == "posix":
        os.execv(sys.executable, command)  # the server itself gets the signals of who stops it
    return subprocess.call(command)
