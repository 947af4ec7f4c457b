"""What commands print: progress on standard error, JSON on standard output; exit statuses; Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType

from stylecore.errors import StyleTransferError
from stylecore.host.extras import import_extra

OK, FAILED, BAD_INPUT = 0, 1, 2
STOP_S = 8.0  # from SIGTERM to the end at the latest; container hosts kill after ten


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
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda number, frame: signal.raise_signal(signal.SIGINT))
    numbers, wakeup = socket.socketpair()
    wakeup.setblocking(False)  # as `set_wakeup_fd` demands
    former, has_ended = signal.set_wakeup_fd(wakeup.fileno()), threading.Event()
    threading.Thread(target=_end_in_time, args=(numbers, has_ended), daemon=True).start()
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        signal.set_wakeup_fd(former)
        has_ended.set()
        wakeup.close()


def _end_in_time(numbers: socket.socket, has_ended: threading.Event) -> None:
    """Ends the process `STOP_S` seconds after SIGTERM, unless its work has ended by then.

    The numbers of signals arrive at once, while handlers in Python wait for the end of what the main thread
    computes outside of Python, which can take seconds.

    Args:
        numbers: Where the numbers arrive, a byte each.
        has_ended: Set at the end of the work.
    """
    with numbers:
        while number := numbers.recv(1):
            if number[0] == signal.SIGTERM:
                if not has_ended.wait(STOP_S):
                    _exit_at_once(128 + signal.SIGTERM)
                return


def _exit_at_once(status: int) -> None:
    progress("interrupted in the middle of the work, which is given up")
    os._exit(status)
