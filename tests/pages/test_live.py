"""The component of the page Live in headless Chromium, whose camera is a moving picture."""

import io
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import expect

from pages.shared.browser_painting import style_data
from pages.shared.live_camera import HTML
from pages.shared.painting import Look
from tests.browsing import empty_page, keep_screenshot, mount_component
from tests.pages.conftest import look

pytestmark = pytest.mark.browser


def data_for(look: Look, **more: object) -> dict:
    return style_data(look) | {"name": look.name, "alt": "Your camera, painted"} | more


STARRY_NIGHT = data_for(look("starry_night"))


@pytest.fixture
def page(browser, server):
    page = empty_page(browser, server)
    yield page
    page.close()


def mount_camera(page) -> None:
    mount_component(page, "live.mjs", HTML, STARRY_NIGHT)


OBSTACLES = {
    "secure": ("window, 'isSecureContext', { value: false }", "begins with https://"),
    "camera": ("navigator, 'mediaDevices', { value: undefined }", "gives pages no camera"),
    "simd": ("WebAssembly, 'validate', { value: () => false }", "too old to paint"),
}


@pytest.mark.parametrize("lacking", OBSTACLES)
def test_what_a_browser_lacks_is_said_with_another_way(page, lacking):
    definition, words = OBSTACLES[lacking]
    page.evaluate(f"() => void Object.defineProperty({definition})")
    mount_camera(page)
    message = page.get_by_role("status")
    expect(message).to_contain_text(words)
    expect(message).to_contain_text("Snapshot")
    expect(page.get_by_role("button", name="Start")).to_be_disabled()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("NotAllowedError", "refused"),
        ("NotFoundError", "No camera"),
        ("NotReadableError", "another program"),
        ("AbortError", "did not start: AbortError"),
    ],
)
def test_a_camera_that_does_not_start_is_explained_and_may_be_started_again(page, error, words):
    page.evaluate(
        "name => { navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', name) } }",
        error,
    )
    mount_camera(page)
    expect(page.get_by_role("status")).to_contain_text(words)
    expect(page.get_by_role("button", name="Start")).to_be_enabled()
    expect(page.get_by_role("button", name="Take a picture")).to_be_disabled()


def test_with_reduced_motion_the_camera_waits_for_its_button(page):
    page.emulate_media(reduced_motion="reduce")
    mount_camera(page)
    expect(page.get_by_role("status")).to_contain_text("Press Start")
    page.get_by_role("button", name="Start").press("Enter")
    page.locator(".figures", has_text="pictures a second").wait_for()
    page.get_by_role("button", name="Stop").press("Enter")
    expect(page.get_by_role("button", name="Start")).to_be_enabled()


def test_the_camera_is_painted_recorded_and_released(page):
    mount_camera(page)
    page.locator(".figures", has_text="pictures a second").wait_for()
    page.get_by_role("button", name="Record").click()
    page.wait_for_timeout(1000)
    page.get_by_role("button", name="Stop recording").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Save the recording").click()
    clip = Path(download.value.path()).read_bytes()
    assert download.value.suggested_filename in ("live_starry_night.mp4", "live_starry_night.webm")
    assert clip[4:8] == b"ftyp" or clip[:4] == b"\x1aE\xdf\xa3"
    track = page.evaluate_handle("document.querySelector('video').srcObject.getTracks()[0]")
    page.evaluate("async () => (await window.unmount)()")
    assert track.get_property("readyState").json_value() == "ended"


def test_another_style_is_painted_without_starting_the_camera_again(page):
    mount_camera(page)
    page.locator(".figures", has_text="pictures a second").wait_for()
    video = page.evaluate_handle("document.querySelector('video').srcObject")
    redness = """() => {
      const { data } = document.querySelector('canvas').getContext('2d').getImageData(0, 0, 960, 500);
      return data.reduce((sum, value, at) => sum + [1, 0, -1, 0][at % 4] * value, 0) / data.length;
    }"""
    page.evaluate("data => void window.mount(data)", data_for(look("starry_night", 0.0)))
    page.wait_for_function(f"Math.abs(({redness})()) < 2")  # the camera's picture is green
    page.evaluate("data => void window.mount(data)", data_for(look("fire")))
    page.wait_for_function(f"({redness})() > 20")
    assert page.evaluate("video => document.querySelector('video').srcObject === video", video)


def test_a_picture_goes_to_the_other_pages_with_the_strokes_that_were_seen(browser, server):
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.set_default_timeout(60_000)
    page.goto(f"{server}/live?style=mosaic")
    page.locator(".figures", has_text="pictures a second").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="Take a picture").click()
    page.get_by_text("It is now the chosen photo").wait_for()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download in full size (1920 x 1080)").click()
    with Image.open(io.BytesIO(Path(download.value.path()).read_bytes())) as painted:
        assert painted.size == (1920, 1080)
    keep_screenshot(page, "live_phone")
    page.get_by_role("link", name="Photo", exact=True).click()
    page.get_by_text("Still chosen: snapshot").wait_for()
    expect(page.get_by_role("switch", name="Strokes as seen live")).to_be_checked()
    page.close()
