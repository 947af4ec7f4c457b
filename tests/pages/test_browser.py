"""The pages in headless Chromium, against the real server and the real networks."""

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browsing import ROOT, SCREENSHOTS, keep_screenshot, tap_picture, wait_for_upload
from tests.conftest import encoded, make_photo

DESKTOP, PHONE = (1280, 900), (360, 780)
DOWNLOAD = "Download in full size (300 x 500)"

pytestmark = pytest.mark.browser


@pytest.fixture
def open_page(browser, server):
    pages = []

    def open_page(
        path: str = "", size: tuple[int, int] = DESKTOP, scheme: str = "light", text: str = "Painted in"
    ):
        viewport = {"width": size[0], "height": size[1]}
        page = browser.new_page(viewport=viewport, color_scheme=scheme)
        page.set_default_timeout(60_000)
        page.goto(server + path)
        page.get_by_text(text).first.wait_for()
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        page.close()


def pixels_of(page, alt: str) -> np.ndarray:
    """Pixels of a picture on the page, fetched from where the browser got it."""
    image = page.get_by_alt_text(alt)
    image.wait_for()
    source = image.evaluate("image => image.src")
    if source.startswith("data:"):
        data = base64.b64decode(source.partition(",")[2])
    else:
        data = page.request.get(source).body()
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), np.float32)


def test_the_first_address_ever_asked_for_may_be_any_page(browser, server):
    # Runs first: later the entrance has run and Streamlit knows the pages.
    page = browser.new_page(viewport={"width": DESKTOP[0], "height": DESKTOP[1]})
    page.set_default_timeout(60_000)
    page.goto(f"{server}/camera?style=mosaic")
    page.get_by_role("heading", name="A snapshot, painted").wait_for()
    page.get_by_role("link", name="Your own style").wait_for()
    assert page.locator("[data-testid=stMainBlockContainer]").bounding_box()["width"] > 1000
    page.close()


def test_nothing_is_asked_of_other_hosts(browser, server):
    page = browser.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    for path, text in (("", "Painted in"), ("/custom", "Refine"), ("/batch", "Several photos")):
        page.goto(server + path)
        page.get_by_text(text).first.wait_for()
        page.wait_for_timeout(500)
    page.close()
    assert len(asked) > 10
    assert [url for url in asked if not url.startswith((server, "data:", "blob:"))] == []


MOST_LINKS = 6  # in the row that is always there
# By the page's address: links that lead to it, and a text that it ends with.
PAGES = {
    "": ("Photo", "Painted in"),
    "look": ("Photo > Photo look", "Refine the look (about"),
    "camera": ("Camera", "No picture from the camera?"),
    "live": ("Camera > Live", "pictures a second"),
    "batch": ("Photos and clips", "Choose photos first"),
    "clip": ("Photos and clips > A clip", "Choose a clip: its first frame"),
    "draw": ("Draw", "ms on this device"),
    "custom": ("Your own style", "Refine (about"),
    "how_it_works": ("How it works", "Sources and licen"),
}


@pytest.fixture
def complaints(browser):
    """A page, and what its browser complains of."""
    page, said = browser.new_page(viewport={"width": DESKTOP[0], "height": DESKTOP[1]}), []
    page.set_default_timeout(60_000)
    page.on(
        "console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None
    )
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("requestfailed", lambda request: said.append(f"{request.url}: {request.failure}"))
    page.on(
        "response", lambda answer: said.append(f"{answer.status} {answer.url}") if not answer.ok else None
    )
    yield page, said
    page.close()


def wait_until_still(page, text: str) -> None:
    page.get_by_text(text).first.wait_for()
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    page.wait_for_function("[...document.images].every(image => image.complete)")


@pytest.mark.parametrize("address", PAGES)
def test_a_page_opened_by_its_address_leaves_the_console_clean(complaints, server, address):
    page, said = complaints
    page.goto(f"{server}/{address}")
    wait_until_still(page, PAGES[address][1])
    assert said == []


def test_going_from_page_to_page_leaves_the_console_clean(complaints, server):
    page, said = complaints
    page.goto(server)
    wait_until_still(page, PAGES[""][1])
    assert page.locator(".st-key-page_groups a:visible").count() <= MOST_LINKS
    for address, (names, text) in [*list(PAGES.items())[1:], ("", PAGES[""])]:
        for name in names.split(" > "):
            page.get_by_role("link", name=name, exact=True).click()
        wait_until_still(page, text)
        assert page.evaluate("location.pathname") == f"/{address}"
    assert said == []


def test_the_first_page_says_what_there_is(open_page):
    page = open_page()
    links = page.locator(".st-key-more_pages a")
    expect(links).to_have_count(len(PAGES) - 1, timeout=60_000)
    addresses = links.evaluate_all("links => links.map(link => new URL(link.href).pathname.slice(1))")
    assert set(addresses) == PAGES.keys() - {""}
    titles = {name for names, _ in PAGES.values() for name in names.split(" > ")}
    texts = links.evaluate_all("links => links.map(link => link.innerText)")
    assert not titles & set(texts)  # what a page does, not its title again


def test_every_page_is_opened_by_these_tests():
    assert {path.stem for path in (ROOT / "pages").glob("[!_]*.py")} == {"gallery", *PAGES} - {""}


def test_a_refined_painting_is_shared_and_leaves_the_console_clean(complaints, server):
    page, said = complaints
    can_share(page)
    page.goto(f"{server}/custom")
    wait_until_still(page, "Refine (about")
    page.get_by_role("button", name="Refine").click()
    page.locator("[data-testid=stVegaLiteChart]").wait_for(timeout=180_000)
    page.get_by_role("button", name="Stop and keep the best so far").click()
    page.get_by_text("this is the best picture so far").wait_for()
    page.get_by_role("button", name="Share", exact=True).click()
    name, _, data = shared_by(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download (").click()
    assert name == download.value.suggested_filename
    assert data == Path(download.value.path()).read_bytes()
    assert said == []


SHARING_JS = """
window.shared = [];
let refusals = REFUSALS;
Object.defineProperty(navigator, 'canShare', { value: ({ files }) => files.length === 1 });
Object.defineProperty(navigator, 'share', { value: async ({ files: [file] }) => {
  if (refusals-- > 0) throw new DOMException('no tap', 'NotAllowedError');
  const reader = new FileReader();
  reader.onload = () => window.shared.push([file.name, file.type, reader.result]);
  reader.readAsDataURL(file);
} });
"""


def can_share(page, *, refusals: int = 0) -> None:
    """Have a page's browser share files: kept in `window.shared`, after some refusals for want of a tap."""
    page.add_init_script(SHARING_JS.replace("REFUSALS", str(refusals)))


def shared_by(page) -> tuple[str, str, bytes]:
    page.wait_for_function("window.shared.length")
    name, mime, data = page.evaluate("window.shared.pop()")
    return name, mime, base64.b64decode(data.partition(",")[2])


def test_a_painting_is_shared_as_it_is_downloaded(complaints, server):
    page, said = complaints
    can_share(page)
    page.goto(f"{server}/?style=mosaic")
    wait_until_still(page, "Painted in")
    page.get_by_role("button", name="Share", exact=True).click()
    name, mime, data = shared_by(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download in full size").click()
    assert (name, mime) == (download.value.suggested_filename, "image/jpeg")
    assert data == Path(download.value.path()).read_bytes()
    page.get_by_role("button", name="Fire", exact=True).click()
    page.get_by_alt_text("Your photo painted like Fire").wait_for()
    page.get_by_role("button", name="Share", exact=True).click()
    assert shared_by(page)[0].endswith("_fire.jpg")
    assert said == []


def test_a_snapshot_is_shared(complaints, server):
    page, said = complaints
    can_share(page)
    page.goto(f"{server}/camera")
    wait_until_still(page, PAGES["camera"][1])
    page.wait_for_function("document.querySelector('video')?.readyState === 4")
    page.get_by_role("button", name="Take Photo").click()
    page.get_by_role("button", name="Share", exact=True).click()
    assert shared_by(page)[0].startswith("snapshot_")
    assert said == []


def test_a_file_that_took_longer_than_a_tap_counts_is_shared_by_the_next(complaints, server):
    page, said = complaints
    can_share(page, refusals=1)
    page.goto(f"{server}/?style=mosaic")
    wait_until_still(page, "Painted in")
    page.get_by_role("button", name="Share", exact=True).click()
    page.get_by_role("button", name="Ready: share now").click()
    assert shared_by(page)[0].endswith("_mosaic.jpg")
    assert said == []


@pytest.mark.parametrize("address", ["", "custom"])
def test_nothing_is_shared_where_the_browser_cannot(complaints, server, address):
    page, said = complaints
    page.add_init_script("Object.defineProperty(navigator, 'canShare', { value: undefined })")
    page.goto(f"{server}/{address}")
    wait_until_still(page, PAGES[address][1])
    assert page.get_by_role("button", name="Share").count() == 0
    assert said == []


def test_each_page_has_its_own_title(open_page):
    page = open_page()
    expect(page).to_have_title("Impasto: your photo, painted")
    page.get_by_role("link", name="How it works").click()
    expect(page).to_have_title("How it works - Impasto")


def test_from_upload_to_download(open_page):
    page = open_page()
    photo = make_photo(600, 400)
    upload = {"name": "beach.png", "mimeType": "image/png", "buffer": encoded(photo)}
    page.locator("input[type=file]").set_input_files(upload)
    page.get_by_text("Download in full size (600 x 400)").wait_for()
    page.get_by_role("button", name="Mosaic", exact=True).click()
    page.get_by_text("Painted: Mosaic").wait_for()
    painted = pixels_of(page, "Your photo painted like Mosaic")
    original = pixels_of(page, "Your photo as it was")
    assert painted.shape == original.shape == (400, 600, 3)
    assert np.abs(original - np.asarray(photo, np.float32)).mean() < 6
    assert np.abs(painted - original).mean() > 15
    with page.expect_download() as download:
        page.get_by_role("button", name="Download in full size").click()
    assert download.value.suggested_filename == "beach_mosaic.jpg"
    with Image.open(download.value.path()) as file:
        assert file.size == (600, 400)
        assert np.abs(np.asarray(file, np.float32) - painted).mean() < 6
    keep_screenshot(page, "upload")


def test_a_text_file_is_answered_with_a_message(open_page):
    page = open_page()
    upload = {"name": "diary.jpg", "mimeType": "image/jpeg", "buffer": b"dear diary"}
    page.locator("input[type=file]").set_input_files(upload)
    page.get_by_text("Choose another photo").wait_for()
    keep_screenshot(page, "bad_upload")


def test_a_running_batch_moves_nothing(open_page):
    page = open_page("/batch", text="Choose photos first")
    heading = page.get_by_role("heading", name="Several photos")
    before = heading.bounding_box()
    page.locator("input[type=file]").first.set_input_files(
        {"name": "a.png", "mimeType": "image/png", "buffer": encoded(make_photo(300, 200))}
    )
    page.get_by_role("button", name="Make 1 painting").click()
    page.get_by_role("button", name="Download 1 painting as ZIP").wait_for()
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    assert heading.bounding_box() == before


def test_a_link_opens_its_look(open_page):
    page = open_page("/?style=the_wave&strength=70")
    page.get_by_text("Painted: The Wave").wait_for()
    page.get_by_text("70%").first.wait_for()


def test_a_blend_is_mixed_by_clicks_and_sent_as_a_link(open_page):
    page = open_page()
    page.locator("summary", has_text="Blend").click()
    choice = page.get_by_role("combobox", name="Mix in other styles")
    mosaic = page.get_by_role("option", name="Mosaic")
    for _ in range(60):  # the list closes while the box around it still opens
        choice.fill("")
        choice.fill("Mosaic")
        page.wait_for_timeout(500)
        if mosaic.is_visible():
            break
    mosaic.click()
    page.get_by_text("Painted: Starry Night and Mosaic").wait_for()
    mixed = pixels_of(page, "Your photo painted like Starry Night and Mosaic")
    keep_screenshot(page, "blend")
    page.wait_for_function("location.search.includes('blend')")
    friend = open_page(page.evaluate("location.pathname + location.search"), PHONE, "dark")
    friend.get_by_text("Painted: Starry Night and Mosaic").wait_for()
    assert np.array_equal(pixels_of(friend, "Your photo painted like Starry Night and Mosaic"), mixed)


def test_back_leads_to_the_page_before_and_loses_nothing(open_page):
    page = open_page("/?style=fire&strength=120&strokes=Coarse&preserve_color=true")
    page.get_by_alt_text("Your photo painted like Fire").wait_for()
    page.get_by_role("button", name="Mosaic", exact=True).click()
    page.get_by_alt_text("Your photo painted like Mosaic").wait_for()
    page.get_by_role("link", name="How it works").click()
    page.get_by_text("How a photo becomes a painting").wait_for()
    page.get_by_role("link", name="Photo", exact=True).click()
    page.get_by_alt_text("Your photo painted like Mosaic").wait_for()
    page.go_back()
    page.get_by_text("How a photo becomes a painting").wait_for()
    page.go_back()
    page.get_by_alt_text("Your photo painted like Mosaic").wait_for()
    address = page.evaluate("location.search")
    assert address == "?style=mosaic&strength=120&strokes=Coarse&preserve_color=true"
    assert page.get_by_role("slider", name="Strength").input_value() == "120"


def test_a_tap_before_the_answer_to_the_one_before_is_painted(open_page):
    page = open_page("/?blend=Fire")
    for key in ("style_fire", "style_pink"):
        page.locator(f".st-key-{key} button").wait_for()
    page.evaluate(
        """() => {
          document.querySelector('.st-key-style_fire button').click();
          setTimeout(() => document.querySelector('.st-key-style_pink button').click(), 60);
        }"""
    )
    page.get_by_alt_text("Your photo painted like Pink").wait_for()
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    assert page.get_by_text("encountered an error").count() == 0


def test_settings_for_ones_own_style_are_sent_as_a_link(open_page):
    page = open_page("/custom")
    page.get_by_role("radio", name="Good").click()
    page.get_by_text("Keep the photo's colors").click()
    page.wait_for_function("location.search.includes('quality') && location.search.includes('color')")
    friend = open_page(page.evaluate("location.pathname + location.search"), PHONE)
    expect(friend.get_by_role("radio", name="Good")).to_be_checked()
    expect(friend.get_by_role("switch", name="Keep the photo's colors")).to_be_checked()


@pytest.mark.parametrize(
    ("name", "size", "scheme"),
    [("desktop", DESKTOP, "light"), ("phone", PHONE, "light"), ("desktop_dark", DESKTOP, "dark")],
)
def test_nothing_sticks_out_of_the_window(open_page, name, size, scheme):
    page = open_page(size=size, scheme=scheme)
    page.get_by_alt_text("Your photo as it was").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    painted = page.get_by_alt_text("Your photo painted like").bounding_box()
    assert painted["x"] >= 0
    assert painted["x"] + painted["width"] <= size[0]
    assert painted["width"] > 0.4 * size[0]
    keep_screenshot(page, name)


def test_the_painting_is_in_the_first_window(open_page):
    page = open_page(size=DESKTOP)
    painted = page.get_by_alt_text("Your photo painted like").bounding_box()
    styles = page.get_by_role("button", name="Mosaic", exact=True).bounding_box()
    assert painted["y"] + painted["height"] <= DESKTOP[1]
    assert styles["y"] + styles["height"] <= DESKTOP[1]


def test_on_a_phone_the_painting_stays_in_view_while_things_are_chosen(open_page):
    width, height = 360, 640
    page = open_page(size=(width, height))
    upload = {"name": "tall.png", "mimeType": "image/png", "buffer": encoded(make_photo(300, 500))}
    page.locator("input[type=file]").set_input_files(upload)
    page.get_by_text(DOWNLOAD).wait_for()
    painting = page.get_by_alt_text("Your photo painted like")
    assert painting.bounding_box()["y"] + painting.bounding_box()["height"] <= height
    page.get_by_role("button", name="The Wave", exact=True).click()
    page.get_by_text("Painted: The Wave").wait_for()
    named = [page.get_by_role("button", name=name, exact=True) for name in ("The Wave", DOWNLOAD)]
    for button in (*named, page.locator("summary", has_text="Blend")):
        button.scroll_into_view_if_needed()
        place, shown = button.bounding_box(), painting.bounding_box()
        assert 0 <= shown["y"] < shown["y"] + shown["height"] <= place["y"]
        assert place["y"] + place["height"] <= height
    page.screenshot(path=SCREENSHOTS / "phone_choosing.png")


def test_on_a_desktop_the_painting_stays_in_view_while_things_are_chosen(open_page):
    page = open_page(size=DESKTOP)
    page.locator("summary", has_text="Blend").click()
    # As far as a visitor scrolls to see it; further down, the painting leaves with its row.
    page.get_by_role("combobox", name="Mix in other styles").evaluate(
        "choice => choice.scrollIntoView({block: 'nearest'})"
    )
    # The end of the row, with the download below the painting, may push a little of it out.
    expect(page.get_by_alt_text("Your photo painted like")).to_be_in_viewport(ratio=0.8)
    page.screenshot(path=SCREENSHOTS / "desktop_choosing.png")


def test_a_tap_on_a_tile_s_picture_chooses_it(open_page):
    page = open_page()
    tap_picture(page, "A temple painted like The Wave")
    page.get_by_text("Painted: The Wave").wait_for()
    tap_picture(page, "Sample: Cat")
    page.get_by_alt_text("Sample: Cat (chosen)").wait_for()


def test_the_keyboard_stays_on_the_tile_that_it_pressed(open_page):
    page = open_page()
    for key, alt in (
        ("style_mosaic", "A temple painted like Mosaic (chosen)"),
        ("photo_sample_cat", "Cat (chosen)"),
    ):
        page.locator(f".st-key-{key} button").focus()
        page.keyboard.press("Enter")
        page.get_by_alt_text(alt).wait_for()
        assert page.evaluate(f"document.querySelector('.st-key-{key}').contains(document.activeElement)")


def test_a_file_that_is_too_large_is_answered_in_sight(open_page, tmp_path):
    page = open_page()
    large = tmp_path / "large.jpg"
    with large.open("wb") as file:
        file.truncate(51 * 2**20)
    page.locator("input[type=file]").first.set_input_files(large)
    message = page.get_by_text("File must be 50.0MB or smaller")
    message.wait_for()
    # The page's own CSS may come a moment later than its elements.
    page.wait_for_function("message => message.offsetWidth > 100", arg=message.element_handle())


def test_any_style_is_painted_refined_and_stopped(open_page):
    page = open_page("/custom")
    style = {"name": "drawing.png", "mimeType": "image/png", "buffer": encoded(make_photo(300, 300, seed=2))}
    page.locator("input[type=file]").nth(1).set_input_files(style)
    wait_for_upload(page, "style_picture")
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    page.get_by_role("button", name="Refine").click()
    page.get_by_alt_text("The instant painting").wait_for(timeout=120_000)
    page.get_by_alt_text("The painting so far").wait_for(timeout=120_000)
    assert page.get_by_text(re.compile(r"Step \d+ of 50")).is_visible()
    keep_screenshot(page, "refining")
    page.get_by_role("button", name="Stop and keep the best so far").click()
    page.get_by_text("this is the best picture so far").wait_for()
    refined = pixels_of(page, "Your photo in your style, refined")
    assert refined.shape == (256, 384, 3)
    keep_screenshot(page, "refined")
    # A reload loses the session; the address still leads to the run.
    assert "run=" in page.url
    page.reload()
    page.get_by_text("this is the best picture so far").wait_for()
    assert np.array_equal(pixels_of(page, "Your photo in your style, refined"), refined)


def test_the_slider_uncovers_the_painting(open_page):
    page = open_page("/custom")
    before = page.get_by_alt_text("Your photo as it was")
    before.wait_for()
    box = before.bounding_box()
    slider = page.get_by_role("slider", name="Slide between Photo and Painting")
    page.mouse.click(box["x"] + 0.9 * box["width"], box["y"] + box["height"] / 2)
    assert int(slider.input_value()) > 80
    assert "%" in before.evaluate("image => getComputedStyle(image).clipPath")
    slider.press("Home")
    assert slider.input_value() == "0"


def test_the_camera_gives_the_photo(open_page):
    page = open_page("/custom", size=PHONE)
    # While the page is still being built, the first camera by its text may be the style picture's.
    page.locator(".st-key-content_has_camera").get_by_text("Use the camera").click()
    page.locator(".st-key-content_camera video").wait_for()
    page.wait_for_function("document.querySelector('video').readyState === 4")
    page.get_by_role("button", name="Take Photo").click()
    page.get_by_role("button", name="Clear photo").wait_for()
    page.get_by_text(re.compile(r"Painted in \d")).wait_for()
    for _ in range(300):
        if pixels_of(page, "Your photo as it was").shape != (427, 640, 3):  # no longer the sample
            break
        page.wait_for_timeout(200)
    assert pixels_of(page, "Your photo as it was").shape != (427, 640, 3)
    keep_screenshot(page, "camera_phone")


def test_the_custom_page_fits_a_phone(open_page):
    page = open_page("/custom", size=PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    keep_screenshot(page, "custom_phone")


def test_the_chosen_style_is_in_sight_on_the_next_page(open_page):
    page = open_page(size=PHONE)
    page.locator(".st-key-style_ink button").click()
    page.get_by_text("Painted: Ink").wait_for()
    page.get_by_role("link", name="Photos and clips").click()
    page.get_by_text("Choose photos first").wait_for()
    expect(page.locator(".st-key-style_ink")).to_be_in_viewport(ratio=1)
