"""The visitor's own styles: among the tiles of every page, in blends, on the sheet, as files."""

from dataclasses import replace

import numpy as np
import pytest

from pages.shared import bringing, browser_networks, own_styles
from stylecore import encode_style, load_image
from stylecore.errors import MissingExtraError
from stylecore.styles.catalog import get_style
from stylecore.styles.files import encode_style_file, load_style_file
from tests.conftest import encoded, make_photo
from tests.pages.conftest import captions, open_app, shares
from tests.styles.foreign.networks import LuaNetwork

pytestmark = pytest.mark.usefixtures("clear_caches")


@pytest.fixture(scope="module")
def drawing():
    return encode_style(make_photo(96, 96, seed=7), title="Emma's drawing")


@pytest.fixture
def custom(small_paintings):
    """The page Your own style, in a visit of its own."""
    return open_app().switch_page("pages/custom.py").run()


def tiles_of(app, prefix: str = "style_") -> list[str]:
    return [str(button.key) for button in app.button if str(button.key).startswith(prefix)]


def bring(app, name: str, data: bytes):
    uploader = next(each for each in app.file_uploader if each.label.startswith("Bring"))
    return uploader.upload(name, data, "application/octet-stream").run()


def test_a_kept_style_is_the_first_tile_and_painted_on_every_page(custom, painted):
    custom.button(key="style_picture_sample_flame").click().run()
    custom.button(key="keep_style").click().run()
    assert not custom.exception
    custom.switch_page("pages/gallery.py").run()
    assert tiles_of(custom)[:2] == ["style_flame_2", "style_starry_night"]
    assert shares(painted[-1]) == {"flame_2": 1.0}
    assert "does not hold your own style" in captions(custom)
    custom.multiselect(key="blend").set_value(["mosaic"]).run()
    assert shares(painted[-1]) == {"flame_2": 0.5, "mosaic": 0.5}
    custom.switch_page("pages/batch.py").run()
    assert tiles_of(custom)[0] == "style_flame_2"
    assert custom.toggle(key="in_all_styles").label == "In all 24 styles"


def test_a_button_keeps_the_style_and_leads_to_the_page(custom):
    custom.button(key="use_batch").click().run()
    assert not custom.exception
    assert custom.session_state.visit.style == "mosaic_2"
    assert tiles_of(custom)[0] == "style_mosaic_2"


def test_a_style_is_named_and_removed(custom):
    custom.button(key="keep_style").click().run()
    custom.text_input(key="title_mosaic_2").set_value("Grandma's *floor*").run()
    assert custom.session_state.visit.own_styles["mosaic_2"].title == "Grandma's *floor*"
    custom.switch_page("pages/gallery.py").run()
    assert custom.button(key="style_mosaic_2").label == r"Grandma's \*floor\*"
    custom.switch_page("pages/custom.py").run()
    custom.button(key="remove_style").click().run()
    assert custom.session_state.visit.own_styles == {}
    custom.switch_page("pages/gallery.py").run()
    assert not custom.exception
    assert tiles_of(custom)[0] == "style_starry_night"


def test_a_style_file_is_brought_back_and_shown(custom, painted, drawing):
    bring(custom, "emma.impasto", encode_style_file(drawing))
    assert not custom.exception
    [kept] = custom.session_state.visit.own_styles.values()
    assert np.array_equal(kept.rows["general"], drawing.rows["general"])
    assert shares(painted[-1]) == {"emma_s_drawing": 1.0}
    assert "Painted: Emma's drawing" in captions(custom)
    custom.button(key="style_picture_sample_flame").click().run()
    assert "Painted: Flame" in captions(custom)
    custom.button(key="own_emma_s_drawing").click().run()
    assert "Painted: Emma's drawing" in captions(custom)


def test_the_notice_of_a_style_is_shown(custom, drawing, monkeypatch):
    monkeypatch.setattr(bringing, "load_style_file", lambda data: replace(drawing, notice="Read anew."))
    bring(custom, "emma.impasto", b"any")
    assert "Read anew." in [warning.value for warning in custom.warning]


def test_a_t7_of_2017_is_a_tile_that_paints(custom):
    bring(custom, "candy.t7", LuaNetwork("instance_norm").encode())
    assert not custom.exception
    [style] = custom.session_state.visit.own_styles.values()
    assert (style.name, style.title) == ("candy", "candy")
    assert style.foreign_network
    assert load_image(own_styles.tile_picture(style)).size == own_styles.TILE
    assert "Painted: candy" in captions(custom)
    assert "imported from a network of fast-neural-style for torch7" in captions(custom)
    custom.button(key="use_gallery").click().run()
    assert "Painted: candy" in captions(custom)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("emma.impasto", b"dear diary", "cannot be read"),
        ("candy.t7", b"dear diary", "a .t7 of torch7, a .pth or .model of torch, or an .onnx is needed"),
    ],
)
def test_a_bad_file_is_one_sentence_and_nothing_else_is_lost(custom, painted, name, data, message):
    custom.button(key="keep_style").click().run()
    bring(custom, name, data)
    assert not custom.exception
    [warning] = custom.warning
    assert warning.value.startswith(name)
    assert message in warning.value
    assert list(custom.session_state.visit.own_styles) == ["mosaic_2"]
    assert "Painted: Mosaic" in captions(custom)


def test_a_network_without_the_extra_says_the_command(custom, monkeypatch):
    def refuse(data, title):
        raise MissingExtraError("this needs onnx, which is not installed: pip install 'impasto[import]'")

    monkeypatch.setattr(bringing, "import_style", refuse)
    bring(custom, "candy.t7", b"\4\0\0\0")
    assert "pip install" in custom.warning[0].value
    assert "work without it" in custom.warning[0].value


def test_the_same_style_is_kept_once_and_names_are_unique(custom, drawing):
    own = {}
    for style in (drawing, drawing, replace(drawing, stroke_size=400)):
        own[bring_directly(custom, style)] = style
    assert list(own) == ["emma_s_drawing", "emma_s_drawing_2"]


def bring_directly(app, style) -> str:
    bring(app, "emma.impasto", encode_style_file(style))
    return app.session_state.visit.style


def test_too_many_styles_are_refused_in_words(custom, monkeypatch):
    monkeypatch.setattr(own_styles, "MOST", 0)
    custom.button(key="keep_style").click().run()
    assert "remove one first" in custom.warning[0].value
    custom.button(key="use_gallery").click().run()
    assert "remove one first" in custom.warning[0].value


def test_a_link_with_a_style_of_one_s_own_falls_back_with_a_word(app, painted):
    app.query_params["style"] = "emma_s_drawing"
    app.run()
    assert shares(painted[-1]) == {"starry_night": 1.0}
    assert "Emma S Drawing" in app.info[0].value
    app.button(key="style_mosaic").click().run()
    assert not app.info


def test_own_styles_are_on_the_sheet(custom, painted):
    custom.button(key="keep_style").click().run()
    custom.switch_page("pages/gallery.py").run()
    custom.toggle(key="all_styles").set_value(True).run()
    assert not custom.exception
    assert custom.button(key="sheet_mosaic_2")
    painted.clear()
    custom.run()
    assert painted == []


def test_a_file_holds_the_title_that_was_given(custom, drawing):
    bring(custom, "emma.impasto", encode_style_file(drawing))
    custom.text_input(key="title_emma_s_drawing").set_value("Sun").run()
    kept = custom.session_state.visit.own_styles["emma_s_drawing"]
    assert load_style_file(encode_style_file(kept)).title == "Sun"


def test_several_pictures_become_one_style(custom, painted):
    pictures = [(f"{name}.png", encoded(make_photo(80, 80, ord(name))), "image/png") for name in "ab"]
    custom.file_uploader[1].set_value(pictures).run()
    custom.button(key="keep_style").click().run()
    [kept] = custom.session_state.visit.own_styles.values()
    assert kept.title == "a and b"
    assert shares(painted[-1]) == {kept.name: 1.0}


def test_ready_made_styles_cannot_be_overwritten(custom, drawing):
    assert bring_directly(custom, replace(drawing, name="fire", title="Fire")) == "fire_2"
    assert get_style("fire").title != "Fire"


def test_browsers_are_offered_the_styles_that_they_can_paint(custom, drawing, monkeypatch):
    bring(custom, "emma.impasto", encode_style_file(drawing))
    bring(custom, "candy.t7", LuaNetwork("instance_norm").encode())
    custom.switch_page("pages/live.py").run()
    assert not custom.exception
    assert tiles_of(custom)[:3] == ["style_candy", "style_emma_s_drawing", "style_starry_night"]
    assert not any(widget.key == "blend" for widget in custom.multiselect)
    monkeypatch.setattr(browser_networks, "MOST_BYTES", 100)
    custom.run()
    assert tiles_of(custom)[:2] == ["style_emma_s_drawing", "style_starry_night"]
    assert "candy brings a network that is too large for browsers." in custom.info[0].value
    custom.button(key="style_emma_s_drawing").click().run()
    assert not custom.exception
    assert custom.multiselect(key="blend").options == []  # no other style is for its network
