"""The choice of what is painted, and the look of the rest."""

import io
import zlib
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from pages.shared import painting, sheets
from pages.shared.full_size import full_size
from pages.shared.pictures import SAMPLES
from pages.shared.where import Where
from stylecore import ImageError, load_image
from stylecore.styles.catalog import get_style
from tests.conftest import encoded, make_photo
from tests.pages.conftest import captions, look, make_sky

pytestmark = pytest.mark.usefixtures("clear_caches")
COFFEE = SAMPLES["coffee"].path.read_bytes()
LOOK = look("mosaic")


def pixels(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image).astype(int)


def brushed(width: int, height: int, *box: int) -> bytes:
    """What the browser sends: a tint whose alpha is the mask."""
    picture = Image.new("RGBA", (width, height))
    if box:
        picture.paste((229, 0, 125, 255), box)
    return encoded(picture)


def test_the_choice_reaches_the_painting_the_address_and_the_file(app):
    app.query_params["photo_sample"] = "Coffee"
    app.run()
    whole = painting.preview(COFFEE, look("starry_night"))
    app.segmented_control(key="where").set_value("background").run()
    assert not app.exception
    assert "Painted: Starry Night, on the background" in captions(app)
    assert app.query_params["where"] == "Background"
    app.selectbox(key="elsewhere").set_value("mosaic").run()
    assert "Painted: Starry Night, on the background, elsewhere Mosaic" in captions(app)
    assert app.query_params["elsewhere"] == "Mosaic"
    app.switch_page("pages/batch.py").run()
    assert app.segmented_control(key="where").value == "background"
    app.switch_page("pages/gallery.py").run()
    assert app.selectbox(key="elsewhere").value == "mosaic"

    photo = Where("background"), Where("background", ((get_style("mosaic"), 1.0),))
    kept, both = (painting.preview(COFFEE, replace(look("starry_night"), where=where)) for where in photo)
    cup, painted_cup, other_cup = (
        pixels(picture)[140:160, 190:210] for picture in (kept.original, whole.painted, both.painted)
    )
    assert np.abs(pixels(kept.painted)[140:160, 190:210] - cup).mean() < 4  # both are JPEG
    assert np.abs(painted_cup - cup).mean() > 8
    assert np.abs(other_cup - painted_cup).mean() > 8
    full = full_size(COFFEE, replace(look("starry_night"), where=photo[1]), "JPEG")
    description = Image.open(io.BytesIO(full)).getexif()[0x010E]
    assert description.endswith(", on the background, elsewhere mosaic")


def test_a_link_opens_its_part_and_the_look_of_the_rest(app):
    app.query_params["where"] = "Subject"
    app.query_params["elsewhere"] = "Nothing: transparent"
    app.query_params["photo_sample"] = "Coffee"
    app.run()
    assert not app.exception
    assert "on the subject, elsewhere transparent" in captions(app)
    assert app.segmented_control(key="file_format_PNG_WEBP").value == "PNG"
    app.segmented_control(key="where").set_value("everything").run()
    assert "where" not in app.query_params
    assert "elsewhere" not in app.query_params


def test_faces_are_kept_if_there_are_any(app):
    portrait = SAMPLES["portrait"].path.read_bytes()
    app.query_params["photo_sample"] = "Portrait"
    app.query_params["keep_faces"] = "true"
    app.run()
    assert not app.exception
    assert not app.info
    assert "Painted: Starry Night, faces kept" in captions(app)
    looks = LOOK, replace(LOOK, where=Where(keeps_faces=True)), replace(LOOK, where=Where("background"))
    before, *painted = (
        pixels(picture)[140:170, 210:240]  # her cheeks
        for picture in (portrait, *(full_size(portrait, each, "PNG") for each in looks))
    )
    whole, kept, background = (np.abs(picture - before).mean() for picture in painted)
    assert 0.2 * whole < kept < 0.45 * whole
    assert background == 0
    app.button(key="photo_sample_coffee").click().run()
    assert [info.value for info in app.info] == ["No face was found in this photo."]


def test_a_photo_without_a_subject_is_painted_whole_and_the_page_says_so(app):
    app.query_params["where"] = "Subject"
    app.run()
    app.file_uploader[0].upload("sky.png", encoded(make_sky()), "image/png").run()
    assert [info.value for info in app.info] == [
        "No subject was found in this photo, so all of it is painted."
    ]
    photo = encoded(make_sky())
    part = painting.preview(photo, replace(LOOK, where=Where("subject")))
    assert part.painted == painting.preview(photo, LOOK).painted


def test_the_brush_is_what_is_painted_and_no_address_keeps_it(app):
    app.query_params["photo_sample"] = "Coffee"
    app.run()
    app.segmented_control(key="where").set_value("brush").run()
    assert "Nothing is brushed yet" in app.info[0].value
    assert "where" not in app.query_params
    width, height = pixels(painting.screen_picture(COFFEE).encoded).shape[1::-1]
    version = f"brush {zlib.crc32(COFFEE)}"
    brush = brushed(width, height, 0, 0, width // 2, height)
    app.session_state.visit.brushes["brush"] = version, brush
    app.run()
    assert not app.exception
    assert not app.info
    assert "on what you brushed" in captions(app)
    assert "but not what you brushed" in captions(app)
    painted = painting.preview(COFFEE, replace(look("starry_night"), where=Where("brush", brush=brush)))
    gap = np.abs(pixels(painted.painted) - pixels(painted.original)).mean(axis=(0, 2))
    assert gap[width // 2 + 20 :].max() < 8
    assert gap[: width // 2 - 20].min() > 8
    app.switch_page("pages/batch.py").run()
    assert not app.exception
    assert app.segmented_control(key="where").options == ["All", "Subject", "Background"]


def test_the_brush_begins_with_what_was_found(app):
    app.query_params["photo_sample"] = "Coffee"
    app.query_params["where"] = "Background"
    app.run()
    app.segmented_control(key="where").set_value("brush").run()
    assert not app.exception
    _, brush = app.session_state.visit.brushes["brush"]
    alpha = load_image(brush).getchannel("A")
    assert alpha.getpixel((2, 2)) == 255
    assert alpha.getpixel((alpha.width // 2, alpha.height // 2)) == 0


def test_a_brush_of_another_photo_is_refused_in_a_sentence(app):
    app.query_params["photo_sample"] = "Coffee"
    app.run()
    version = f"brush {zlib.crc32(COFFEE)}"
    app.session_state.visit.brushes["brush"] = version, brushed(100, 200, 0, 0, 50, 50)
    app.segmented_control(key="where").set_value("brush").run()
    assert not app.exception
    assert app.warning[0].value.startswith("The brush was drawn on a picture of 100 x 200 px")
    assert app.warning[0].value.endswith("draw it again.")


def test_a_mask_is_scaled_to_the_full_photo_and_nothing_brushed_is_no_mask():
    def subject() -> Image.Image:
        raise AssertionError("no subject is needed")

    mask = Where("brush", brush=brushed(100, 75, 0, 0, 50, 75)).mask(make_photo(401, 300), subject)
    assert mask.size == (401, 300)
    assert [mask.getpixel((x, 150)) for x in (10, 390)] == [255, 0]
    for brush in (b"", brushed(100, 75)):
        assert Where("brush", brush=brush).mask(make_photo(401, 300), subject) is None
    with pytest.raises(ImageError, match="of 100 x 75 px, which has other proportions"):
        Where("brush", brush=brushed(100, 75, 0, 0, 50, 75)).mask(make_photo(300, 401), subject)
    assert Where().mask(make_photo(401, 300), subject) is None


def test_the_border_of_the_brush_snaps_to_an_edge_of_the_photo():
    photo = Image.new("RGB", (400, 300), (40, 60, 80))
    photo.paste((200, 180, 60), (200, 0, 400, 300))
    loose = Where("brush", brush=brushed(400, 300, 197, 0, 400, 300))
    snapped = replace(loose, is_snapped=True)
    assert loose.key != snapped.key
    before, after = (where.mask(photo, lambda: None) for where in (loose, snapped))
    assert before.getpixel((198, 150)) > 128 > after.getpixel((199, 150))
    assert after.getpixel((201, 150)) > 240


def test_sheets_show_every_style_on_the_part(small_paintings, monkeypatch):
    monkeypatch.setattr(sheets, "known_styles", lambda: {"mosaic": get_style("mosaic")})
    monkeypatch.setattr(sheets, "SHEET_SIDE", 200)
    where = Where("background")
    tile = sheets.all_styles(COFFEE, replace(look("mosaic"), styles=(), where=where)).tiles["mosaic"]
    photo = load_image(COFFEE).resize(Image.open(io.BytesIO(tile)).size)
    gap = np.abs(pixels(tile) - np.asarray(photo).astype(int)).mean(axis=2)
    height, width = gap.shape
    assert gap[height // 2 - 5 : height // 2 + 5, width // 2 - 5 : width // 2 + 5].mean() < 8
    assert gap[:20, :20].mean() > 15


def test_small_photos_are_masked_at_their_own_size():
    photo = make_photo(64, 48)
    brush = Where("brush", brush=brushed(64, 48, 0, 0, 32, 48))
    painted = full_size(encoded(photo), replace(LOOK, where=brush), "PNG")
    gap = np.abs(pixels(painted) - np.asarray(photo).astype(int)).mean(axis=(0, 2))
    assert gap[40:].max() == 0
    assert gap[:24].min() > 2
