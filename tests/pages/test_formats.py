"""The file formats that a painting is offered in."""

import io

import pytest
from PIL import Image

from pages.shared import showing
from pages.shared.full_size import full_size
from tests.conftest import encoded, make_photo
from tests.pages.conftest import look

pytestmark = pytest.mark.usefixtures("clear_caches")


def test_jpeg_is_chosen_again_once_a_photo_can_be_one(app, painted):
    app.run()
    assert app.segmented_control(key="file_format").value == "JPEG"
    cut = make_photo(100, 80)
    cut.putalpha(128)
    app.file_uploader[0].upload("cut.png", encoded(cut), "image/png").run()
    assert app.segmented_control(key="file_format_PNG_WEBP").value == "PNG"
    app.button(key="photo_sample_cat").click().run()
    assert app.segmented_control(key="file_format").value == "JPEG"


def test_the_download_comes_in_the_chosen_format(app, painted):
    app.run()
    app.segmented_control(key="file_format").set_value("WEBP").run()
    assert not app.exception
    data = full_size(encoded(make_photo(64, 48)), look("mosaic", 0.5), "WEBP")
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == "WEBP"
        assert image.getexif()[0x010E] == "style mosaic:1.00, strength 0.5, strokes 1"


def test_a_transparent_photo_is_not_offered_as_jpeg(app, painted):
    app.run()
    image = make_photo(100, 80)
    image.putalpha(128)
    app.segmented_control(key="file_format").set_value("JPEG").run()
    app.file_uploader[0].upload("cut.png", encoded(image), "image/png").run()
    assert not app.exception
    assert app.segmented_control(key="file_format_PNG_WEBP").options == ["PNG", "WEBP"]


def test_a_transparent_photo_longer_than_jpeg_and_webp_can_be_is_offered_as_png(app, painted, monkeypatch):
    monkeypatch.setattr(showing, "MAX_SIDES", {"JPEG": 90, "WEBP": 90})
    app.run()
    image = make_photo(100, 80)
    image.putalpha(128)
    app.file_uploader[0].upload("cut.png", encoded(image), "image/png").run()
    assert not app.exception
    assert app.segmented_control(key="file_format_PNG").options == ["PNG"]
