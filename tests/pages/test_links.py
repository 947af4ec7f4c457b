"""What the address of a page holds."""

import pytest

from tests.pages.conftest import look, open_app, shares

pytestmark = pytest.mark.usefixtures("clear_caches")


def test_the_sample_is_in_the_address(app, painted):
    app.run()
    app.button(key="photo_sample_coffee").click().run()
    assert app.query_params["photo_sample"] == "Coffee"
    other = open_app()
    other.query_params["photo_sample"] = "Coffee"
    other.run()
    assert other.session_state.visit.choosers["photo"].sample == "coffee"


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
    assert shares(painted[-1]) == {"the_scream": 0.5, "mosaic": 0.25}
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


def test_unknown_styles_in_the_blend_of_a_link_are_skipped(app, painted):
    app.query_params["style"] = "The Wave"
    app.query_params["blend"] = ["nonsense", "The Wave", "Gold Black"]
    app.run()
    assert shares(painted[-1]) == {"the_wave": 0.5, "gold_black": 0.5}


def test_a_link_with_an_unknown_style_opens_the_first(app, painted):
    app.query_params["style"] = "nonsense"
    app.run()
    assert not app.exception
    assert painted[-1] == look("starry_night")
