"""`app`: the app in the browser, which `impasto` alone opens, too."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

from stylecore.commands.parsing import count
from stylecore.host.folders import APP_SCRIPT


def add_app(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("app", description="Start the app and open it in the browser.")
    parser.add_argument("--port", type=count, metavar="PORT", help="port to listen on (default: 8501)")
    parser.add_argument("--address", metavar="HOST", help="address to listen on (default: all addresses)")
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    parser.set_defaults(run=run_app)


def run_app(options: argparse.Namespace) -> int:
    """Run Streamlit's server until it is interrupted."""
    # -P: modules that happen to lie in the current folder are not imported.
    command = [sys.executable, "-P", "-m", "streamlit", "run", str(APP_SCRIPT)]
    if options.port:
        command += ["--server.port", str(options.port)]
    if options.address:
        command += ["--server.address", options.address]
    if options.no_browser:
        command += ["--server.headless", "true"]
    if os.name == "posix":
        os.execv(sys.executable, command)  # the server itself receives the signals that stop it
    return subprocess.call(command)
