"""Turns at reading and painting pictures, which all visitors share, and the visitor's place in line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from stylecore.host.waiting_line import WaitingLine

# Few pictures are in memory at once, however many visitors there are: a large one takes 24 bytes a pixel
# while it is painted and enlarged, and up to 180 for each pixel of the size at which
# the network works. Two small ones keep all cores busy.
large_line = WaitingLine(noun="large pictures")
small_line = WaitingLine(noun="pictures", at_once=2)


@contextmanager
def shown_place() -> Iterator[Callable[[int], None]]:
    """Return what shows the visitor's place in line on the page, to be called by `WaitingLine.turn`.

    A new choice of the visitor, or the end of the visit, interrupts it, so that the place becomes free.
    """
    if get_script_run_ctx(suppress_warning=True) is None:
        yield lambda place: None
        return
    slots = []  # one, as soon as it is needed: an element more makes the browser build all below it anew

    def show(place: int) -> None:
        if not slots:
            slots.append(st.empty())
        slots[0].info(
            f"You are number {place} in line: the pictures of others are painted first.",
            icon=":material/hourglass:",
        )

    yield show
    for slot in slots:
        slot.empty()
