"""What commands print: progress on standard error, JSON on standard output; exit statuses; Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType

from stylecore.errors import StyleTransferError
from stylecore.host.extras import import_extra

OK, FAILED, BAD_INPUT = 0, 1, 2
STOP_S = 6.0  # from SIGTERM to the end at the latest; container hosts kill after ten


class UsageError(StyleTransferError):
    """The command line is wrong; the message says what is needed."""


def print_json(value: dict) -> None:
    """Prints the one JSON object of a command; NaN is refused, since RFC 8259 has none."""
    print(json.dumps(value, indent=2, allow_nan=False))


def progress(line: str) -> None:
    if sys.stderr is not None:  # where it is closed, `print` would use standard output
        print(line, file=sys.stderr, flush=True)


def one_line(error: object) -> str:
    return " ".join(str(error).split())


def fail(error: object, status: int) -> int:
    """Reports an error in one line; returns the status."""
    progress(f"error: {one_line(error)}")
    return status


def module(name: str, *, needs: str = "torch") -> ModuleType:
    """Imports a module that needs torch, or another extra, when it is needed.

    Raises:
        MissingExtraError: That is not installed.
    """
    import_extra(needs)
    return import_module(name)


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Makes the first Ctrl-C a request to stop, the second one works as usual; yields whether it came."""
    is_interrupted = False

    def note(*signal_and_frame: object) -> None:
        nonlocal is_interrupted
        is_interrupted = True
        signal.signal(signal.SIGINT, before)

    if threading.current_thread() is not threading.main_thread():  # which alone may handle signals
        yield lambda: False
        return
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.SIG_IGN:  # as shells set it for commands in the background
        signal.signal(signal.SIGINT, note)
    try:
        yield lambda: is_interrupted
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def stopping_in_time() -> Iterator[None]:
    """Makes SIGTERM a Ctrl-C, after which the process ends within `STOP_S` seconds, whatever it computes."""

    timers: list[threading.Timer] = []

    def stop(number: int, _: object) -> None:
        timers.append(threading.Timer(STOP_S, _exit_at_once, (128 + number,)))
        timers[-1].daemon = True
        timers[-1].start()
        signal.raise_signal(signal.SIGINT)

    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        yield
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        for timer in timers:
            timer.cancel()


def _exit_at_once(status: int) -> None:
    progress("interrupted in the middle of a picture, which is given up")
    os._exit(status)
