"""Visitors' errands, each done by clicks alone in under two minutes."""

import io
import re
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from pages.shared.pictures import SAMPLES
from tests.browsing import drag_finger, keep_screenshot, tap_picture, wait_for_upload
from tests.conftest import encoded, make_photo

pytestmark = pytest.mark.browser
MOST_SECONDS = 120


class Visitor:
    """Somebody who only clicks, on a page of some size, and counts the clicks."""

    def __init__(self, browser, url: str, size: tuple[int, int]) -> None:
        self.page = browser.new_page(viewport={"width": size[0], "height": size[1]})
        self.page.set_default_timeout(60_000)
        self.started, self.clicks = time.monotonic(), 0
        self.page.goto(url)
        self.see("Painted in")

    def see(self, text: str | re.Pattern) -> None:
        self.page.get_by_text(text).first.wait_for()
        self.page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()

    def click(self, role: str, name: str | re.Pattern) -> None:
        self.clicks += 1
        self.page.get_by_role(role, name=name).first.click()

    def choose_style(self, title: str) -> None:
        self.clicks += 1
        self.page.get_by_role("button", name=title, exact=True).click()

    def open(self, title: str) -> None:
        self.click("link", title)

    def upload(self, place: int, *files: dict) -> None:
        self.clicks += 2  # the button, and the choice in the window that the browser opens
        self.page.locator("input[type=file]").nth(place).set_input_files(list(files))

    def drop(self, place: int, *files: dict) -> None:
        """Drop files on an uploader, or choose them by a tap on it."""
        self.clicks += 1
        uploader = self.page.locator("input[type=file]").nth(place)
        uploader.wait_for(state="attached")
        self.page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
        uploader.set_input_files(list(files))

    def download(self, name: str | re.Pattern):
        with self.page.expect_download() as download:
            self.click("button", name)
        return download.value

    def leave(self, errand: str) -> None:
        seconds = time.monotonic() - self.started
        keep_screenshot(self.page, f"errand_{errand}")
        self.page.close()
        assert seconds < MOST_SECONDS


@pytest.fixture
def visit(browser, server):
    def visit(size: tuple[int, int] = (1280, 900)) -> Visitor:
        return Visitor(browser, server, size)

    return visit


def file_of(name: str, seed: int, size: tuple[int, int] = (480, 360)) -> dict:
    return {"name": name, "mimeType": "image/jpeg", "buffer": encoded(make_photo(*size, seed), "JPEG")}


def test_send_a_painted_selfie(visit):
    visitor = visit((360, 780))
    visitor.open("Camera")
    visitor.see("Take a snapshot")
    visitor.page.locator("video").wait_for()
    visitor.page.wait_for_function("document.querySelector('video').readyState === 4")
    visitor.click("button", "Take Photo")
    visitor.see("Painted: Starry Night")
    visitor.choose_style("Mosaic")
    visitor.see("Painted: Mosaic")
    download = visitor.download("Download in full size")
    assert download.suggested_filename == "snapshot_mosaic.jpg"
    with Image.open(download.path()) as picture:
        assert min(picture.size) >= 480
    assert visitor.clicks == 4
    visitor.leave("selfie")


def test_paint_the_holiday_folder(visit):
    visitor = visit()
    visitor.open("Photos and clips")
    visitor.see("Choose photos first")
    broken = {"name": "notes.jpg", "mimeType": "image/jpeg", "buffer": b"beach at nine"}
    visitor.upload(0, *(file_of(f"day_{i}.jpg", i) for i in range(1, 5)), broken)
    visitor.choose_style("The Wave")
    visitor.see("Make 5 paintings")
    visitor.click("button", "Make 5 paintings")
    visitor.see("Skipped: notes.jpg is not a picture")
    download = visitor.download("Download 4 paintings as ZIP")
    with zipfile.ZipFile(download.path()) as archive:
        assert archive.namelist() == [f"day_{i}_the_wave.jpg" for i in range(1, 5)]
    assert visitor.clicks == 6
    visitor.leave("holiday")


def test_own_childs_drawing_as_style(visit):
    visitor = visit()
    visitor.open("Your own style")
    visitor.see(re.compile("Refine .about"))
    visitor.upload(0, file_of("grandma.jpg", 1))
    wait_for_upload(visitor.page, "content")
    visitor.upload(1, file_of("drawing.jpg", 2, (300, 300)))
    wait_for_upload(visitor.page, "style_picture")
    visitor.see("Painted: drawing")
    visitor.click("button", re.compile("Refine .about"))
    visitor.see(re.compile(r"Step \d+ of 50"))
    visitor.click("button", "Stop and keep the best so far")
    visitor.see("best picture so far")
    download = visitor.download(re.compile("Download .384"))
    assert download.suggested_filename == "grandma_drawing.jpg"
    with Image.open(download.path()) as picture:
        assert picture.format == "JPEG"
    visitor.click("radio", "PNG")
    time.sleep(0.5)  # as a hand takes: the button has its new file a moment after Streamlit dropped the old
    download = visitor.download(re.compile("Download .384"))
    assert download.suggested_filename == "grandma_drawing.png"
    with Image.open(download.path()) as picture:
        assert picture.format == "PNG"
    assert visitor.clicks == 10
    visitor.leave("drawing")


@pytest.mark.parametrize("size", [(1280, 900), (390, 844)], ids=["desktop", "phone"])
def test_my_daughters_drawing_on_the_holiday_folder(visit, size):
    visitor = visit(size)
    visitor.open("Your own style")
    visitor.drop(1, file_of("drawing.jpg", 2, (300, 300)))
    visitor.see("Painted: drawing")
    visitor.click("button", "Several photos")
    visitor.see("Choose photos first")
    visitor.drop(0, *(file_of(f"day_{i}.jpg", i) for i in range(1, 4)))
    visitor.see("Make 3 paintings")
    visitor.click("button", "Make 3 paintings")
    download = visitor.download("Download 3 paintings as ZIP")
    with zipfile.ZipFile(download.path()) as archive:
        assert archive.namelist() == [f"day_{i}_drawing.jpg" for i in range(1, 4)]
    assert visitor.clicks == 6
    visitor.leave(f"daughter_{size[0]}")


def test_keep_a_style_for_another_day(visit):
    visitor = visit((390, 844))
    visitor.open("Your own style")
    visitor.drop(1, file_of("drawing.jpg", 2, (300, 300)))
    visitor.see("Painted: drawing")
    download = visitor.download("Download the style")
    assert download.suggested_filename == "drawing.impasto"
    kept = Path(download.path()).read_bytes()
    assert visitor.clicks == 3
    visitor.leave("keep")
    visitor = visit((390, 844))
    visitor.open("Your own style")
    file = {"name": "drawing.impasto", "mimeType": "application/octet-stream", "buffer": kept}
    visitor.drop(2, file)
    visitor.see("Painted: drawing")
    assert visitor.clicks == 2
    visitor.leave("another_day")


@pytest.mark.slow
def test_compare_styles_for_a_poster(visit):
    visitor = visit()
    visitor.upload(0, file_of("poster.jpg", 3))
    visitor.see("Download in full size (480 x 360)")
    visitor.clicks += 1
    visitor.page.get_by_text("All styles on this photo").click()
    visitor.page.get_by_alt_text("This photo painted like Marbling").wait_for()
    download = visitor.download("Download the sheet")
    assert download.suggested_filename == "poster_all_styles.jpg"
    visitor.clicks += 1
    tap_picture(visitor.page, "This photo painted like Pink")
    large = visitor.page.get_by_alt_text("Your photo painted like Pink")
    large.wait_for()
    expect(large).to_be_in_viewport(ratio=0.5)
    assert visitor.clicks == 5
    visitor.leave("poster")


@pytest.mark.parametrize(
    "size", [pytest.param((1280, 900), marks=pytest.mark.slow), (390, 844)], ids=["desktop", "phone"]
)
def test_make_noon_look_like_evening(visit, size):
    visitor = visit(size)
    visitor.open("Photo look")
    visitor.see("At once, by the colors as a whole")
    visitor.drop(0, file_of("noon.jpg", 1))
    wait_for_upload(visitor.page, "look_photo")
    visitor.click("button", "Refine the look")
    visitor.see(re.compile(r"Step \d+ of 20"))
    is_patient = size[0] > 640
    if not is_patient:
        visitor.click("button", "Stop and keep the best so far")
    visitor.see("refined for this photo")
    expect(visitor.page.get_by_alt_text("Your photo in the look of Evening")).to_be_in_viewport(ratio=0.5)
    download = visitor.download("Download in full size (480 x 360)")
    assert download.suggested_filename == "noon_evening.jpg"
    with Image.open(download.path()) as picture, Image.open(io.BytesIO(file_of("", 1)["buffer"])) as noon:
        red, _, blue = (np.asarray(picture, float) - np.asarray(noon, float)).mean((0, 1))
    assert red > blue + 20
    assert visitor.clicks == (4 if is_patient else 5)
    visitor.leave(f"noon_{size[0]}")


@pytest.mark.parametrize(
    "size", [pytest.param((1280, 900), marks=pytest.mark.slow), (390, 844)], ids=["desktop", "phone"]
)
def test_paint_all_but_my_child(visit, size):
    visitor = visit(size)
    photo = SAMPLES["portrait"].path.read_bytes()
    visitor.drop(0, {"name": "child.jpg", "mimeType": "image/jpeg", "buffer": photo})
    wait_for_upload(visitor.page, "photo")
    visitor.click("radio", "Background")
    visitor.see("Painted: Starry Night, on the background")
    download = visitor.download("Download in full size")
    with Image.open(download.path()) as painted, Image.open(io.BytesIO(photo)) as before:
        assert painted.size == before.size
        middle = before.width // 2, before.height // 2
        change = np.subtract(painted.getpixel(middle), before.getpixel(middle), dtype=int)
        assert np.abs(change).max() < 12  # the photo's, but for the JPEG
    assert visitor.clicks == 3

    visitor.click("radio", "My brush")  # which begins with the background: her dog is to be painted, too
    sheet = visitor.page.locator(".sheet")
    sheet.scroll_into_view_if_needed()
    visitor.see("Painted: Starry Night, on what you brushed")
    painting = visitor.page.get_by_alt_text("Your photo painted like Starry Night")
    shown = painting.get_attribute("src")
    box = sheet.bounding_box()
    places = [(box["width"] * x, box["height"] * 0.5) for x in (0.4, 0.5, 0.6)]
    visitor.clicks += 1
    if size[0] < 400:
        drag_finger(sheet, *places)
    else:
        visitor.page.mouse.move(box["x"] + places[0][0], box["y"] + places[0][1])
        visitor.page.mouse.down()
        visitor.page.mouse.move(box["x"] + places[-1][0], box["y"] + places[-1][1], steps=5)
        visitor.page.mouse.up()
    expect(painting).not_to_have_attribute("src", shown)
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= size[0]
    download = visitor.download("Download in full size")
    with Image.open(download.path()) as corrected:
        assert np.abs(np.subtract(corrected.getpixel(middle), before.getpixel(middle), dtype=int)).max() > 12
    assert visitor.clicks == 6
    visitor.leave(f"child_{size[0]}")


@pytest.mark.slow
def test_this_sky_like_that_sky(visit):
    visitor = visit((390, 844))
    page = visitor.page
    visitor.open("Your own style")
    visitor.drop(0, file_of("beach.jpg", 1))
    wait_for_upload(page, "content")
    visitor.drop(1, file_of("turner.jpg", 2, (300, 240)))
    wait_for_upload(page, "style_picture")
    visitor.see("Painted: turner")
    visitor.click("radio", "Places I mark")
    visitor.see("Nothing is marked yet")
    beach, turner = page.locator(".st-key-marked .sheet").all()
    beach.scroll_into_view_if_needed()
    for sheet, lacking in ((beach, "Only your photo has pink"), (turner, None)):
        width, height = (sheet.bounding_box()[side] for side in ("width", "height"))
        visitor.clicks += 1
        drag_finger(sheet, *[(width * x, height * y) for x, y in ((0.1, 0.1), (0.9, 0.1), (0.5, 0.3))])
        if lacking:
            visitor.see(lacking)
            turner.scroll_into_view_if_needed()
    page.get_by_text("Only your photo has pink").wait_for(state="detached")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    visitor.click("button", re.compile("Refine .about"))
    visitor.see(re.compile(r"Step \d+ of 50"))
    visitor.click("button", "Stop and keep the best so far")
    visitor.see("place with place")
    assert visitor.download(re.compile("Download .384")).suggested_filename == "beach_turner.jpg"
    assert visitor.clicks == 9
    visitor.leave("sky")


def test_find_out_how_it_works(visit):
    visitor = visit()
    visitor.open("How it works")
    visitor.see("Gram matrix")
    assert visitor.clicks == 1
    visitor.leave("explanation")


def test_film_myself_as_a_mosaic_and_keep_a_picture(visit):
    visitor = visit((390, 844))
    visitor.open("Camera")
    visitor.open("Live")
    visitor.see("pictures a second")
    visitor.choose_style("Mosaic")
    visitor.see(re.compile("Your camera, painted live"))
    visitor.click("button", "Record")
    visitor.page.wait_for_timeout(1000)
    visitor.click("button", "Stop recording")
    visitor.clicks += 1
    with visitor.page.expect_download() as clip:
        visitor.page.get_by_role("link", name="Save the recording").click()
    assert clip.value.suggested_filename.startswith("live_mosaic.")
    visitor.click("button", "Take a picture")
    visitor.see("It is now the chosen photo")
    download = visitor.download("Download in full size (1920 x 1080)")
    assert download.suggested_filename == "snapshot_mosaic.jpg"
    assert visitor.clicks == 8
    visitor.leave("film")


def test_a_child_draws_a_house(visit):
    visitor = visit((390, 844))
    visitor.open("Draw")
    visitor.see("ms on this device")
    visitor.click("button", "Fill")
    visitor.clicks += 1
    visitor.page.get_by_role("button", name="Red", exact=True).click()  # Red Fuji is a style
    box = visitor.page.locator(".sheet").bounding_box()
    visitor.clicks += 1
    visitor.page.mouse.click(box["x"] + 0.42 * box["width"], box["y"] + 0.47 * box["height"])  # the roof
    visitor.click("button", "Paint it large")
    visitor.see("It is now the chosen photo")
    download = visitor.download("Download in full size (2048 x 1536)")
    assert download.suggested_filename == "drawing_starry_night.jpg"
    assert visitor.clicks == 6
    visitor.leave("house")
