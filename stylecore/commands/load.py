"""`load`: a painting server under load, and the processes that a number of visitors needs."""

from __future__ import annotations

import argparse
import os
from dataclasses import asdict

from stylecore.commands.console import FAILED, OK, UsageError, fail, print_json, progress
from stylecore.commands.parsing import add_device, add_json, count
from stylecore.serving.client import TOKEN_VARIABLE, PaintingServer

RATE, SECONDS, MAX_GAP = 0.5, 60.0, 0.2  # requests a second, how long, and the gap to the simulation at most
COLUMNS = {
    "visitors": "visitors a day",
    "requests": "requests in the busiest hour",
    "processes": "processes",
    "use": "share of their time used",
    "p95_wait_s": "95 of 100 begin within s",
    "custom_processes": "further ones for custom runs",
}


def add_load(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "load",
        description="Simulate how many processes a number of visitors needs, with the service times of this "
        "machine; or send photos to a painting server, and compare its answers with the simulation.",
    )
    parser.add_argument(
        "--visitors", nargs="+", type=count, metavar="N", help="visitors a day, several for a table"
    )
    parser.add_argument(
        "--server",
        metavar="URL",
        help=f"address of a painting server; {TOKEN_VARIABLE} has its token",
    )
    parser.add_argument(
        "--processes", type=count, default=1, metavar="N", help="processes of the server (default: 1)"
    )
    parser.add_argument(
        "--rate", type=float, default=RATE, metavar="R", help=f"requests a second (default: {RATE:g})"
    )
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, metavar="S", help=f"how long (default: {SECONDS:g})"
    )
    add_device(parser, default="auto", use="for the service times")
    add_json(parser)
    parser.set_defaults(run=run_load_command)


def run_load_command(options: argparse.Namespace) -> int:
    if bool(options.visitors) == bool(options.server):
        raise UsageError("either --visitors or --server is needed")
    if not options.rate > 0 or not options.seconds > 0:
        raise UsageError("--rate and --seconds: numbers above 0 are needed")
    return _simulate(options) if options.visitors else _send(options)


def _simulate(options: argparse.Namespace) -> int:
    from stylecore.serving.load_test import measure_service_times, sizing_table

    times = measure_service_times(options.device)
    table = sizing_table(times, options.visitors)
    if options.json:
        print_json({"service_times": asdict(times), "rows": table})
        return OK
    print(
        f"A process paints a preview in {times.preview_s:.2f} s, a download in {times.download_s:.2f} s and "
        f"{times.download_s_per_megapixel:.2f} s for each megapixel."
    )
    print(" | ".join(COLUMNS.values()))
    for row in table:
        print(" | ".join(f"{row[name]:.2f}".removesuffix(".00") for name in COLUMNS))
    return OK


def _send(options: argparse.Namespace) -> int:
    from stylecore.serving.load_test import run_load

    server = PaintingServer(options.server, os.environ.get(TOKEN_VARIABLE, ""))
    report = run_load(
        server,
        rate=options.rate,
        seconds=options.seconds,
        processes=options.processes,
        on_progress=progress,
    )
    if options.json:
        print_json(asdict(report))
    else:
        print(
            f"{report.requests} requests, {report.failed} failed; mean {report.mean_s:.2f} s, simulated "
            f"{report.simulated_mean_s:.2f} s; 95 of 100 within {report.p95_s:.2f} s, simulated "
            f"{report.simulated_p95_s:.2f} s; {report.use:.0%} of the processes' time was used"
        )
    if abs(report.gap) > MAX_GAP:
        return fail(f"the mean is {report.gap:+.0%} from the simulation", FAILED)
    return OK
