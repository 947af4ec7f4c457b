import io
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from pages.shared import painting, showing, styling
from pages.shared.painting import Look
from pages.shared.pictures import SAMPLES, duration, tile_path
from stylecore import FastStylizer, list_styles, load_image
from stylecore.instant.stylizer import working_size
from tests.conftest import encoded, make_photo
from tests.pages.conftest import open_app

pytestmark = pytest.mark.usefixtures("clear_caches")


@pytest.fixture
def app() -> AppTest:
    return open_app()


@pytest.fixture
def painted(monkeypatch) -> list[Look]:
    """The looks that the page asked to be painted, newest last; strokes for a picture of 1024 px."""
    looks = []
    stylize = FastStylizer.stylize

    def spy(self, image, style, *, strength, preserve_color, stroke_scale, fine):
        working_side = max(working_size(image.size, stroke_scale))
        looks.append(Look(tuple(style.items()), strength, preserve_color, round(1024 / working_side, 2)))
        settings = {"strength": strength, "preserve_color": preserve_color, "stroke_scale": stroke_scale}
        return stylize(self, image, style, **settings, fine=fine)

    monkeypatch.setattr(FastStylizer, "stylize", spy)
    return looks


def captions(app: AppTest) -> str:
    return " | ".join(caption.value for caption in app.caption)


def look(name: str, *settings: float) -> Look:
    return Look(((name, 1.0),), *settings)


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


def test_a_style_tile_changes_the_style(app, painted):
    app.run()
    app.button(key="style_the_wave").click().run()
    assert painted[-1] == look("the_wave")
    assert "Painted: The Wave" in captions(app)
    assert "Katsushika Hokusai" in captions(app)
    assert app.query_params["style"] == "the_wave"


def test_many_styles_can_be_narrowed_down_to_a_kind(app, painted, monkeypatch):
    monkeypatch.setattr(styling, "FILTER_FROM", 1)
    app.run()
    app.pills(key="kind").set_value("print").run()
    tiles = {button.key for button in app.button if str(button.key).startswith("style_")}
    prints = {f"style_{style.name}" for style in list_styles() if style.kind == "print"}
    assert tiles == prints | {"style_starry_night"}  # the chosen one stays in sight
    assert painted == [look("starry_night")]  # what was chosen stays chosen


def test_the_style_that_a_link_asks_for_is_the_first_tile(app, painted):
    app.query_params["style"] = "marbling"
    app.run()
    app.button(key="style_mosaic").click().run()
    tiles = [button.key for button in app.button if str(button.key).startswith("style_")]
    assert tiles[:2] == ["style_marbling", "style_starry_night"]
    assert len(tiles) == len(list_styles())


def test_a_style_without_a_tile_has_its_button(app, painted, monkeypatch, tmp_path):
    monkeypatch.setattr(
        styling, "tile_path", lambda name: tmp_path / "none" if name == "mosaic" else tile_path(name)
    )
    app.run()
    app.button(key="style_mosaic").click().run()
    assert not app.exception
    assert painted[-1].styles == (("mosaic", 1.0),)


def test_strength_and_colors_reach_the_engine(app, painted):
    app.run()
    app.slider(key="strength").set_value(60).run()
    app.toggle(key="preserve_color").set_value(True).run()
    app.segmented_control(key="strokes").set_value("coarse").run()
    assert painted[-1] == look("starry_night", 0.6, True, 1.7)


def test_a_blend_mixes_up_to_four_styles(app, painted):
    app.run()
    app.multiselect(key="blend").set_value(["the_wave", "mosaic"]).run()
    app.slider(key="share_of_mosaic").set_value(0).run()
    app.slider(key="share_of_the_wave").set_value(100).run()
    assert painted[-1].styles == (("starry_night", 0.5), ("the_wave", 1.0), ("mosaic", 0.0))
    assert "Painted: Starry Night and The Wave" in captions(app)
    assert "Hokusai" in captions(app)
    assert painted[-1].name == "starry_night_the_wave"


def test_shares_of_zero_become_equal_and_it_says_so(app, painted):
    app.run()
    app.multiselect(key="blend").set_value(["the_wave"]).run()
    for name in ("starry_night", "the_wave"):
        app.slider(key=f"share_of_{name}").set_value(0).run()
    assert painted[-1].styles == (("starry_night", 1.0), ("the_wave", 1.0))
    assert "mixed equally" in app.warning[0].value


def test_all_styles_come_on_one_sheet(app, painted):
    app.run()
    app.toggle(key="all_styles").set_value(True).run()
    assert not app.exception
    assert [look.styles[0][0] for look in painted[1:]] == [style.name for style in list_styles()]
    assert app.download_button(key="download_sheet").label == "Download the sheet"
    all_painted = painting.all_styles(SAMPLES["temple"].path.read_bytes(), Look(()))
    assert load_image(all_painted.sheet).width == 4 * 360 + 3 * 6
    assert list(all_painted.tiles) == [style.name for style in list_styles()]
    assert {load_image(tile).width for tile in all_painted.tiles.values()} == {360}


def test_a_sheet_is_made_once_and_anew_for_other_settings(app, painted):
    app.run()
    app.toggle(key="all_styles").set_value(True).run()
    painted.clear()
    app.button(key="style_mosaic").click().run()  # on the sheet already
    app.button(key="sheet_pink").click().run()
    assert [look.styles for look in painted] == [(("mosaic", 1.0),), (("pink", 1.0),)]
    app.toggle(key="preserve_color").set_value(True).run()
    assert len(painted) == 3 + len(list_styles())


def test_what_a_visitor_does_interrupts_the_sheet(app, painted, monkeypatch):
    """Streamlit ends a run where it shows something."""
    shown = []

    class StopError(Exception):
        pass

    def progress(*arguments):
        shown.append(arguments)
        if len(painted) == 3:
            raise StopError
        return type("Bar", (), {"progress": staticmethod(progress)})

    monkeypatch.setattr(painting.st, "progress", progress)
    with pytest.raises(StopError):
        painting.all_styles(encoded(make_photo(64, 48)), Look(()))
    assert len(painted) == 3


def test_the_sample_is_in_the_address(app, painted):
    app.run()
    app.button(key="photo_sample_coffee").click().run()
    assert app.query_params["photo_sample"] == "Coffee"
    other = open_app()
    other.query_params["photo_sample"] = "Coffee"
    other.run()
    assert other.session_state.visit.choosers["photo"].sample == "coffee"


def test_the_sheet_is_in_the_address(app, painted):
    app.run()
    app.toggle(key="all_styles").set_value(True).run()
    assert app.query_params["all_styles"] == "true"


@pytest.mark.parametrize(
    ("seconds", "text"), [(99, "99 s"), (100, "2 min"), (5_900, "98 min"), (15_840, "4 h 24 min")]
)
def test_durations_are_said_in_one_or_two_numbers(seconds, text):
    assert duration(seconds) == text


def test_a_preview_does_not_wait_for_a_full_size_painting(painted):
    with painting._large_turns:
        painting.preview(encoded(make_photo(1200, 1200), "JPEG"), look("mosaic"))
    assert len(painted) == 1


@pytest.mark.parametrize(("size", "height"), [((40, 1600), 720), ((1600, 40), 180), ((300, 400), 480)])
def test_cells_of_the_sheet_stay_in_bounds(painted, size, height):
    sheet = load_image(painting.all_styles(encoded(make_photo(*size)), Look(())).sheet)
    rows = -(-len(list_styles()) // 4)
    assert sheet.height == rows * (height + 6 + round(360 * 0.09 * 1.6)) - 6


def test_paintings_are_fine_and_sheets_fast(monkeypatch):
    fines = []

    def stylize(self, image, style, *, fine, **settings):
        fines.append(fine)
        return image

    monkeypatch.setattr(FastStylizer, "stylize", stylize)
    photo = encoded(make_photo(64, 48), "JPEG")
    painting.preview(photo, look("mosaic"))
    painting.full_size(photo, look("mosaic"), "PNG")
    painting.all_styles(photo, Look(()))
    assert fines == [True, True] + [False] * len(list_styles())


def test_strokes_keep_their_share_of_the_picture(painted):
    photo = encoded(make_photo(2048, 1024), "JPEG")
    painting.preview(photo, look("mosaic"))
    painting.full_size(photo, look("mosaic"), "PNG")
    painting.preview(encoded(make_photo(320, 240), "JPEG"), look("mosaic"))
    assert [made.stroke_scale for made in painted] == [1.0, 1.0, 1.0]


def test_panoramas_and_tiny_pictures_are_painted_large_enough(painted):
    painting.full_size(encoded(make_photo(3000, 1000), "JPEG"), look("mosaic"), "PNG")
    assert painted[-1].stroke_scale == 0.67  # at 1536 x 512 px
    painting.full_size(encoded(make_photo(2560, 64), "JPEG"), look("mosaic"), "PNG")
    assert painted[-1].stroke_scale == 0.5  # at 2048 px: more would take too long
    painting.full_size(encoded(make_photo(40, 40), "JPEG"), look("mosaic"), "PNG")
    assert painted[-1].stroke_scale == 6.4  # at 160 px, the most that strokes can be finer


def test_the_same_look_is_painted_once(app, painted):
    app.run()
    app.button(key="style_mosaic").click().run()
    app.button(key="style_starry_night").click().run()
    assert len(painted) == 2


def test_a_link_opens_its_style(app, painted):
    app.query_params["style"] = "the_scream"
    app.run()
    assert painted[-1] == look("the_scream")


def test_a_link_opens_its_blend(app, painted):
    app.query_params["style"] = "the_scream"
    app.query_params["blend"] = "Mosaic"
    app.query_params["share_of_mosaic"] = "25"
    app.query_params["strokes"] = "Fine"
    app.run()
    assert painted[-1].styles == (("the_scream", 0.5), ("mosaic", 0.25))
    assert painted[-1].stroke_scale < 1


def test_what_a_host_has_in_the_address_stays(app, painted):
    app.query_params["__theme"] = "dark"
    app.query_params["strength"] = "much"
    app.run()
    app.button(key="style_mosaic").click().run()
    assert dict(app.query_params) == {"__theme": "dark", "style": "mosaic"}


def test_a_reload_on_another_page_keeps_the_look(app, painted):
    app.query_params["style"] = "the_wave"
    app.query_params["likeness"] = "closer to the style"
    app.run()
    app.slider(key="strength").set_value(60).run()
    app.switch_page("pages/how_it_works.py").run()
    kept = {"style": "the_wave", "strength": "60", "likeness": "closer to the style"}
    assert dict(app.query_params) == kept


def test_of_a_link_s_blend_only_what_there_is_not_is_passed_over(app, painted):
    app.query_params["style"] = "The Wave"
    app.query_params["blend"] = ["nonsense", "The Wave", "Gold Black"]
    app.run()
    assert painted[-1].styles == (("the_wave", 0.5), ("gold_black", 0.5))


def test_what_is_no_style_is_dropped_from_the_blend(app, painted):
    app.query_params["blend"] = "Fire"
    app.run()
    app.session_state.blend = ["Fire"]  # as a browser sends it that does not know the options yet
    app.session_state.visit.style = "fire"
    app.run()
    assert not app.exception
    assert painted[-1] == look("fire")


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
    data = painting.full_size(encoded(make_photo(64, 48)), look("mosaic", 0.5), "WEBP")
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == "WEBP"
        assert image.getexif()[0x010E] == "style mosaic:1.00, strength 0.5, strokes 1"


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
    assert "Choose another photo in place of diary." in app.error[0].value
    assert app.file_uploader[0].value.name == "diary.jpg"
    assert not app.exception


def test_a_link_with_an_unknown_style_opens_the_first(app, painted):
    app.query_params["style"] = "nonsense"
    app.run()
    assert not app.exception
    assert painted[-1] == look("starry_night")


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
        (encoded(Image.new("RGB", (40, 1640))), "is a strip of 40 x 1640 px: one at most 40 times"),
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


def test_the_download_has_full_size_and_the_look_of_the_preview():
    photo = encoded(make_photo(2400, 1600), "JPEG", quality=90)
    full = load_image(painting.full_size(photo, look("starry_night"), "PNG"))
    small = load_image(painting.preview(photo, look("starry_night")).painted)
    assert full.size == (2400, 1600)
    assert max(small.size) == painting.WORKING_SIDE
    import numpy as np

    again = full.resize(small.size)
    gap = np.abs(np.asarray(again, np.float32) - np.asarray(small, np.float32)).mean()
    assert gap < 12


def test_few_pictures_are_painted_at_once(monkeypatch):
    running, most = [], []

    def stylize(self, image, style, **settings):
        running.append(image)
        most.append(len(running))
        time.sleep(0.2)  # for as many to come as are let in
        running.pop()
        return image

    monkeypatch.setattr(FastStylizer, "stylize", stylize)
    image = Image.new("RGB", (2400, 1600))
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: painting.paint(image, look("mosaic")), range(6)))
    assert max(most) == 1
    most.clear()
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: painting.paint(image.resize((600, 400)), look("mosaic")), range(6)))
    assert max(most) == 2
    most.clear()
    fine_strokes = replace(look("mosaic"), stroke_scale=0.6)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: painting.paint(image.resize((1024, 683)), fine_strokes), range(6)))
    assert max(most) == 1


def test_waiting_for_ones_turn_is_no_painting():
    painting.stylizer()
    with ThreadPoolExecutor(1) as pool, painting._small_turns, painting._small_turns:
        waiting = pool.submit(painting.preview, encoded(make_photo(90, 70, seed=9)), look("mosaic"))
        time.sleep(2.5)
        assert not waiting.done()
        painting._small_turns.release()
        seconds = waiting.result().seconds
        painting._small_turns.acquire()
    assert seconds < 2.5


def test_an_alpha_channel_that_hides_nothing_costs_nothing():
    image = make_photo(100, 80)
    image.putalpha(255)
    screenshot = painting.preview(encoded(image), look("mosaic"))
    assert Image.open(io.BytesIO(screenshot.painted)).format == "JPEG"


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


def test_shares_are_told_as_parts_of_the_whole(app, painted):
    app.query_params["blend"] = "Mosaic"
    app.query_params["share_of_mosaic"] = "25"
    app.run()
    assert "Mixed: 67% Starry Night, 33% Mosaic" in captions(app)
    assert next(expander for expander in app.expander if expander.label == "Blend").proto.expanded


def test_a_transparent_photo_stays_transparent():
    image = make_photo(100, 80)
    image.putalpha(128)
    assert load_image(painting.preview(encoded(image), look("mosaic")).painted).mode == "RGBA"
    assert load_image(painting.full_size(encoded(image), look("mosaic"), "PNG")).mode == "RGBA"


def test_the_explanation_shows_its_pictures(app):
    app.run()
    app.switch_page("pages/how_it_works.py").run()
    assert not app.exception
    assert len(app.image) == 20
    assert "Gatys" in app.markdown[-1].value


def test_every_style_and_sample_has_its_pictures():
    for style in list_styles():
        assert load_image(tile_path(style.name)).size == (280, 210)
    for sample in SAMPLES.values():
        assert min(load_image(sample.path).size) >= 300
        assert load_image(sample.thumbnail).size == (160, 120)


def test_streamlit_hands_tiles_on_as_they_are():
    # Any other format or a larger picture would be encoded anew in every run of a page.
    for path in [tile_path(style.name) for style in list_styles()] + [s.thumbnail for s in SAMPLES.values()]:
        with Image.open(path) as picture:
            assert picture.format == "JPEG"
            assert path.stat().st_size < 60_000


def test_a_photo_stays_chosen_on_the_other_pages(app):
    app.run()
    app.file_uploader[0].upload("beach.jpg", encoded(make_photo(200, 120), "JPEG"), "image/jpeg").run()
    app.switch_page("pages/how_it_works.py").run()
    app.switch_page("pages/gallery.py").run()
    assert app.download_button(key="download").label == "Download in full size (200 x 120)"
    assert "Still here: beach" in captions(app)
    app.switch_page("pages/custom.py").run()
    assert "Still here: beach" in captions(app)
    app.button(key="content_remove").click().run()
    assert "Still here" not in captions(app)
    app.switch_page("pages/gallery.py").run()
    assert "Still here" not in captions(app)


def test_a_sample_takes_the_place_of_a_kept_photo(app):
    app.run()
    app.file_uploader[0].upload("beach.jpg", encoded(make_photo(200, 120), "JPEG"), "image/jpeg").run()
    app.switch_page("pages/how_it_works.py").run()
    app.switch_page("pages/gallery.py").run()
    app.button(key="photo_sample_cat").click().run()
    assert "Still here" not in captions(app)
    assert app.download_button(key="download").label != "Download in full size (200 x 120)"


def test_a_snapshot_stays_through_other_pages(app):
    app.run()
    app.switch_page("pages/camera.py").run()
    app.camera_input[0].upload("camera.jpg", encoded(make_photo(320, 240), "JPEG"), "image/jpeg").run()
    app.switch_page("pages/how_it_works.py").run()
    app.switch_page("pages/camera.py").run()
    assert app.download_button(key="download").label == "Download in full size (320 x 240)"
    app.switch_page("pages/custom.py").run()
    assert "Still here: snapshot" in captions(app)
    app.button(key="content_remove").click().run()
    app.switch_page("pages/camera.py").run()
    app.switch_page("pages/custom.py").run()
    assert "Still here" not in captions(app)  # it is the camera's alone now
