import pytest

from tests.conftest import encoded, make_photo
from tests.pages.conftest import captions, look

pytestmark = pytest.mark.usefixtures("clear_caches")


def test_a_snapshot_is_painted_and_keeps_the_look_of_the_other_page(app, painted):
    app.run()
    app.button(key="style_the_wave").click().run()
    app.slider(key="strength").set_value(60).run()
    app.switch_page("pages/camera.py").run()
    assert not app.exception
    assert "Take a snapshot" in app.info[0].value
    app.camera_input[0].set_value(("camera.jpg", encoded(make_photo(320, 240), "JPEG"), "image/jpeg")).run()
    assert not app.exception
    assert painted[-1] == look("the_wave", 0.6)
    app.button(key="style_mosaic").click().run()
    assert painted[-1] == look("mosaic", 0.6)
    assert app.download_button(key="download").label == "Download in full size (320 x 240)"


def test_a_photo_may_take_the_place_of_the_snapshot(app, painted):
    app.run()
    app.switch_page("pages/camera.py").run()
    app.camera_input[0].upload("camera.jpg", encoded(make_photo(320, 240), "JPEG"), "image/jpeg").run()
    app.file_uploader[0].upload("me.png", encoded(make_photo(120, 90)), "image/png").run()
    assert not app.exception
    assert "Painted: Starry Night" in captions(app)
    assert app.download_button(key="download").label == "Download in full size (120 x 90)"


def test_a_broken_photo_in_place_of_the_snapshot_leaves_the_uploader_there(app, painted):
    app.switch_page("pages/camera.py").run()
    app.file_uploader[0].upload("diary.jpg", b"dear diary", "image/jpeg").run()
    assert app.error[0].value[0].isupper()
    assert "Choose another photo instead of diary." in app.error[0].value
    assert app.file_uploader[0].value.name == "diary.jpg"
    assert not app.exception


def test_a_snapshot_stays_through_other_pages(app):
    app.run()
    app.switch_page("pages/camera.py").run()
    app.camera_input[0].upload("camera.jpg", encoded(make_photo(320, 240), "JPEG"), "image/jpeg").run()
    app.switch_page("pages/how_it_works.py").run()
    app.switch_page("pages/camera.py").run()
    assert app.download_button(key="download").label == "Download in full size (320 x 240)"
    app.switch_page("pages/custom.py").run()
    assert "Still chosen: snapshot" in captions(app)
    app.button(key="content_remove").click().run()
    app.switch_page("pages/camera.py").run()
    app.switch_page("pages/custom.py").run()
    assert "Still chosen" not in captions(app)  # it is the camera's alone now
