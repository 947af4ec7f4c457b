"""Every fault that `pages/shared/streamlit_workarounds.py` works around, shown without the workaround.

A test here that fails says that a workaround can go.
"""

import asyncio
import importlib.util
import io
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import streamlit as st
from PIL import Image
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartParser
from streamlit.elements.lib import image_utils
from streamlit.elements.lib.layout_utils import LayoutConfig
from streamlit.runtime import media_file_manager, memory_media_file_storage
from streamlit.runtime.media_file_manager import MediaFileManager, MediaFileMetadata
from streamlit.runtime.media_file_storage import MediaFileKind
from streamlit.testing.v1 import AppTest

from pages.shared import streamlit_workarounds as workarounds
from tests.browsing import ROOT, running_server

# One script for all: the address says which fault it shows.
FAULTS = """
import io
import streamlit as st
from PIL import Image

fault = st.query_params.get("fault")
state = st.session_state
if fault == "icon":
    st.set_page_config(page_icon=":material/palette:")
elif fault == "choice":
    st.slider("Slider", 0, 100, 50)
    st.segmented_control("Choice", ["One", "Two"], default="One")
elif fault == "refusal":
    st.file_uploader("File", max_upload_size=1)
elif fault == "history":
    if st.button("Write"):
        st.query_params["count"] = state.count = state.get("count", 0) + 1
elif fault == "place":
    if st.session_state.get("is_watched"):
        st.markdown("Watching")
    st.header("Below")
    st.button("Watch", on_click=lambda: state.update(is_watched=True))
elif fault == "focus":
    kind = "primary" if state.get("is_chosen") else "secondary"
    st.button("Style", type=kind, on_click=lambda: state.update(is_chosen=True))
elif fault == "row":
    with st.grid(4, wrap=False, key="row"):
        st.image(Image.new("RGB", (60, 60)))
elif fault == "chart":
    st.line_chart({"step": [1, 2, 3], "loss": [3.0, 2.0, 1.0]}, x="step", y="loss")
st.write("Shown")
"""
NAVIGATION = """
import streamlit as st

page = st.navigation([st.Page("pages/first.py", default=True), st.Page("pages/second.py")], position="top")
st.write("Run by the entrance")
st.page_link("pages/second.py", label="Link")
page.run()
"""


def take_settings(folder: Path) -> None:
    """Give a script in a folder the app's own settings."""
    (folder / ".streamlit").mkdir()
    (folder / ".streamlit" / "config.toml").write_bytes((ROOT / ".streamlit" / "config.toml").read_bytes())


@pytest.fixture(scope="module")
def faults(tmp_path_factory) -> Iterator[str]:
    """Address of a server of `FAULTS`, in the app's own theme."""
    folder = tmp_path_factory.mktemp("faults")
    take_settings(folder)
    (folder / "faults.py").write_text(FAULTS)
    with running_server(folder / "faults.py") as (url, _):
        yield url


@pytest.fixture
def show(browser, faults) -> Iterator:
    pages = []

    def show(fault: str, scheme: str = "light", on_event: tuple = ()):
        page = browser.new_page(color_scheme=scheme)
        page.set_default_timeout(60_000)
        if on_event:
            page.on(*on_event)
        page.goto(f"{faults}/?fault={fault}")
        page.get_by_text("Shown").wait_for()
        page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
        pages.append(page)
        return page

    yield show
    for page in pages:
        page.close()


@pytest.fixture
def two_pages(tmp_path) -> Path:
    """A script with two pages in a folder `pages`, as this app has them."""
    (tmp_path / "pages").mkdir()
    for name in ("first", "second"):
        (tmp_path / "pages" / f"{name}.py").write_text(
            f"import streamlit as st\nst.header('The {name} page')"
        )
    (tmp_path / "app.py").write_text(NAVIGATION)
    return tmp_path / "app.py"


def parse_upload(megabytes: int) -> UploadFile:
    head = b'--edge\r\nContent-Disposition: form-data; name="f"; filename="f.jpg"\r\n\r\n'

    async def body():
        yield head + bytes(megabytes * 2**20) + b"\r\n--edge--\r\n"

    headers = Headers({"content-type": "multipart/form-data; boundary=edge"})
    parser = MultiPartParser(headers, body())
    with ThreadPoolExecutor() as threads:  # the browser tests leave an event loop in this one
        return threads.submit(lambda: asyncio.run(parser.parse())).result()["f"]


def test_an_upload_would_be_written_to_disk(monkeypatch):
    spec = importlib.util.find_spec("starlette.formparsers")
    untouched = importlib.util.module_from_spec(spec)  # other tests have started the app in this process
    spec.loader.exec_module(untouched)
    monkeypatch.setattr(MultiPartParser, "spool_max_size", untouched.MultiPartParser.spool_max_size)
    assert parse_upload(3).file._rolled
    workarounds.keep_uploads_in_memory()
    upload = parse_upload(3)
    assert upload.size == 3 * 2**20
    assert not upload.file._rolled


def test_two_large_files_would_be_taken_for_one(monkeypatch):
    untouched = importlib.util.module_from_spec(memory_media_file_storage.__spec__)
    memory_media_file_storage.__spec__.loader.exec_module(untouched)
    threshold = untouched._PARTIAL_HASH_THRESHOLD
    monkeypatch.setattr(memory_media_file_storage, "_PARTIAL_HASH_THRESHOLD", threshold)
    first, second = bytes(2 * 2**20), bytearray(2 * 2**20)
    second[2**18] = 1

    def name_of(data: bytes) -> str:
        return memory_media_file_storage.MemoryMediaFileStorage("/media").load_and_get_id(
            data, "image/jpeg", MediaFileKind.DOWNLOADABLE, "photo.jpg"
        )

    assert name_of(first) == name_of(bytes(second))
    workarounds.tell_files_apart()
    assert name_of(first) != name_of(bytes(second))


def test_a_file_would_be_deleted_before_it_is_fetched(monkeypatch):
    monkeypatch.setattr(media_file_manager, "MediaFileMetadata", MediaFileMetadata)

    def is_kept() -> bool:
        """Whether a file that is made at a click is there after three script runs of others."""
        manager = MediaFileManager(memory_media_file_storage.MemoryMediaFileStorage("/media"))
        made = manager.add_deferred(lambda: b"painting", "image/png", "0.0", file_name="a.png")
        url = manager.execute_deferred(made)
        for _ in range(3):
            manager.remove_orphaned_files()
        return Path(url).stem in manager._file_metadata

    assert not is_kept()
    workarounds.keep_files_until_fetched()
    assert is_kept()
    monkeypatch.setattr(workarounds, "FETCHED_S", -1.0)
    assert not is_kept()  # later it goes, as before


@pytest.mark.parametrize("has_hook", [False, True])
def test_an_app_would_not_open_the_browser(tmp_path, monkeypatch, has_hook):
    opened = tmp_path / "opened"
    command = tmp_path / "xdg-open"
    command.write_text(f'#!/bin/sh\necho "$1" >> {opened}\n')
    command.chmod(0o755)
    script = tmp_path / "app.py"
    script.write_text(
        "import streamlit as st\nfrom pages.shared.streamlit_workarounds import open_browser\n"
        f"app = st.App('app.py', lifespan={'open_browser' if has_hook else None})\n"
    )
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    with running_server(script, is_headless=False) as (url, _):
        deadline = time.monotonic() + (30 if has_hook else 2)
        while not opened.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        assert opened.exists() == has_hook
        if has_hook:
            time.sleep(1)
            assert opened.read_text().splitlines() == [url]


@pytest.mark.browser
def test_the_first_address_would_be_a_page_without_navigation(browser, two_pages):
    with running_server(two_pages) as (url, _):
        page = browser.new_page()
        page.goto(f"{url}/second")
        page.get_by_text("The second page").wait_for()
        page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
        assert page.get_by_text("Run by the entrance").count() == 0
        page.close()


@pytest.mark.browser
def test_a_page_opened_by_its_address_would_ask_for_what_is_not_there(browser, two_pages):
    with running_server(two_pages) as (url, _):
        page = browser.new_page()
        failed = []
        page.on("response", lambda response: failed.append(response.url) if response.status == 404 else None)
        page.goto(f"{url}/second")
        page.get_by_text("The second page").wait_for()
        page.close()
    assert {f"{url}/second/_stcore/health", f"{url}/second/_stcore/host-config"} == set(failed)


@pytest.mark.browser
def test_links_to_pages_would_be_out_of_sight_on_phones(browser, two_pages):
    with running_server(two_pages) as (url, _):
        page = browser.new_page(viewport={"width": 390, "height": 780})
        page.goto(url)
        page.get_by_text("The first page").wait_for()
        page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
        place = page.get_by_role("link", name="second").bounding_box()
        assert place is None or place["x"] + place["width"] <= 0
        page.close()


@pytest.mark.browser
def test_a_page_icon_would_come_from_another_host(show, faults):
    asked = []
    page = show("icon", on_event=("request", lambda request: asked.append(request.url)))
    page.wait_for_timeout(500)
    assert [url for url in asked if not url.startswith((faults, "data:", "blob:"))]


@pytest.mark.browser
@pytest.mark.parametrize("element", ["[data-testid=stSliderThumbValue]", "button[data-selected=true] p"])
def test_what_is_chosen_would_be_hard_to_read(show, element):
    page = show("choice", "dark")
    assert page.locator(element).first.evaluate("element => getComputedStyle(element).color") == (
        "rgb(194, 85, 43)"  # the primary color, whose contrast to the background is 3.9; 4.5 is needed
    )


@pytest.mark.browser
def test_why_a_file_is_refused_would_not_be_seen(show):
    page = show("refusal")
    large = {"name": "large.bin", "mimeType": "image/png", "buffer": bytes(2 * 2**20)}
    page.locator("input[type=file]").set_input_files(large)
    message = page.locator("[data-testid=stFileChip] [role=alert]")
    message.wait_for(state="attached")
    assert message.evaluate("message => message.offsetWidth") <= 1


@pytest.mark.browser
def test_the_address_would_add_an_entry_to_the_history_each_time(show):
    page = show("history")
    before = page.evaluate("history.length")
    for count in (1, 2):
        page.get_by_role("button", name="Write").click()
        page.wait_for_function(f"location.search.includes('count={count}')")
    assert page.evaluate("history.length") == before + 2


@pytest.mark.browser
def test_what_follows_a_new_element_would_be_drawn_anew(show):
    page = show("place")
    page.evaluate("document.querySelector('h2').isMarked = true")
    page.get_by_role("button", name="Watch").click()
    page.get_by_text("Watching").wait_for()
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    assert not page.evaluate("document.querySelector('h2').isMarked")


@pytest.mark.browser
def test_a_button_that_turns_primary_would_lose_the_focus(show):
    page = show("focus")
    page.get_by_role("button", name="Style").focus()
    page.keyboard.press("Enter")
    page.locator("[data-testid=stBaseButton-primary]").wait_for()
    assert not page.evaluate("document.querySelector('.stButton').contains(document.activeElement)")


@pytest.mark.browser
def test_a_link_that_the_keyboard_has_reached_would_have_no_outline(browser, two_pages):
    with running_server(two_pages) as (url, _):
        page = browser.new_page()
        page.goto(url)
        page.get_by_text("The first page").wait_for()
        page.get_by_role("link", name="Link", exact=True).focus()
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Tab")
        focused = "getComputedStyle(document.activeElement)"
        assert page.evaluate("document.activeElement.textContent") == "Link"
        assert page.evaluate(f"[{focused}.outlineStyle, {focused}.boxShadow]") == ["none", "none"]
        page.close()


@pytest.mark.browser
def test_a_row_that_scrolls_would_have_room_above(show):
    page = show("row")
    assert page.locator(".st-key-row").evaluate("row => parseFloat(getComputedStyle(row).paddingTop)") > 0


@pytest.mark.browser
def test_a_chart_would_warn_in_the_console(show):
    said = []
    page = show("chart", on_event=("console", lambda message: said.append(message.text)))
    page.locator("[data-testid=stVegaLiteChart] svg, [data-testid=stVegaLiteChart] canvas").first.wait_for()
    page.wait_for_timeout(500)
    assert any("Infinite extent" in text for text in said)


def choose_of_fewer() -> None:
    st.multiselect("Blend", ["Pink"], key="blend")


def test_an_option_that_is_gone_would_be_an_error():
    app = AppTest.from_function(choose_of_fewer)
    app.session_state.blend = ["Fire"]
    assert app.run().exception


def test_an_animation_would_stand_still():
    first, *others = [Image.new("RGB", (64, 48), color) for color in ("red", "green", "blue")]
    data = io.BytesIO()
    first.save(data, "WEBP", save_all=True, append_images=others, duration=100)
    image_format = image_utils._validate_image_format_string(data.getvalue(), "auto")
    shown = image_utils._ensure_image_size_and_format(
        data.getvalue(), LayoutConfig(width="stretch"), image_format
    )
    with Image.open(io.BytesIO(shown)) as image:
        assert getattr(image, "n_frames", 1) == 1
