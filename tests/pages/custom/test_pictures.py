"""The photo and the style pictures of a run."""

import io

import pytest
from PIL import Image

from pages.shared import style_pictures
from stylecore import load_image
from stylecore.errors import WeightsError
from tests.conftest import encoded, make_photo
from tests.pages.custom.conftest import is_painted, is_refined, job_of, recipe_of, run_until, upload

pytestmark = pytest.mark.usefixtures("clear_caches")


def test_damaged_weights_are_not_the_picture_s_fault(app, monkeypatch):
    def fail(picture, title):
        raise WeightsError("encoder.onnx is damaged")

    monkeypatch.setattr(style_pictures, "encode_style", fail)
    upload(app, 1, make_photo(70, 70, seed=42))
    assert app.error[0].value == "encoder.onnx is damaged. Please tell the person who runs this app."


def test_a_transparent_photo_stays_transparent(app):
    photo = make_photo(90, 60).convert("RGBA")
    photo.putalpha(Image.linear_gradient("L").resize(photo.size))
    upload(app, 0, photo)
    app.button(key="refine").click().run()
    run_until(app, lambda: is_refined(app))
    job = job_of(app)
    for picture in (job.about.photo, job.about.first, job.progress.snapshots[-1][1]):
        assert load_image(io.BytesIO(picture)).mode == "RGBA"


def test_a_transparent_painting_is_not_offered_as_jpeg(app):
    photo = make_photo(96, 64)
    photo.putalpha(128)
    upload(app, 0, photo)
    app.button(key="refine").click().run()
    run_until(app, lambda: is_refined(app))
    assert app.segmented_control(key="refined_format_PNG_WEBP").value == "PNG"


@pytest.mark.parametrize(
    ("place", "picture", "message"),
    [
        (0, b"dear diary", "is not a picture"),
        (1, b"dear diary", "is not a picture"),
        (1, make_photo(20, 200), "at least 32 px"),
        (1, Image.new("RGB", (64, 64), "red"), "single color"),
    ],
)
def test_bad_pictures_get_a_message_and_the_next_step(app, place, picture, message):
    upload(app, place, picture)
    assert message in app.error[0].value
    assert ("style picture" if place else "photo") in app.error[0].value
    assert "Choose another" in app.error[0].value


@pytest.mark.parametrize("bad", [b"dear diary", encoded(Image.new("RGB", (64, 64), "red"))])
def test_of_several_style_pictures_the_bad_one_is_named(app, bad):
    good = ("good.png", encoded(make_photo(60, 60)), "image/png")
    app.file_uploader[1].set_value([good, ("diary.png", bad, "image/png")]).run()
    assert "Choose another style picture instead of diary.png." in app.error[0].value


def test_a_bad_picture_leaves_the_painting_in_sight(app):
    app.button(key="refine").click().run()
    run_until(app, lambda: is_refined(app))
    upload(app, 1, b"dear diary")
    assert "is not a picture" in app.error[0].value
    assert is_refined(app)


def test_several_style_pictures_are_mixed(app):
    pictures = [("one.png", make_photo(80, 80, 3)), ("two.png", make_photo(80, 80, 4).convert("L"))]
    uploader = app.file_uploader[1]
    uploader.set_value([(name, encoded(image), "image/png") for name, image in pictures]).run()
    assert [slider.label for slider in app.slider] == ["Share of one", "Share of two"]
    app.slider[1].set_value(20).run()
    app.button(key="refine").click().run()
    run_until(app, lambda: is_refined(app))
    assert recipe_of(app)["styles"] == [{"name": "one", "weight": 0.5}, {"name": "two", "weight": 0.2}]
    assert len(job_of(app).about.styles) == 2
    run_until(app, lambda: is_refined(app))
    app.switch_page("pages/how_it_works.py").run()
    app.switch_page("pages/custom.py").run()
    assert [slider.value for slider in app.slider] == [50, 20]
    assert not is_painted(app)
    third = ("three.png", encoded(make_photo(80, 80, 5)), "image/png")
    app.file_uploader[1].set_value([("two.png", encoded(pictures[1][1]), "image/png"), third]).run()
    assert [(slider.label, slider.value) for slider in app.slider] == [
        ("Share of two", 20),
        ("Share of three", 50),
    ]


def test_the_camera_gives_the_photo(app):
    app.toggle(key="content_has_camera").set_value(True).run()
    app.camera_input[0].upload("shot.jpg", encoded(make_photo(90, 60), "JPEG"), "image/jpeg").run()
    app.button(key="refine").click().run()
    run_until(app, lambda: is_refined(app))
    assert recipe_of(app)["content"] == "snapshot"
    assert job_of(app).result.image.size == (64, 43)
