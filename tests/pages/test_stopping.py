"""SIGTERM while the app works."""

import asyncio
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.browsing import ROOT, wait_for_server
from tests.load.session import Session

# A page whose work cannot be interrupted, next to the app's own life of the server.
SCRIPT = """
import sys, time
import streamlit as st
sys.path.insert(0, {root!r})
from pages.shared.long_jobs import job_queue
from pages.shared.server_life import server_life
if __name__ != "__main__":
    app = st.App(__file__, lifespan=server_life)
else:
    job_queue().submit(lambda job: time.sleep(60))
    open("working", "w").close()
    time.sleep(60)
"""


async def knock(url: str, answer: Path) -> None:
    """Open the page, until it works."""
    with ThreadPoolExecutor(1) as threads:
        session = Session(url, threads)
        opening = asyncio.create_task(session.open())
        while not answer.exists():
            await asyncio.sleep(0.05)
        opening.cancel()


def test_the_app_ends_within_ten_seconds_and_says_what_is_given_up(tmp_path):
    script, log = tmp_path / "app.py", tmp_path / "log"
    script.write_text(SCRIPT.format(root=str(ROOT)))
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.headless", "true"]
    with log.open("wb") as output, wait_for_server(command, folder=tmp_path, output=output) as (url, process):
        with ThreadPoolExecutor(1) as threads:  # the browser tests leave an event loop in this one
            threads.submit(lambda: asyncio.run(knock(url, tmp_path / "working"))).result()
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) in (-signal.SIGTERM, 128 + signal.SIGTERM)
        assert time.monotonic() - began < 10
    assert "stopping; 1 long jobs are given up" in log.read_text()
