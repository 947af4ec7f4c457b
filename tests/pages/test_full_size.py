"""Large photos in full size: started by a button, with progress, stopped, downloaded."""

import io
import re
import threading
import time

import pytest
from PIL import Image

from pages.shared import full_size, turns
from pages.shared.choosing import Choice
from stylecore import FastStylizer
from stylecore.errors import describe
from stylecore.instant.progress import PaintingProgress
from tests.browsing import keep_screenshot
from tests.conftest import encoded, make_photo
from tests.pages.conftest import look, open_app

pytestmark = pytest.mark.usefixtures("clear_caches")


@pytest.fixture
def app(monkeypatch, small_paintings):
    """The page with a photo that counts as large."""
    monkeypatch.setattr(full_size, "LONG_PIXELS", 20_000)
    app = open_app().run()
    photo = encoded(make_photo(200, 120), "JPEG")
    return app.file_uploader[0].upload("beach.jpg", photo, "image/jpeg").run()


def job_of(app):
    return full_size.full_size_queue().find(app.session_state.visit.tokens["full_size"])


def keys(app) -> set[str]:
    return {button.key for kind in ("button", "download_button") for button in app.get(kind)}


def test_a_large_photo_is_painted_by_a_job_and_then_downloaded(app):
    assert app.button(key="paint_full_size").label == "Paint in full size (200 x 120)"
    assert "download" not in keys(app)
    app.button(key="paint_full_size").click().run()
    job = job_of(app)
    assert job.wait(60)
    app.run()
    assert not app.exception
    with Image.open(io.BytesIO(job.result)) as file:
        assert (file.size, file.format) == ((200, 120), "JPEG")
    label = app.download_button(key="download_full_size").label
    assert label == f"Download Starry Night as JPEG ({max(len(job.result) / 1e6, 0.1):.1f} MB)"
    assert "paint_full_size" not in keys(app)
    app.button(key="style_mosaic").click().run()  # the file stays, and the other look can be painted
    assert {"download_full_size", "paint_full_size"} <= keys(app)


def test_a_running_job_shows_how_far_it_is_and_can_be_stopped(app, monkeypatch):
    has_begun = threading.Event()

    def stylize(self, image, style, *, on_progress, should_stop, **settings):
        on_progress(PaintingProgress(0.25, 10.0, 30.0))
        has_begun.set()
        while not should_stop():
            time.sleep(0.01)
        raise full_size.StoppedError("stopped")

    monkeypatch.setattr(FastStylizer, "stylize", stylize)
    app.button(key="paint_full_size").click().run()
    assert has_begun.wait(30)
    app.run()
    assert app.get("progress")[0].proto.text == "Starry Night in full size: 25% painted, about 30 s left"
    app.button(key="stop_full_size").click().run()
    assert job_of(app).wait(30)
    app.run()
    assert not app.exception
    assert [info.value for info in app.info] == ["Stopped: nothing is kept of it."]
    assert app.button(key="paint_full_size")


def started():
    photo, mosaic = Choice(encoded(make_photo(64, 48)), "beach"), look("mosaic")
    request = full_size.full_size_request(photo, mosaic, "PNG", title="Mosaic", ending="png")
    return full_size.full_size_queue().find(full_size.start_full_size(photo, mosaic, request))


def test_a_job_that_waits_for_another_large_picture_can_be_stopped():
    with turns.large_line.turn():
        job = started()
        job.cancel()
        assert job.wait(30)
    assert (job.result, job.error) == (None, None)


def test_a_failure_has_its_reason(monkeypatch):
    def fail(*arguments, **settings):
        raise MemoryError

    monkeypatch.setattr(full_size, "read_photo", fail)
    job = started()
    assert job.wait(30)
    assert describe(job.error) == "too little memory was free"


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390])
def test_a_visitor_stops_a_large_photo_and_paints_it_again(browser, server, width):
    context = browser.new_context(viewport={"width": width, "height": 844}, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(120_000)
    page.goto(server)
    page.get_by_alt_text("Your photo painted like").wait_for()
    photo = encoded(make_photo(512, 384).resize((4900, 3400)), "JPEG")
    upload = {"name": "large.jpg", "mimeType": "image/jpeg", "buffer": photo}
    page.locator("input[type=file]").set_input_files(upload)
    start = page.get_by_role("button", name="Paint in full size (4900 x 3400)")
    start.click()
    page.get_by_text(re.compile(r"in full size: \d+% painted, about .* left")).wait_for()
    keep_screenshot(page, f"full_size_{width}_painting")
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_text("Stopped: nothing is kept of it.").wait_for()
    start.click()
    download_button = page.get_by_role("button", name=re.compile("Download Starry Night as JPEG"))
    download_button.wait_for()
    keep_screenshot(page, f"full_size_{width}_painted")
    with page.expect_download() as download:
        download_button.click()
    with Image.open(download.value.path()) as painted:
        assert painted.size == (4900, 3400)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()
