import pytest

from tests.conftest import encoded, make_photo
from tests.pages.conftest import captions

pytestmark = pytest.mark.usefixtures("clear_caches")


def test_a_photo_stays_chosen_on_the_other_pages(app):
    app.run()
    app.file_uploader[0].upload("beach.jpg", encoded(make_photo(200, 120), "JPEG"), "image/jpeg").run()
    app.switch_page("pages/how_it_works.py").run()
    app.switch_page("pages/gallery.py").run()
    assert app.download_button(key="download").label == "Download in full size (200 x 120)"
    assert "Still chosen: beach" in captions(app)
    app.switch_page("pages/custom.py").run()
    assert "Still chosen: beach" in captions(app)
    app.button(key="content_remove").click().run()
    assert "Still chosen" not in captions(app)
    app.switch_page("pages/gallery.py").run()
    assert "Still chosen" not in captions(app)


def test_a_sample_takes_the_place_of_a_kept_photo(app):
    app.run()
    app.file_uploader[0].upload("beach.jpg", encoded(make_photo(200, 120), "JPEG"), "image/jpeg").run()
    app.switch_page("pages/how_it_works.py").run()
    app.switch_page("pages/gallery.py").run()
    app.button(key="photo_sample_cat").click().run()
    assert "Still chosen" not in captions(app)
    assert app.download_button(key="download").label != "Download in full size (200 x 120)"


def test_the_explanation_shows_its_pictures(app):
    app.run()
    app.switch_page("pages/how_it_works.py").run()
    assert not app.exception
    assert len(app.image) == 34
    assert "Gatys" in app.markdown[-1].value
