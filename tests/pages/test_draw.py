"""The component of the page Draw in headless Chromium, and the page that paints its drawing large."""

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageColor
from playwright.sync_api import expect

from pages.shared.drawing import COLORS, HTML, Sheet, sheet_data, style_colors
from stylecore import list_styles
from stylecore.styles.catalog import get_style
from tests.browsing import empty_page, keep_screenshot, mount_component
from tests.conftest import encoded, make_photo
from tests.pages.conftest import look

SHEET = Sheet(size=(320, 240))
LOOK = look("landscape")


def test_every_style_offers_different_colors():
    for style in list_styles():
        colors = style_colors(style)
        assert len(colors) == len(set(colors.values())) >= 4
        assert all(ImageColor.getrgb(color) for color in colors.values())


@pytest.fixture
def page(browser, server):
    page = empty_page(browser, server)
    mount_component(page, "draw.mjs", HTML, sheet_data(SHEET, LOOK, style=get_style("landscape")))
    page.add_style_tag(content=".sheet { width: 320px; }")
    wait_for_painting(page)
    yield page
    page.close()


def wait_for_painting(page) -> None:
    page.locator(".figures", has_text="Painted in").wait_for()


def pixels_of(page, name: str) -> np.ndarray:
    url = page.evaluate("name => document.querySelector(name).toDataURL()", name)
    with Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as image:
        return np.asarray(image.convert("RGB"))


def choose(page, *names: str) -> None:
    for name in names:
        page.get_by_role("button", name=name, exact=True).click()


def stroke(page, *places: tuple[int, int]) -> None:
    box = page.locator(".sheet").bounding_box()
    page.mouse.move(box["x"] + places[0][0], box["y"] + places[0][1])
    page.mouse.down()
    for x, y in places[1:]:
        page.mouse.move(box["x"] + x, box["y"] + y)
    page.mouse.up()


def color_of(name: str) -> list[int]:
    return list(ImageColor.getrgb(COLORS[name]))


@pytest.mark.browser
def test_a_stroke_is_painted_and_undone(page):
    blank, painted_blank = pixels_of(page, ".sheet"), pixels_of(page, ".painting")
    assert (blank == 255).all()
    assert painted_blank.shape == (288, 384, 3)
    assert painted_blank.std() > 3  # the noise makes even a white sheet alive
    choose(page, "Red", "Thick")
    stroke(page, (60, 120), (260, 120))
    drawn = pixels_of(page, ".sheet")
    assert drawn[120, 160].tolist() == color_of("Red")
    assert drawn[60, 160].tolist() == [255, 255, 255]
    for _ in range(300):
        painted = pixels_of(page, ".painting").astype(int)
        if np.abs(painted - painted_blank).max() > 50:
            break
        page.wait_for_timeout(100)
    else:
        pytest.fail("the stroke was not painted")
    choose(page, "Eraser")
    stroke(page, (160, 100), (160, 140))
    assert pixels_of(page, ".sheet")[120, 160].tolist() == [255, 255, 255]
    page.keyboard.press("Control+z")
    assert (pixels_of(page, ".sheet") == drawn).all()
    choose(page, "Undo")
    assert (pixels_of(page, ".sheet") == 255).all()
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()


@pytest.mark.browser
def test_a_fill_stops_at_lines(page):
    choose(page, "Medium")
    stroke(page, (60, 40), (260, 40), (260, 200), (60, 200), (60, 40))
    choose(page, "Fill", "Yellow")
    stroke(page, (160, 120))
    pixels = pixels_of(page, ".sheet")
    assert pixels[120, 160].tolist() == pixels[55, 75].tolist() == color_of("Yellow")
    assert pixels[120, 60].tolist() == color_of("Black")
    assert pixels[20, 20].tolist() == [255, 255, 255]
    choose(page, "Clear")
    assert (pixels_of(page, ".sheet") == 255).all()


@pytest.mark.browser
def test_the_keyboard_draws(page):
    choose(page, "Blue")
    page.locator(".sheet").focus()
    for key in ("ArrowLeft", "Space", "Shift+ArrowRight", "Space", "Shift+ArrowDown"):
        page.keyboard.press(key)
    pixels = pixels_of(page, ".sheet")
    assert pixels[120, 160].tolist() == color_of("Blue")
    assert pixels[165, 196].tolist() == [255, 255, 255]  # the brush was up


@pytest.mark.browser
def test_another_sheet_takes_the_place_of_the_drawing_until_it_is_undone(page):
    stroke(page, (60, 120), (260, 120))
    drawn = pixels_of(page, ".sheet")
    red = base64.b64encode(encoded(Image.new("RGB", (8, 4), "red"))).decode()
    other = sheet_data(Sheet(f"data:image/png;base64,{red}", (200, 100)), LOOK, style=get_style("landscape"))
    page.evaluate("data => void window.mount(data)", other)
    page.wait_for_function("document.querySelector('.sheet').width === 200")
    page.wait_for_function("!document.querySelector('.undo').disabled")
    assert (pixels_of(page, ".sheet")[50, 100] == [255, 0, 0]).all()
    choose(page, "Undo")
    assert (pixels_of(page, ".sheet") == drawn).all()


@pytest.mark.browser
def test_a_sketch_is_drawn_over_and_painted_large(browser, server):
    page = browser.new_page(viewport={"width": 390, "height": 844}, has_touch=True)
    page.set_default_timeout(60_000)
    page.goto(f"{server}/draw?style=landscape&sheet=Your_picture")
    sketch = {"name": "sketch.png", "mimeType": "image/png", "buffer": encoded(make_photo(300, 200))}
    page.locator("input[type=file]").set_input_files(sketch)
    sheet = page.locator(".sheet")
    expect(sheet).to_have_js_property("width", 300, timeout=60_000)
    wait_for_painting(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    box = sheet.bounding_box()
    page.touchscreen.tap(box["x"] + 20, box["y"] + 20)
    page.get_by_role("button", name="Paint it large").click()
    page.get_by_text("It is now the chosen photo").wait_for()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download in full size (600 x 400)").click()
    with Image.open(io.BytesIO(Path(download.value.path()).read_bytes())) as painted:
        assert painted.size == (600, 400)
    keep_screenshot(page, "draw_phone")
    page.close()
