"""The page "A clip": its jobs in the queue, its files on the disk, and one flow in headless Chromium."""

import gc
import threading
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, expect
from streamlit.testing.v1 import AppTest

from pages.shared import clip_files, clip_painting, limits, long_jobs, painting
from pages.shared.clip_files import PaintedClip
from pages.shared.clip_painting import ClipJob
from stylecore import ClipError, ClipLimits
from stylecore.host.jobs import JobState
from stylecore.video.reading import open_clip
from tests.browsing import keep_screenshot
from tests.conftest import encoded, make_photo
from tests.pages.conftest import captions, open_app
from tests.pages.custom.conftest import run_until
from tests.video.making import panning, write_animation, write_clip

pytestmark = pytest.mark.usefixtures("clear_caches")


@pytest.fixture(scope="module")
def video(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("clips") / "beach.mp4"
    return write_clip(path, panning(8, speed=1), sound="aac").read_bytes()


@pytest.fixture(scope="module")
def long_video(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("clips") / "long.mp4"
    return write_clip(path, panning(5, speed=1), times_s=range(5)).read_bytes()


@pytest.fixture
def temporary(tmp_path, monkeypatch) -> Path:
    """The folder of temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


@pytest.fixture
def is_open(monkeypatch) -> threading.Event:
    """Set to let clips be painted beyond their first frame."""
    event = threading.Event()
    stylize_clip = clip_painting.stylize_clip

    def wait_after_each(*arguments, on_progress, should_stop, **settings):
        def note(progress):
            on_progress(progress)
            while not (event.is_set() or should_stop()):
                event.wait(0.02)

        return stylize_clip(*arguments, on_progress=note, should_stop=should_stop, **settings)

    monkeypatch.setattr(clip_painting, "stylize_clip", wait_after_each)
    yield event
    event.set()
    assert all(job.wait(60) for job in long_jobs.job_queue().jobs)


def open_clip_page() -> AppTest:
    app = open_app().switch_page("pages/clip.py").run()
    assert not app.exception
    return app


def upload(app: AppTest, data: bytes, name: str = "beach.mp4", mime: str = "video/mp4") -> AppTest:
    app.file_uploader[0].upload(name, data, mime).run()
    assert not app.exception
    return app


def job_of(app: AppTest) -> ClipJob:
    return long_jobs.job_queue().find(app.session_state.visit.tokens["clip"])


def painted(app: AppTest, button: str = "paint_clip") -> PaintedClip:
    """Press a button, and wait for the painted clip."""
    app.button(key=button).click().run()
    assert job_of(app).wait(120)
    app.run()
    assert not app.exception
    assert job_of(app).error is None
    return job_of(app).result


def info_of(clip: PaintedClip, path: Path):
    path.write_bytes(clip.read())
    return open_clip(path, ClipLimits()).info


def messages(app: AppTest) -> str:
    return " | ".join(element.value for element in (*app.info, *app.warning, *app.error))


def test_a_clip_is_painted_and_played(video, temporary, tmp_path):
    app = upload(open_clip_page(), video)
    assert app.slider(key=f"clip_part_{app.session_state.visit.clip.checksum}").value == (0.0, 0.8)
    clip = painted(app)
    assert not list(temporary.iterdir())  # the painted clip's file has no name
    info = info_of(clip, tmp_path / "painted.mp4")
    assert (info.width, info.height, info.has_sound) == (96, 64, True)
    assert clip.result.frames == 8
    assert app.get("video")
    assert app.get("download_button")[0].label.startswith("Download MP4")
    assert "Painted: Starry Night, 0.8 s in 8 frames of 96 x 64, with sound." in captions(app)
    app.button(key="style_mosaic").click().run()  # another choice shows a frame; the clip stays below
    assert "Your last clip" in [each.value for each in app.subheader]
    assert app.get("video")


def test_only_the_chosen_part_is_painted_with_the_chosen_settings(video, monkeypatch):
    asked = []
    stylize_clip = clip_painting.stylize_clip

    def note(source, target, style, **settings):
        asked.append((target.name, [each.name for each in style], settings))
        return stylize_clip(source, target, style, **settings)

    monkeypatch.setattr(clip_painting, "stylize_clip", note)
    app = upload(open_clip_page(), video)
    app.slider(key=f"clip_part_{app.session_state.visit.clip.checksum}").set_value((0.2, 0.5)).run()
    app.slider(key="steadiness").set_value(40).run()
    app.slider(key="strength").set_value(70).run()
    app.segmented_control(key="clip_format").set_value("WebM").run()
    app.button(key="style_fire").click().run()
    assert painted(app).result.frames == 3
    [(name, styles, settings)] = asked
    assert (name, styles) == ("painted.webm", ["fire"])
    expected = {"steadiness": 0.4, "strength": 0.7, "start_s": 0.2, "end_s": 0.5}
    assert {key: settings[key] for key in expected} == expected
    assert app.query_params["steadiness"] in ("40", ["40"])


def test_a_part_is_painted_and_said_if_it_is_in_no_frame(video, monkeypatch):
    asked = []
    stylize_clip = clip_painting.stylize_clip

    def paint_faces(source, target, style, **settings):
        asked.append({name: settings[name] for name in ("where", "elsewhere", "keep_faces")})
        return stylize_clip(source, target, style, **settings | {"where": "faces"})  # found sooner

    monkeypatch.setattr(clip_painting, "stylize_clip", paint_faces)
    monkeypatch.setattr(painting, "find_subject", lambda image: Image.new("L", image.size))
    app = open_clip_page()
    app.segmented_control(key="where").set_value("subject").run()
    app.selectbox(key="elsewhere").set_value("mosaic").run()
    app.toggle(key="keep_faces").set_value(True).run()
    upload(app, video)
    assert "No subject was found in this frame. In the clip, frames without one stay" in messages(app)
    assert painted(app).result.frames == 8
    assert "No subject was found in it: no part is painted." in messages(app)
    assert "Painted: Starry Night, on the subject, elsewhere Mosaic, faces kept" in captions(app)
    (settings,) = asked
    assert [style.name for style in settings.pop("elsewhere")] == ["mosaic"]
    assert settings == {"where": "subject", "keep_faces": True}
    assert app.query_params["where"] == "Subject"


def test_a_transparent_rest_takes_a_format_that_holds_it(video, monkeypatch):
    asked = []

    def note(source, target, style, **settings):
        asked.append((target.name, settings["cut_out"]))
        raise ClipError("enough")

    monkeypatch.setattr(clip_painting, "stylize_clip", note)
    monkeypatch.setattr(painting, "find_subject", lambda image: Image.new("L", image.size, 255))
    app = open_clip_page()
    app.query_params["clip_format"] = "MP4"
    app.segmented_control(key="where").set_value("subject").run()
    app.selectbox(key="elsewhere").set_value(":transparent").run()
    upload(app, video)
    formats = app.segmented_control(key="transparent_clip_format")
    assert (formats.value, formats.options) == ("WebM", ["WebM", "GIF", "WebP"])
    app.button(key="paint_clip").click().run()
    assert job_of(app).wait(60)
    assert asked == [("painted.webm", True)]


def test_three_seconds_can_be_tried_first(long_video):
    app = upload(open_clip_page(), long_video)
    clip = painted(app, "try_clip")
    assert clip.result.frames == 3
    assert "The first seconds" in captions(app)
    assert app.button(key="paint_clip").label.startswith("Paint the clip")


def test_an_animation_stays_one(temporary, tmp_path):
    path = write_animation(tmp_path / "wave.gif", panning(3), [100] * 3)
    app = upload(open_clip_page(), path.read_bytes(), "wave.gif", "image/gif")
    clip = painted(app)
    assert clip.read()[:6] in (b"GIF87a", b"GIF89a")
    assert app.get("download_button")[0].label.startswith("Download GIF")
    assert any(url.startswith("data:image/gif") for image in app.image for url in image.value)
    assert "Your device asks for less motion" in captions(app)  # seen only if it does


def test_progress_survives_a_reload_and_cancel_keeps_what_is_painted(video, is_open, temporary):
    app = upload(open_clip_page(), video)
    app.button(key="paint_clip").click().run()
    job = job_of(app)
    run_until(app, lambda: job.progress is not None and job.progress.frames == 1)
    app.run()
    assert app.get("progress")[0].proto.text.startswith("Frame 1 of 8, about")
    assert app.button(key="paint_clip").disabled
    assert list(temporary.iterdir())
    again = open_app()
    again.query_params["clip"] = job.token
    again.switch_page("pages/clip.py").run()
    assert again.get("progress")
    again.button(key="stop_clip").click().run()
    assert job.wait(60)
    again.run()
    assert job.state is JobState.CANCELLED
    assert job.result.result.frames == 1
    assert "Stopped: this is what was painted." in messages(again)
    assert again.get("video")
    assert not list(temporary.iterdir())


def test_another_visitor_s_clip_waits_in_line(video, is_open):
    first, second = upload(open_clip_page(), video), upload(open_clip_page(), video)
    first.button(key="paint_clip").click().run()
    second.button(key="paint_clip").click().run()
    second.run()
    assert "number 1 in line" in messages(second)
    second.button(key="stop_clip").click().run()
    run_until(second, lambda: "Stopped before it started" in messages(second))


def test_a_clip_stays_chosen_on_another_page(video):
    app = upload(open_clip_page(), video)
    app.switch_page("pages/batch.py").run()
    app.switch_page("pages/clip.py").run()
    assert "Still chosen: beach.mp4" in [caption.value for caption in app.caption]
    assert app.button(key="paint_clip")
    app.button(key="remove_clip").click().run()
    assert "Choose a clip" in messages(app)


def test_a_bad_clip_is_one_sentence():
    app = upload(open_clip_page(), b"dear diary")
    assert [error.value for error in app.error] == [
        "Beach.mp4 is not a clip that can be read: use MP4, MOV, WebM, GIF, or animated WebP or PNG. "
        "Choose another clip."
    ]
    app = upload(open_clip_page(), encoded(make_photo(64, 48)), "still.png", "image/png")
    assert "Choose another clip." in messages(app)


def test_a_clip_that_is_damaged_further_on_is_one_sentence(video, monkeypatch):
    def fail(*arguments, **settings):
        raise ClipError("beach.mp4 is damaged")

    monkeypatch.setattr(clip_painting, "stylize_clip", fail)
    app = upload(open_clip_page(), video)
    app.button(key="paint_clip").click().run()
    assert job_of(app).wait(60)
    app.run()
    assert "Painting failed: beach.mp4 is damaged." in messages(app)


def test_the_limits_are_said_before_the_upload(monkeypatch, long_video):
    for name, value in (("SECONDS", "2"), ("MEGAPIXELS", "1"), ("MEGABYTES", "3")):
        monkeypatch.setenv(f"IMPASTO_CLIP_{name}", value)
    app = open_clip_page()
    uploader = app.file_uploader[0]
    assert uploader.label == "Your clip, up to 2 s of it and 3 MB"
    assert "up to 1 megapixels" in uploader.help
    upload(app, long_video)
    part = app.slider(key=f"clip_part_{app.session_state.visit.clip.checksum}")
    assert part.value == (0.0, 2.0)
    part.set_value((0.0, 4.0)).run()
    assert "At most 2 s can be painted at once" in messages(app)
    assert app.button(key="paint_clip").disabled


def test_a_missing_extra_is_one_sentence(monkeypatch):
    monkeypatch.setattr("stylecore.host.extras.has_extra", lambda module: module != "av")
    app = open_clip_page()
    assert messages(app) == (
        "Painting clips is not installed here. This needs av, which is not installed: "
        "pip install 'impasto\\[video\\]'."
    )


def test_a_painted_clip_ends_at_the_limit_of_its_file(video, monkeypatch):
    monkeypatch.setattr(limits, "limits", lambda: limits.Limits(painted_megabytes=1))
    monkeypatch.setattr(clip_painting, "limits", limits.limits)
    monkeypatch.setattr(clip_painting, "MEGABYTE", 1)
    app = upload(open_clip_page(), video)
    assert painted(app).result.frames < 8
    assert "It ends early" in messages(app)


def test_the_oldest_painted_clip_goes_to_make_room(video):
    app = upload(open_clip_page(), video)
    clip = painted(app)
    clip_painting.make_room(clip_painting.KEPT_CLIPS * limits.limits().painted_megabytes * 10**6)
    assert clip.is_gone
    app.run()
    assert not app.exception
    assert "Your painted clip is gone" in messages(app)
    assert not app.get("video")


def test_a_painted_clip_goes_with_its_job(video, temporary):
    app = upload(open_clip_page(), video)
    file = painted(app)._file
    assert not file.closed
    long_jobs.job_queue().kept = 0
    app.run()
    gc.collect()
    assert file.closed
    assert "is gone" in messages(app)


def test_a_host_without_temporary_files_says_so(video, monkeypatch):
    def fail(**settings):
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr(clip_files.tempfile, "TemporaryDirectory", fail)
    app = upload(open_clip_page(), video)
    assert "This host has no folder for temporary files, which clips need." in messages(app)


def press(button) -> None:
    """Reach a button with the Tab key alone, and press it."""
    page = button.page
    button.wait_for()
    for _ in range(200):
        if button.evaluate("button => button === document.activeElement"):
            page.keyboard.press("Enter")
            return
        page.keyboard.press("Tab")
    pytest.fail(f"{button} cannot be reached by the keyboard")


@pytest.mark.browser
@pytest.mark.parametrize("size", [(1280, 900), (390, 844)], ids=["desktop", "phone"])
def test_a_clip_is_painted_in_the_browser(browser, server, video, size):
    """On the desktop by the keyboard alone, and with less motion."""
    is_phone = size[0] < 400
    motion = "no-preference" if is_phone else "reduce"
    page = browser.new_page(viewport={"width": size[0], "height": size[1]}, reduced_motion=motion)
    page.set_default_timeout(120_000)
    page.goto(f"{server}/clip?style=mosaic")
    page.get_by_text("Choose a clip: its first frame").wait_for()
    act = Locator.click if is_phone else press
    with page.expect_file_chooser() as chooser:
        act(page.get_by_test_id("stFileUploaderDropzone").locator("button"))
    chooser.value.set_files({"name": "beach.mp4", "mimeType": "video/mp4", "buffer": video})
    act(page.get_by_role("button", name="Paint the clip"))
    player = page.locator("video")
    expect(player).to_have_js_property("videoWidth", 96, timeout=120_000)
    assert player.evaluate("video => video.paused")
    assert player.evaluate("video => video.duration") == pytest.approx(0.8, abs=0.05)
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    with page.expect_download() as download:
        act(page.get_by_role("button", name="Download MP4"))
    assert download.value.suggested_filename == "beach_mosaic.mp4"
    with Path(download.value.path()).open("rb") as file:
        assert file.read(8)[4:] == b"ftyp"
    page.reload()  # the address has the token
    expect(player).to_have_js_property("videoWidth", 96, timeout=120_000)
    keep_screenshot(page, f"clip_{'phone' if is_phone else 'desktop'}")
    page.close()
