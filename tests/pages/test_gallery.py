import pytest
from PIL import Image

from pages.shared.pictures import SAMPLES
from stylecore import list_styles, load_image
from tests.conftest import encoded, make_photo
from tests.pages.conftest import captions, look

pytestmark = pytest.mark.usefixtures("clear_caches")


def test_a_result_is_there_before_anyone_has_done_anything(app, painted):
    app.run()
    assert not app.exception
    assert painted == [look(list_styles()[0].name)]
    assert "Painted: Starry Night" in captions(app)
    assert "Painted in" in captions(app)
    assert " s on the CPU. " in captions(app)


def test_an_uploaded_photo_is_painted(app, painted):
    app.run()
    app.file_uploader[0].upload("beach.jpg", encoded(make_photo(200, 120), "JPEG"), "image/jpeg").run()
    assert not app.exception
    assert not app.error
    assert len(painted) == 2
    assert app.download_button(key="download").label == "Download in full size (200 x 120)"


def test_strength_and_colors_reach_the_engine(app, painted):
    app.run()
    app.slider(key="strength").set_value(60).run()
    app.toggle(key="preserve_color").set_value(True).run()
    app.segmented_control(key="strokes").set_value("coarse").run()
    assert painted[-1] == look("starry_night", 0.6, True, 1.7)


def test_the_same_look_is_painted_once(app, painted):
    app.run()
    app.button(key="style_mosaic").click().run()
    app.button(key="style_starry_night").click().run()
    assert len(painted) == 2


def test_a_sample_takes_the_place_of_an_upload(app, painted):
    app.run()
    app.file_uploader[0].upload("beach.png", encoded(make_photo(200, 120)), "image/png").run()
    app.button(key="photo_sample_cat").click().run()
    assert app.file_uploader[0].value is None
    width, height = load_image(SAMPLES["cat"].path).size
    assert app.download_button(key="download").label == f"Download in full size ({width} x {height})"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"dear diary", "is not a picture"),
        (b"", "is empty"),
        (encoded(make_photo(20, 20)), "at least 32 px"),
        (encoded(make_photo(96, 64))[:900], "is damaged"),
        (encoded(Image.new("RGB", (40, 1640))), "is a strip of 40 x 1640 px: a picture at most 40 times"),
    ],
)
def test_a_bad_upload_gets_a_message_and_the_next_step(app, data, message):
    app.run()
    app.file_uploader[0].upload("beach.png", data, "image/png").run()
    assert not app.exception
    assert message in app.error[0].value
    assert app.error[0].value[0].isupper()
    assert "Choose another photo" in app.error[0].value
    app.button(key="photo_sample_coffee").click().run()
    assert not app.error
