"""Clips on the page "Photo look"."""

import threading
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect
from streamlit.testing.v1 import AppTest

from pages.shared import long_jobs, look_clips, looking
from stylecore import ClipLimits
from stylecore.host.jobs import JobState
from stylecore.photoreal import clips
from stylecore.video.reading import open_clip
from tests.browsing import keep_screenshot
from tests.conftest import encoded
from tests.pages.conftest import captions, open_app
from tests.photoreal.conftest import TINY, colored_photo
from tests.video.making import RATE, panning, write_animation, write_clip

pytestmark = pytest.mark.usefixtures("clear_caches", "small_paintings")


@pytest.fixture(autouse=True)
def tiny_looks(monkeypatch) -> None:
    monkeypatch.setattr(look_clips, "look_config", lambda method: TINY)


@pytest.fixture(scope="module")
def video(tmp_path_factory) -> bytes:
    """Two scenes of a second each, with sound."""
    other = np.asarray(colored_photo(96, 64, 0.8, 9)) // 3
    path = tmp_path_factory.mktemp("clips") / "beach.mp4"
    return write_clip(path, [*panning(RATE, speed=1), *[other] * RATE], sound="aac").read_bytes()


def drop(app: AppTest, data: bytes, name: str, mime: str = "video/mp4") -> AppTest:
    app.file_uploader[0].upload(name, data, mime).run()
    assert not app.exception
    return app


def job_of(app: AppTest) -> look_clips.LookClipJob:
    return long_jobs.job_queue().find(app.session_state.visit.tokens["look_clip"])


def open_look_page() -> AppTest:
    return open_app().switch_page("pages/look.py").run()


def test_a_clip_is_dropped_instead_of_a_photo_and_takes_over_the_colors(video, tmp_path):
    app = drop(open_look_page(), video, "beach.mp4")
    visit = app.session_state.visit
    assert (visit.clip.name, visit.photo) == ("beach", [])
    assert "Still chosen: beach.mp4" in captions(app)
    assert "In the clip, the look fits each scene" in captions(app)
    assert not app.get("camera_input")
    app.slider(key=f"clip_part_{visit.clip.checksum}").set_value((0.5, 1.5)).run()
    app.button(key="paint_clip").click().run()
    assert job_of(app).wait(120)
    app.run()
    assert not app.exception
    result = job_of(app).result
    assert (result.result.frames, result.result.cuts, result.result.has_sound) == (RATE, 1, True)
    assert app.get("video")
    assert "The look of Evening, 1.0 s in 10 frames of 96 x 64, with sound." in captions(app)
    assert app.get("download_button")[0].label.startswith("Download MP4")
    path = tmp_path / "look.mp4"
    path.write_bytes(result.read())
    red, _, blue = np.mean([frame.pixels.mean((0, 1)) for frame in open_clip(path, ClipLimits()).frames()], 0)
    assert red > blue + 20  # as in the evening
    app.slider(key="look_strength").set_value(50).run()  # a frame again; the clip stays below
    assert "Your last clip" in [each.value for each in app.subheader]
    app.button(key="remove_clip").click().run()
    assert "Refined, it fits this photo" in captions(app)
    assert not app.exception


def test_a_kept_look_gives_a_clip_its_global_part_and_an_animation_stays_one(tmp_path):
    path = write_animation(tmp_path / "wave.gif", panning(3), [100] * 3)
    app = drop(open_look_page(), path.read_bytes(), "wave.gif", "image/gif")
    look = looking.instant_look(encoded(colored_photo(96, 80, -0.3, 1)), encoded(colored_photo(80, 96, 1, 2)))
    app.session_state.visit.kept_look = "warm", look
    app.run()
    assert "A kept look gives a clip its colors as a whole." in captions(app)
    app.button(key="paint_clip").click().run()
    assert job_of(app).wait(120)
    assert job_of(app).result.read()[:4] == b"GIF8"
    assert job_of(app).result.result.cuts == 0


def test_a_clip_that_is_stopped_before_its_first_frame_says_so(video, monkeypatch):
    fit_scenes, is_fitting, is_open = clips.fit_scenes, threading.Event(), threading.Event()

    def fit(*arguments, on_fit, should_stop, **settings):
        def note(state):
            on_fit(state)
            is_fitting.set()
            is_open.wait(60)

        return fit_scenes(*arguments, on_fit=note, should_stop=should_stop, **settings)

    monkeypatch.setattr(clips, "fit_scenes", fit)
    app = drop(open_look_page(), video, "beach.mp4")
    app.button(key="paint_clip").click().run()
    job = job_of(app)
    assert is_fitting.wait(60)
    app.run()
    assert app.get("progress")[0].proto.text.startswith("Key frame 1 of 2, about")
    again = open_app()  # after the page was loaded again
    again.query_params["look_clip"] = job.token
    again.switch_page("pages/look.py").run()
    assert "Your clip" in [each.value for each in again.subheader]
    again.button(key="stop_clip").click().run()
    is_open.set()
    assert job.wait(60)
    app.run()
    assert "Stopped before its first frame." in [each.value for each in app.info]
    assert job.state is JobState.CANCELLED


def test_a_bad_clip_is_one_sentence_and_a_photo_follows(video):
    app = drop(open_look_page(), b"dear diary", "diary.mp4")
    assert [error.value for error in app.error] == [
        "Diary.mp4 is not a clip that can be read: use MP4, MOV, WebM, GIF, or animated WebP or PNG. "
        "Choose another photo or clip."
    ]
    drop(app, encoded(colored_photo(96, 80, -0.3, 1)), "noon.png", "image/png")
    assert not app.error
    assert "Refined, it fits this photo" in captions(app)


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize("size", [(1280, 900), (390, 844)], ids=["desktop", "phone"])
def test_a_clip_gets_a_look_in_the_browser(browser, server, video, size):
    page = browser.new_page(viewport={"width": size[0], "height": size[1]})
    page.set_default_timeout(120_000)
    page.goto(f"{server}/look")
    page.get_by_text("At once, by the colors as a whole").wait_for()
    beach = {"name": "beach.mp4", "mimeType": "video/mp4", "buffer": video}
    page.locator("input[type=file]").first.set_input_files(beach)
    page.get_by_alt_text("A frame of your clip in the look of Evening").wait_for()
    page.get_by_role("button", name="Make the clip").click()
    expect(page.locator("video")).to_have_js_property("videoWidth", 96, timeout=120_000)
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    with page.expect_download() as download:
        page.get_by_role("button", name="Download MP4").click()
    assert download.value.suggested_filename == "beach_evening.mp4"
    with Path(download.value.path()).open("rb") as file:
        assert file.read(8)[4:] == b"ftyp"
    keep_screenshot(page, f"look_clip_{size[0]}")
    page.close()
