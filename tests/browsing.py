"""The real server and a headless Chromium with a fake camera, for tests.

Screenshots are kept in `runs/screenshots`.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from pages.shared.browser_files import browser_folder

ROOT = Path(__file__).resolve().parent.parent
SCREENSHOTS = ROOT / "runs" / "screenshots"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@contextmanager
def running_server(
    script: Path = ROOT / "streamlit_app.py", *, is_headless: bool = True
) -> Iterator[tuple[str, subprocess.Popen]]:
    """Address and process of a new server of a script, with the settings that lie beside it."""
    command = [sys.executable, "-m", "streamlit", "run", str(script)]
    command += ["--server.headless", str(is_headless), "--server.showEmailPrompt", "false"]
    with wait_for_server(command, folder=script.parent) as started:
        yield started


@contextmanager
def wait_for_server(
    command: list[str], *, folder: str | Path, output: IO | int = subprocess.DEVNULL
) -> Iterator[tuple[str, subprocess.Popen]]:
    """Address and process of a server that a command starts in a folder, once it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {"STREAMLIT_SERVER_PORT": str(port), "STREAMLIT_SERVER_ADDRESS": "127.0.0.1"}
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(1800):
            try:
                urllib.request.urlopen(f"{url}/_stcore/health", timeout=1)
                break
            except OSError:
                time.sleep(0.05)
        else:
            pytest.fail("the app did not start within 90 s")
        yield url, process
    finally:
        process.terminate()
        process.wait(30)  # ten seconds of its own, which other work may stretch


@pytest.fixture(scope="session")
def server():
    with running_server() as (url, _):
        yield url


@pytest.fixture(scope="session")
def browser():
    if CHROMIUM is None:
        pytest.skip("chromium is not installed (Debian package chromium)")
    from playwright.sync_api import sync_playwright

    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        arguments += ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


def empty_page(browser, server: str):
    """A page of the server without the app, for scripts of `pages/shared/browser`."""
    page = browser.new_page()
    page.set_default_timeout(60_000)
    page.goto(f"{server}/{browser_folder()}LICENSES.md")
    return page


MOUNT_JS = """
async ({ script, html, data }) => {
  const { default: mount } = await import(new URL(data.folder + script, location.origin));
  const host = document.createElement('div');
  host.innerHTML = html;
  document.body.replaceChildren(host);
  window.sent = [];
  const setTriggerValue = (name, value) => window.sent.push(value);
  window.mount = (data) => mount({ data, parentElement: host, setTriggerValue });
  window.unmount = window.mount(data);
}
"""


def mount_component(page, script: str, html: str, data: dict) -> None:
    """Mount a component of `pages/shared/browser` as Streamlit does, and define for later scripts:

    `mount(data)` mounts it again with other data, `unmount` is what the first mount returned, and `sent` are
    the values that it sent to the page's script.
    """
    page.evaluate(MOUNT_JS, {"script": script, "html": html, "data": data})


def wait_for_upload(page, key: str) -> None:
    """Until an uploaded picture has replaced the samples; its name is shown before it has arrived."""
    page.locator(f".st-key-{key}_samples img[alt$='(chosen)']").wait_for(state="detached")


def tap_picture(page, alt: str) -> None:
    """Tap where a picture lies, whatever is above it, once everything stands still."""
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    page.wait_for_function("[...document.images].every(image => image.complete)")
    picture = page.get_by_alt_text(alt)
    picture.scroll_into_view_if_needed()
    place = None
    while place != (place := picture.bounding_box()):
        page.wait_for_timeout(300)
    page.mouse.click(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)


def drag_finger(element, *places: tuple[int, int]) -> None:
    """Drag a finger over an element of a page, along places in pixels from its corner."""
    box = element.bounding_box()
    client = element.page.context.new_cdp_session(element.page)
    for number, (x, y) in enumerate(places):
        point = {"x": box["x"] + x, "y": box["y"] + y}
        kind = "touchMove" if number else "touchStart"
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
        element.page.wait_for_timeout(50)  # faster than any finger, Chromium takes it for a fling
    client.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    client.detach()


def keep_screenshot(page, name: str) -> None:
    """Screenshot of the whole page, which scrolls inside Streamlit's own container."""
    height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({"width": page.viewport_size["width"], "height": height + 20})
    page.wait_for_timeout(500)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")
