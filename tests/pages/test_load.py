"""A cold start, and twenty visitors at once, measured on a server of their own."""

import time

import psutil
import pytest
from playwright.sync_api import expect

from tests.browsing import running_server
from tests.conftest import encoded, make_photo

pytestmark = pytest.mark.browser
VISITORS = 20
MEGABYTE = 2**20


def test_the_first_visitor_soon_sees_a_painting(browser, record_property):
    page = browser.new_page()
    page.set_default_timeout(60_000)
    started = time.monotonic()
    with running_server() as (url, _):
        listening = time.monotonic()
        page.goto(url)
        page.get_by_alt_text("Your photo painted like").wait_for()
        painted = time.monotonic()
    page.close()
    record_property("server_s", round(listening - started, 2))
    record_property("painting_s", round(painted - started, 2))
    assert painted - started < 15  # 3 s on two idle cores; the machine that tests may be busy


@pytest.mark.slow
def test_twenty_visitors_each_get_their_own_photo(browser, record_property):
    context = browser.new_context(viewport={"width": 360, "height": 780})  # one cache of the app's scripts
    with running_server() as (url, process):
        pages = [context.new_page() for _ in range(VISITORS)]
        for page in pages:
            page.set_default_timeout(120_000)
            page.goto(url, wait_until="commit")
        for page in pages:
            page.get_by_text("Painted in").wait_for()
        started = time.monotonic()
        for number, page in enumerate(pages):
            photo = encoded(make_photo(1000 + number, 800, seed=number), "JPEG")
            upload = {"name": f"photo_{number}.jpg", "mimeType": "image/jpeg", "buffer": photo}
            page.locator("input[type=file]").set_input_files(upload)
        seconds = []
        for number, page in enumerate(pages):
            expect(page.get_by_text(f"Download in full size ({1000 + number} x 800)")).to_be_visible(
                timeout=120_000
            )
            seconds.append(time.monotonic() - started)
        megabytes = psutil.Process(process.pid).memory_info().rss / MEGABYTE
        context.close()
    record_property("last_s", round(seconds[-1], 1))
    record_property("megabytes", round(megabytes))
    assert seconds[-1] < 110
    assert megabytes < 1200
