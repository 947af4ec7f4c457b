import gc
import io
import threading
import weakref
import zipfile
from dataclasses import replace

import pytest
from PIL import Image

from pages.shared import batches, full_size, limits
from pages.shared.choosing import Choice
from pages.shared.pictures import SAMPLES
from pages.shared.where import Where
from stylecore import ImageError, list_styles, load_image
from stylecore.host.jobs import Job
from stylecore.styles.catalog import get_style
from tests.conftest import encoded, make_photo
from tests.pages.conftest import look, make_sky, open_app

pytestmark = pytest.mark.usefixtures("clear_caches")
LOOK = look("mosaic", 0.8)


def started(*arguments) -> Job:
    return batches.batch_queue().find(batches.start_batch(*arguments))


def files_in(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_photos_of_one_name_do_not_overwrite_each_other():
    photos = [Choice(encoded(make_photo(64, 48, seed=i)), "IMG_1") for i in range(2)]
    job = started(photos, LOOK, [])
    assert job.wait(60)
    files = files_in(job.result)
    assert list(files) == ["IMG_1_mosaic.jpg", "IMG_1_mosaic_2.jpg"]
    with Image.open(io.BytesIO(files["IMG_1_mosaic.jpg"])) as image:
        assert image.size == (64, 48)
        assert "strength 0.8" in image.getexif()[0x010E]
    assert job.progress.remaining_s == 0


def test_a_broken_file_is_named_and_skipped():
    photos = [Choice(b"dear diary", "diary"), Choice(encoded(make_photo(64, 48)), "beach")]
    job = started(photos, LOOK, [get_style("mosaic"), get_style("the_wave")])
    assert job.wait(60)
    assert list(files_in(job.result)) == ["beach_mosaic.jpg", "beach_the_wave.jpg"]
    [reason] = job.progress.skipped
    assert reason.startswith("diary is not a picture")
    assert job.progress.share == 1


def test_a_painting_that_fails_leaves_the_others(monkeypatch):
    paint = batches.paint

    def fail_for_one(image, look, **settings):
        if image.width == 64 and look.name == "the_wave":
            raise ImageError("no room")
        return paint(image, look, **settings)

    monkeypatch.setattr(batches, "paint", fail_for_one)
    photos = [Choice(encoded(make_photo(width, 48)), f"p{width}") for width in (64, 80)]
    job = started(photos, LOOK, [get_style("mosaic"), get_style("the_wave")])
    assert job.wait(60)
    assert list(files_in(job.result)) == ["p64_mosaic.jpg", "p80_mosaic.jpg", "p80_the_wave.jpg"]
    assert job.progress.skipped == ("no room",)
    assert job.progress.share == 1


def test_a_cancelled_batch_keeps_what_is_painted(monkeypatch):
    paint = batches.paint

    def paint_and_cancel(image, look, **settings):
        job.cancel()
        return paint(image, look, **settings)

    monkeypatch.setattr(batches, "paint", paint_and_cancel)
    is_bound = threading.Event()
    batches.batch_queue().submit(lambda _: is_bound.wait(60))  # holds the queue until `job` is bound
    job = started([Choice(encoded(make_photo(64, 48)), "beach")] * 3, LOOK, [])
    is_bound.set()
    assert job.wait(60)
    assert list(files_in(job.result)) == ["beach_mosaic.jpg"]


def test_a_large_photo_is_stopped_in_its_middle_and_reports_how_far_it_is(monkeypatch):
    monkeypatch.setattr(full_size, "LONG_PIXELS", 5000)
    shares, paint = [], batches.paint

    def paint_and_cancel(image, look, *, on_progress, should_stop, **settings):
        def show(state):
            on_progress(state)
            shares.append((state.share, job.progress.share, job.progress.remaining_s))

        if image.width == 200:
            job.cancel()
        return paint(image, look, on_progress=show, should_stop=should_stop, **settings)

    monkeypatch.setattr(batches, "paint", paint_and_cancel)
    is_bound = threading.Event()
    batches.batch_queue().submit(lambda _: is_bound.wait(60))  # holds the queue until `job` is bound
    large = Choice(encoded(make_photo(200, 150)), "large")
    job = started([Choice(encoded(make_photo(64, 48)), "beach"), large], LOOK, [])
    is_bound.set()
    assert job.wait(60)
    assert list(files_in(job.result)) == ["beach_mosaic.jpg"]
    assert not job.progress.skipped
    assert [shown for _, shown, _ in shares] == [share / 2 for share, _, _ in shares]
    assert all(remaining_s > 0 for _, _, remaining_s in shares)


def test_on_a_gpu_photos_and_looks_are_painted_ahead(monkeypatch):
    monkeypatch.setattr(batches, "is_on_gpu", lambda: True)
    paint = batches.paint

    def fail_for_one(image, look, **settings):
        if image.width == 64 and look.name == "the_wave":
            raise ImageError("no room")
        return paint(image, look, **settings)

    monkeypatch.setattr(batches, "paint", fail_for_one)
    photos = [Choice(encoded(make_photo(width, 48)), f"p{width}") for width in (48, 64, 80)]
    job = started(
        [Choice(b"dear diary", "diary"), *photos], LOOK, [get_style("mosaic"), get_style("the_wave")]
    )
    assert job.wait(60)
    names = ["p48_mosaic", "p48_the_wave", "p64_mosaic", "p80_mosaic", "p80_the_wave"]
    assert list(files_in(job.result)) == [f"{name}.jpg" for name in names]
    assert job.progress.skipped[0].startswith("diary is not a picture")
    assert job.progress.skipped[1] == "no room"


def test_a_full_zip_takes_no_more_paintings(monkeypatch):
    monkeypatch.setattr(batches, "MEGABYTE", 1000)
    monkeypatch.setattr(batches, "limits", lambda: limits.Limits(zip_megabytes=2))
    photos = [Choice(encoded(make_photo(64, 48, seed=i)), f"p{i}") for i in range(3)]
    job = started(photos, LOOK, [get_style("mosaic"), get_style("the_wave")])
    assert job.wait(60)
    made = len(files_in(job.result))
    assert 1 <= made < 6
    assert len(job.result) > 2000
    assert job.progress.skipped == (f"{6 - made} paintings, since the ZIP has reached 2 MB",)


def test_the_page_paints_all_and_offers_the_zip():
    app = open_app().switch_page("pages/batch.py").run()
    assert not app.exception
    assert app.button(key="paint_batch").disabled
    app.file_uploader[0].upload("a.png", encoded(make_photo(64, 48)), "image/png")
    app.file_uploader[0].upload("b.jpg", b"dear diary", "image/jpeg").run()
    app.toggle(key="in_all_styles").set_value(True).run()
    count = 2 * len(list_styles())
    assert app.button(key="paint_batch").label == f"Make {count} paintings"
    app.button(key="paint_batch").click().run()
    assert batches.batch_queue().find(app.session_state.visit.tokens["batch"]).wait(60)
    app.run()
    assert not app.exception
    assert "Skipped: b.jpg is not a picture" in app.warning[0].value
    assert app.download_button(key="download_zip").label == f"Download {len(list_styles())} paintings as ZIP"


def test_photos_stay_chosen_through_other_pages():
    app = open_app().switch_page("pages/batch.py").run()
    for name in "ab":
        app.file_uploader[0].upload(f"{name}.png", encoded(make_photo(64, 48)), "image/png")
    app.run()
    app.switch_page("pages/how_it_works.py").run()
    app.switch_page("pages/batch.py").run()
    assert app.caption[0].value == "Still chosen: a.png, b.png"
    assert app.button(key="paint_batch").label == "Make 2 paintings"
    assert app.button(key="remove_photos").label == "Remove all"
    app.button(key="remove_photos").click().run()
    assert app.button(key="paint_batch").disabled


def test_of_many_photos_that_are_kept_a_few_are_named():
    app = open_app().run()
    app.session_state.visit.batch_photos = [Choice(b"", f"photo {i}", ".jpg") for i in range(6)]
    app.switch_page("pages/batch.py").run()
    assert app.caption[0].value == "Still chosen: photo 0.jpg, photo 1.jpg, photo 2.jpg, 3 more"


def test_a_batch_is_found_again_by_its_address():
    token = batches.start_batch([Choice(encoded(make_photo(64, 48)), "beach")], LOOK, [])
    assert batches.batch_queue().find(token).wait(60)
    app = open_app()
    app.query_params["batch"] = token
    app.run()
    app.switch_page("pages/batch.py").run()
    assert app.download_button(key="download_zip").label == "Download 1 painting as ZIP"
    assert not app.subheader
    app.file_uploader[0].upload("other.png", encoded(make_photo(64, 48)), "image/png").run()
    assert app.subheader[0].value == "Your last paintings"
    assert app.query_params["batch"] in (token, [token])
    app.session_state.visit.tokens["batch"] = "nonsense"
    app.run()
    assert any("is gone" in info.value for info in app.info)


def test_a_batch_that_was_stopped_says_so():
    app = open_app().switch_page("pages/batch.py").run()
    is_held, is_open = threading.Event(), threading.Event()
    batches.batch_queue().submit(lambda _: is_held.set() or is_open.wait(60))
    assert is_held.wait(10)
    token = batches.start_batch([Choice(encoded(make_photo(64, 48)), "beach")], LOOK, [])
    job = batches.batch_queue().find(token)
    job.cancel()
    assert job.wait(10)
    is_open.set()
    app.session_state.visit.tokens["batch"] = token
    app.run()
    assert any("Stopped before it started" in info.value for info in app.info)


def test_transparent_photos_stay_so():
    photo = make_photo(64, 48)
    photo.putalpha(Image.linear_gradient("L").resize(photo.size))
    opaque = make_photo(64, 48)
    opaque.putalpha(255)  # as screenshots have it
    job = started([Choice(encoded(photo), "cut"), Choice(encoded(opaque), "beach")], LOOK, [])
    assert job.wait(60)
    files = files_in(job.result)
    assert list(files) == ["cut_mosaic.png", "beach_mosaic.jpg"]
    assert Image.open(io.BytesIO(files["cut_mosaic.png"])).mode == "RGBA"


def test_a_photo_is_held_no_longer_than_it_is_needed(monkeypatch):
    photos = [Choice(encoded(make_photo(64, 48, seed=i)), f"photo {i}") for i in range(3)]
    alive, references = [], [weakref.ref(photo) for photo in photos]
    paint = batches.paint

    def note(image, look, **settings):
        gc.collect()
        alive.append(sum(reference() is not None for reference in references))
        return paint(image, look, **settings)

    monkeypatch.setattr(batches, "paint", note)
    is_open = threading.Event()
    batches.batch_queue().submit(lambda _: is_open.wait(60))
    job = started(photos, LOOK, [])
    del photos
    is_open.set()
    assert job.wait(60)
    assert alive == [3, 2, 1]


def test_what_a_format_cannot_hold_becomes_png(monkeypatch):
    monkeypatch.setitem(batches.MAX_SIDES, "WEBP", 70)
    photos = [Choice(encoded(make_photo(width, 48)), f"p{width}") for width in (64, 80)]
    job = started(photos, LOOK, [], "WEBP")
    assert job.wait(60)
    assert list(files_in(job.result)) == ["p64_mosaic.webp", "p80_mosaic.png"]


def test_the_format_is_the_visitor_s():
    job = started([Choice(encoded(make_photo(64, 48)), "beach")], LOOK, [], "WEBP")
    assert job.wait(60)
    assert list(files_in(job.result)) == ["beach_mosaic.webp"]


def test_an_unexpected_failure_leaves_the_others(monkeypatch):
    paint = batches.paint

    def fail_for_one(image, look, **settings):
        if image.width == 64:
            raise RuntimeError("the decoder gave up")
        return paint(image, look, **settings)

    monkeypatch.setattr(batches, "paint", fail_for_one)
    job = started([Choice(encoded(make_photo(width, 48)), f"p{width}") for width in (64, 80)], LOOK, [])
    assert job.wait(60)
    assert list(files_in(job.result)) == ["p80_mosaic.jpg"]
    assert job.progress.skipped == ("p64 could not be painted: RuntimeError: the decoder gave up",)


def test_what_is_skipped_is_not_in_the_zip(monkeypatch):
    monkeypatch.setattr(batches, "contact_sheet", lambda *arguments, **settings: 1 / 0)
    job = started([Choice(encoded(make_photo(64, 48)), "beach")], LOOK, [])
    assert job.wait(60)
    assert not files_in(job.result)
    assert job.progress.skipped == ("beach could not be painted: ZeroDivisionError: division by zero",)


def test_too_many_photos_are_answered(monkeypatch):
    monkeypatch.setattr(limits, "limits", lambda: limits.Limits(photos=1))
    app = open_app().switch_page("pages/batch.py").run()
    for name in ("a.png", "b.png"):
        app.file_uploader[0].upload(name, encoded(make_photo(64, 48)), "image/png")
    app.file_uploader[0].upload("._a.png", b"what Macs leave beside a.png", "image/png")
    app.run()
    assert "You chose 2 photos. At most 1" in app.warning[0].value
    assert [photo.name for photo in app.session_state.visit.batch_photos] == ["a"]


@pytest.mark.parametrize(("value", "message"), [("many", "a number is needed"), ("0", "at least 1")])
def test_limits_come_from_the_environment(monkeypatch, value, message):
    limits.limits.cache_clear()
    monkeypatch.setenv("IMPASTO_PHOTOS", "7")
    assert limits.limits().photos == 7
    limits.limits.cache_clear()
    monkeypatch.setenv("IMPASTO_PHOTOS", value)
    with pytest.raises(ValueError, match=f"IMPASTO_PHOTOS.*{message}"):
        limits.limits()
    limits.limits.cache_clear()


def test_in_all_styles_there_is_no_style_to_choose():
    app = open_app().switch_page("pages/batch.py").run()
    assert app.button(key="style_mosaic")
    app.toggle(key="in_all_styles").set_value(True).run()
    assert not app.exception
    assert not [button for button in app.button if button.key.startswith("style_")]
    assert not app.multiselect
    assert app.slider(key="strength")
    app.toggle(key="in_all_styles").set_value(False).run()
    assert app.multiselect(key="blend")


def test_the_photo_of_the_other_pages_can_be_taken():
    app = open_app().run()
    app.file_uploader[0].upload("beach.jpg", encoded(make_photo(64, 48), "JPEG"), "image/jpeg").run()
    app.switch_page("pages/batch.py").run()
    assert app.button(key="paint_batch").disabled
    app.button(key="take_photo").click().run()
    assert app.caption[0].value == "Still chosen: beach.jpg"
    assert app.button(key="paint_batch").label == "Make 1 painting"


def test_the_subject_alone_is_a_png_and_a_photo_without_one_is_painted_whole():
    cup = load_image(SAMPLES["coffee"].path, max_side=200)
    photos = [Choice(encoded(picture), name) for name, picture in (("cup", cup), ("sky", make_sky()))]
    look = replace(LOOK, where=Where("subject", is_cut_out=True))
    job = started(photos, look, [])
    assert job.wait(60)
    files = files_in(job.result)
    assert list(files) == ["cup_mosaic.png", "sky_mosaic.jpg"]
    alpha = Image.open(io.BytesIO(files["cup_mosaic.png"])).getchannel("A")
    assert alpha.getpixel((0, 0)) == 0
    assert alpha.getpixel((100, 70)) == 255
    assert job.progress.without_subject == ("sky",)
