import pytest
from PIL import Image

from pages.shared import matching
from pages.shared.pictures import STYLE_SAMPLES
from stylecore.regions.matching import mask_pairs
from tests.conftest import encoded, make_photo
from tests.pages.custom.conftest import is_refined, job_of, recipe_of, run_until, upload

pytestmark = pytest.mark.usefixtures("clear_caches")


def test_subject_is_matched_with_subject(app, monkeypatch):
    """The page says what has no subject; with two subjects the run gets their masks."""
    mosaic = STYLE_SAMPLES["mosaic"].path.read_bytes()
    mask = Image.new("L", (60, 40))
    empty = encoded(mask)
    mask.paste(255, (15, 10, 45, 30))
    monkeypatch.setattr(matching, "screen_subject", lambda data: empty if data == mosaic else encoded(mask))
    monkeypatch.setattr(matching, "screen_faces", lambda data: empty)
    app.toggle(key="match_subjects").set_value(True).run()
    assert any("No subject was found in Mosaic: the pictures are taken" in info.value for info in app.info)
    upload(app, 1, make_photo(64, 64))
    assert not any("No subject" in info.value for info in app.info)
    app.button(key="refine").click().run()
    run_until(app, lambda: is_refined(app))
    assert recipe_of(app)["regions"] == "subject"
    assert job_of(app).about.words.endswith("subject with subject")


def test_masks_come_back_at_the_sizes_of_the_pictures():
    mask = Image.new("L", (60, 40))
    mask.paste(255, (0, 0, 30, 40))
    photo, style = make_photo(90, 60), make_photo(50, 50)
    masks = *[encoded(mask)] * 2, *[encoded(Image.new("L", (9, 9)))] * 4
    ((own, others),) = mask_pairs(masks, photo, [style, style])
    assert [each.size for each in (own, *others)] == [(90, 60), (50, 50), (50, 50)]
    assert (own.getpixel((10, 30)), own.getpixel((80, 30))) == (255, 0)
    assert others[1].getbbox() is None
    assert mask_pairs((), photo, [style]) == []
