"""`serve`: a painting server for other machines and for replicas of the app."""

from __future__ import annotations

import argparse
import os
import signal
import threading
from pathlib import Path

from stylecore.commands.console import OK, UsageError, module, progress
from stylecore.commands.parsing import add_device, add_settings, given_settings
from stylecore.serving.client import TOKEN_VARIABLE
from stylecore.serving.config import ServingConfig

HELPS = {
    "host": "address to listen on; others than this machine's own need a token",
    "port": "port to listen on",
    "min_replicas": "processes that paint, at least",
    "max_replicas": "processes that paint, at most; their number follows the load",
    "cpus": "processor cores of each process",
    "gpus": "share of a GPU of each process, such as 0.25",
    "concurrent": "pictures that a process works on at once",
    "queue": "requests that may wait; further ones get status 429",
    "timeout_s": "seconds after which a request gets status 503",
    "megabytes": "largest request, in millions of bytes",
    "megapixels": "largest photo, in millions of pixels",
    "batch": "pictures of one size that share a run of a network; pays on GPUs",
    "batch_wait_s": "seconds that a picture waits for others of its size",
    "jobs": "custom runs (refining, learning) at once, in processes of their own; 0 accepts none",
    "job_cpus": "processor cores of each of these processes",
    "job_gpus": "share of a GPU of each of these processes",
    "job_queue": "custom runs that may wait",
    "job_minutes": "longest time of a custom run",
    "own_jobs": "custom runs of one owner, such as a visit of the app, that may wait or run at once",
    "kept_megabytes": "memory of finished custom runs that are kept, in millions of bytes",
}
EXAMPLES = f"""\
examples:
  impasto serve
  curl -F photo=@photo.jpg -F style=mosaic http://127.0.0.1:8600/v1/paint -o painted.jpg
  IMPASTO_SERVER=http://127.0.0.1:8600 impasto app
  {TOKEN_VARIABLE}=... impasto serve --host 0.0.0.0 --gpus 0.25 --max-replicas 4 --batch 8

The token is read from the environment variable {TOKEN_VARIABLE} or a file. docs/scale.md has more.
"""


def add_serve(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "serve",
        description="Paint for others over HTTP, in one process or many (Ray Serve).",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--cluster",
        default="local",
        metavar="ADDRESS",
        help="address of a Ray cluster (default: a Ray of its own on this machine)",
    )
    parser.add_argument(
        "--token-file",
        dest="token",
        type=Path,
        metavar="FILE",
        help=f"file with the token that requests must bring along (default: {TOKEN_VARIABLE}, or none)",
    )
    add_device(parser, default="auto", use="to paint on")
    add_settings(parser, ServingConfig, HELPS)
    parser.set_defaults(run=run_serve)


def run_serve(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C or SIGTERM."""
    config = ServingConfig(**given_settings(options, ServingConfig) | {"token": _token(options.token)})
    application = module("stylecore.serving.application", needs="ray")
    has_ended = threading.Event()
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    with application.running_server(config, address=options.cluster) as url:
        for each in before:
            signal.signal(each, lambda *_: has_ended.set())
        progress(f"painting at {url}, see {url}/openapi.json; Ctrl-C ends it")
        has_ended.wait()
    for each, handler in before.items():
        signal.signal(each, handler)
    return OK


def _token(path: Path | None) -> str:
    """The token of the file or the environment; may be empty.

    Raises:
        UsageError: The file cannot be read, or is empty.
    """
    if path is None:
        return os.environ.get(TOKEN_VARIABLE, "")
    try:
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
    if not token:
        raise UsageError(f"{path} is empty: a token is needed")
    return token
