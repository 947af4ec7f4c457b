import io
import zlib

import numpy as np
import pytest
from PIL import Image, ImageColor

from pages.shared import matching
from pages.shared.marking import MARKS
from pages.shared.painting import screen_picture
from pages.shared.pictures import SAMPLES, STYLE_SAMPLES
from stylecore import optimize_image
from stylecore.regions.matching import mask_pairs
from stylecore.serving import working
from tests.conftest import encoded, make_photo
from tests.pages.conftest import open_app
from tests.pages.custom.conftest import is_painted, is_refined, job_of, recipe_of, run_until, upload

pytestmark = pytest.mark.usefixtures("clear_caches")


def test_subject_is_matched_with_subject(app, monkeypatch):
    """The page says what has no subject; with two subjects the run gets their masks."""
    mosaic = STYLE_SAMPLES["mosaic"].path.read_bytes()
    mask = Image.new("L", (60, 40))
    empty = encoded(mask)
    mask.paste(255, (15, 10, 45, 30))
    monkeypatch.setattr(matching, "screen_subject", lambda data: empty if data == mosaic else encoded(mask))
    monkeypatch.setattr(matching, "screen_faces", lambda data: empty)
    app.segmented_control(key="match").set_value("subject").run()
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
    masks = encoded(mask), matching.NOTHING, encoded(mask), *[encoded(mask)] * 2, matching.NOTHING
    (own, others), second = mask_pairs(masks, photo, [style, style])
    assert [each.size for each in (own, *others)] == [(90, 60), (50, 50), (50, 50)]
    assert (own.getpixel((10, 30)), own.getpixel((80, 30))) == (255, 0)
    assert [each.getbbox() is None for each in (*others, *second[1])] == [True, False, False, True]
    assert mask_pairs((encoded(mask), matching.NOTHING), photo, [style]) == []
    assert mask_pairs((), photo, [style]) == []


def brush(app, place: int, data: bytes, *strokes: tuple[str, tuple[float, float, float, float]]) -> None:
    """Draw boxes on a picture, given as a color and shares of its size."""
    with Image.open(io.BytesIO(screen_picture(data).encoded)) as picture:
        drawn = Image.new("RGBA", picture.size)
    for color, box in strokes:
        corners = tuple(round(share * drawn.size[side % 2]) for side, share in enumerate(box))
        drawn.paste((*ImageColor.getrgb(MARKS[color]), 255), corners)
    key = f"marks_{place}"
    app.session_state.visit.brushes[key] = f"{key} {zlib.crc32(data)}", encoded(drawn)
    app.run()
    assert not app.exception


def infos(app) -> str:
    return " | ".join(info.value for info in app.info)


def test_what_is_brushed_in_both_pictures_is_refined_and_comes_back_with_the_run(app, monkeypatch):
    given = []

    def spy(*pictures, regions, **options):
        given[:] = regions
        return optimize_image(*pictures, regions=regions, **options)

    monkeypatch.setattr(working, "optimize_image", spy)
    photo, style = SAMPLES["temple"].path.read_bytes(), STYLE_SAMPLES["mosaic"].path.read_bytes()
    app.segmented_control(key="match").set_value("brush").run()
    assert "Nothing is marked yet, so your photo takes the style of the whole picture" in infos(app)
    brush(app, 0, photo, ("Pink", (0, 0, 1, 0.4)), ("Blue", (0, 0.6, 1, 1)))
    assert infos(app) == (
        "Only your photo has pink and blue: brush over the place in the style picture in the same color, too."
    )
    brush(app, 1, style, ("Pink", (0, 0, 0.5, 1)), ("Green", (0.7, 0, 1, 1)))
    assert "Only your photo has blue:" in infos(app)
    assert "Only the style picture has green: brush over the place in your photo" in infos(app)
    app.button(key="refine").click().run()
    run_until(app, lambda: is_refined(app))
    assert recipe_of(app)["regions"] == "brush"
    assert job_of(app).about.words == "quick, medium strokes, balanced, place with place"
    strokes = job_of(app).about.strokes
    assert [key for key, _, _ in strokes] == ["marks_0", "marks_1"]
    ((own, (other,)),) = given
    shares = [np.asarray(mask, float).mean() / 255 for mask in (own, other)]
    assert shares == pytest.approx([0.4, 0.5], abs=0.03)

    app.switch_page("pages/how_it_works.py").run()
    app.switch_page("pages/custom.py").run()
    assert is_refined(app)
    assert not is_painted(app)
    again = open_app()
    again.query_params.update({name: app.query_params[name] for name in ("run", "match")})
    again.switch_page("pages/custom.py").run()
    assert is_refined(again)
    assert again.session_state.visit.brushes["marks_1"] == app.session_state.visit.brushes["marks_1"]
    brush(app, 0, photo)
    assert is_painted(app)  # other regions than the refined painting's
