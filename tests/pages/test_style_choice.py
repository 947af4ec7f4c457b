import pytest
from PIL import Image

from pages.shared import own_styles, styling
from pages.shared.pictures import SAMPLES, tile_path
from stylecore import list_styles, load_image
from tests.pages.conftest import captions, look, shares

pytestmark = pytest.mark.usefixtures("clear_caches")


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
        own_styles, "tile_path", lambda name: tmp_path / "none" if name == "mosaic" else tile_path(name)
    )
    app.run()
    app.button(key="style_mosaic").click().run()
    assert not app.exception
    assert shares(painted[-1]) == {"mosaic": 1.0}


def test_a_blend_mixes_up_to_four_styles(app, painted):
    app.run()
    app.multiselect(key="blend").set_value(["the_wave", "mosaic"]).run()
    app.slider(key="share_of_mosaic").set_value(0).run()
    app.slider(key="share_of_the_wave").set_value(100).run()
    assert shares(painted[-1]) == {"starry_night": 0.5, "the_wave": 1.0, "mosaic": 0.0}
    assert "Painted: Starry Night and The Wave" in captions(app)
    assert "Hokusai" in captions(app)
    assert painted[-1].name == "starry_night_the_wave"


def test_shares_of_zero_become_equal_and_it_says_so(app, painted):
    app.run()
    app.multiselect(key="blend").set_value(["the_wave"]).run()
    for name in ("starry_night", "the_wave"):
        app.slider(key=f"share_of_{name}").set_value(0).run()
    assert shares(painted[-1]) == {"starry_night": 1.0, "the_wave": 1.0}
    assert "mixed equally" in app.warning[0].value


def test_shares_are_shown_as_parts_of_the_whole(app, painted):
    app.query_params["blend"] = "Mosaic"
    app.query_params["share_of_mosaic"] = "25"
    app.run()
    assert "Mixed: 67% Starry Night, 33% Mosaic" in captions(app)
    assert next(expander for expander in app.expander if expander.label == "Blend").proto.expanded


def test_what_is_no_style_is_dropped_from_the_blend(app, painted):
    app.query_params["blend"] = "Fire"
    app.run()
    app.session_state.blend = ["Fire"]  # as a browser sends it that does not know the options yet
    app.session_state.visit.style = "fire"
    app.run()
    assert not app.exception
    assert painted[-1] == look("fire")


def test_every_style_and_sample_has_its_pictures():
    for style in list_styles():
        assert load_image(tile_path(style.name)).size == (280, 210)
    for sample in SAMPLES.values():
        assert min(load_image(sample.path).size) >= 300
        assert load_image(sample.thumbnail).size == (160, 120)


def test_streamlit_sends_tiles_unchanged():
    # Any other format or a larger picture would be encoded anew in every run of a page.
    for path in [tile_path(style.name) for style in list_styles()] + [s.thumbnail for s in SAMPLES.values()]:
        with Image.open(path) as picture:
            assert picture.format == "JPEG"
            assert path.stat().st_size < 60_000
