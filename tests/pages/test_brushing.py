"""The component on which a mask is drawn, in headless Chromium."""

import base64
import io

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from pages.shared.brushing import CSS, HTML, Drawn, brush_data
from tests.browsing import drag_finger, empty_page, mount_component
from tests.conftest import encoded, make_photo

pytestmark = pytest.mark.browser
SENT_JS = "count => window.sent.length >= count"


def mask_of(page) -> np.ndarray:
    """What the component has sent last."""
    sent = page.evaluate("window.sent.at(-1)")
    with Image.open(io.BytesIO(base64.b64decode(sent["picture"]))) as picture:
        return np.asarray(picture.getchannel("A"))


@pytest.fixture
def page(browser, server):
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page = empty_page(context, server)
    yield page
    context.close()


def test_a_mask_is_drawn_by_finger_erased_swapped_and_undone(page):
    start = Image.new("RGBA", (320, 240))
    start.paste((229, 0, 125, 255), (0, 0, 320, 40))
    data = brush_data(encoded(make_photo(320, 240)), encoded(start), version="first")
    mount_component(page, "brush.mjs", HTML, data)
    page.add_style_tag(content=f"{CSS} .brush {{ width: 320px; }}")
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()
    drag_finger(page.locator(".sheet"), (60, 120), (160, 120), (260, 120))
    page.wait_for_function(SENT_JS, arg=1)
    drawn = mask_of(page)
    assert drawn.shape == (240, 320)
    assert [drawn[y, x] for x, y in ((160, 20), (160, 120), (160, 80), (20, 200))] == [255, 255, 0, 0]
    page.get_by_role("button", name="Eraser").tap()
    page.get_by_role("button", name="Thin").tap()
    drag_finger(page.locator(".sheet"), (160, 100), (160, 140))
    page.wait_for_function(SENT_JS, arg=2)
    assert [mask_of(page)[120, x] for x in (100, 160)] == [255, 0]
    page.get_by_role("button", name="Swap").tap()
    page.wait_for_function(SENT_JS, arg=3)
    assert [mask_of(page)[120, x] for x in (100, 160)] == [0, 255]
    for count in (4, 5):
        page.get_by_role("button", name="Undo").tap()
        page.wait_for_function(SENT_JS, arg=count)
    assert (mask_of(page) == drawn).all()
    page.get_by_role("button", name="Clear").tap()
    page.wait_for_function(SENT_JS, arg=6)
    assert mask_of(page).max() == 0
    other = brush_data(encoded(make_photo(200, 100)), b"", version="second")
    page.evaluate("data => void window.mount(data)", other)
    expect(page.locator(".sheet")).to_have_js_property("width", 200)
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()


def test_colors_are_drawn_over_each_other_and_there_is_nothing_to_swap(page):
    colors = {"Red": "#ff0000", "Blue": "#0000ff"}
    drawn = Drawn("A picture", "Places", colors)
    data = brush_data(encoded(make_photo(320, 240)), b"", drawn, version="marks")
    mount_component(page, "brush.mjs", HTML, data)
    page.add_style_tag(content=f"{CSS} .brush {{ width: 320px; }}")
    expect(page.get_by_role("button", name="Swap")).to_be_hidden()
    expect(page.get_by_role("button", name="Red")).to_have_attribute("aria-pressed", "true")
    drag_finger(page.locator(".sheet"), (60, 120), (260, 120))
    page.get_by_role("button", name="Blue").tap()
    drag_finger(page.locator(".sheet"), (160, 60), (160, 180))
    page.wait_for_function(SENT_JS, arg=1)
    page.wait_for_timeout(500)
    with Image.open(io.BytesIO(base64.b64decode(page.evaluate("window.sent.at(-1)")["picture"]))) as sent:
        found = [sent.getpixel(place) for place in ((80, 120), (160, 120), (160, 80), (20, 20))]
    assert found == [(255, 0, 0, 255), (0, 0, 255, 255), (0, 0, 255, 255), (0, 0, 0, 0)]
