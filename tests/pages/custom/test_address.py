"""Runs found again by the address of the page."""

import pytest
from streamlit.testing.v1 import AppTest

from tests.pages.conftest import open_app
from tests.pages.custom.conftest import is_painted, is_refined, job_of, run_until

pytestmark = pytest.mark.usefixtures("clear_caches")


def opened_by_address(token: str) -> AppTest:
    """The page as a new visitor has it by the address of a run."""
    again = open_app()
    again.query_params["run"] = token
    return again.switch_page("pages/custom.py").run()


@pytest.fixture
def refined_cat(app) -> str:
    """The token of a finished run, of another photo than the first."""
    app.button(key="content_sample_cat").click().run()
    app.button(key="refine").click().run()
    run_until(app, lambda: is_refined(app))
    return app.session_state.visit.tokens["run"]


def test_a_run_is_found_again_by_its_address(app):
    app.button(key="refine").click().run()
    token = app.session_state.visit.tokens["run"]
    assert app.query_params["run"] in (token, [token])
    run_until(app, lambda: is_refined(app))
    again = opened_by_address(token)
    assert is_refined(again)
    assert job_of(again) is job_of(app)
    again.button(key="content_sample_cat").click().run()
    assert again.subheader[0].value == "Your last painting"  # below the instant one


def test_a_run_found_by_its_address_comes_before_any_instant_painting(refined_cat):
    again = opened_by_address(refined_cat)
    assert is_refined(again)
    assert not is_painted(again)


def test_a_new_choice_next_to_a_run_found_by_its_address_is_painted(refined_cat):
    again = opened_by_address(refined_cat)
    first = again.session_state.visit.choosers["content"].sample
    again.button(key="content_sample_coffee").click().run()
    again.button(key=f"content_sample_{first}").click().run()
    assert is_painted(again)


def test_a_run_found_by_its_address_stays_among_the_earlier_ones(app):
    app.button(key="refine").click().run()
    run_until(app, lambda: is_refined(app))
    first = app.session_state.visit.tokens["run"]
    again = opened_by_address(first)
    again.toggle(key="custom_preserve_color").set_value(True).run()
    again.button(key="refine").click().run()
    run_until(again, lambda: job_of(again).is_finished and is_refined(again))
    assert again.session_state.visit.tokens["run"] != first
    assert again.button(key=f"show_{first}")


def test_a_run_that_is_gone_is_reported(app):
    app.session_state.visit.tokens["run"] = "nonsense"
    app.run()
    assert "run" not in app.query_params
    assert any("is gone" in info.value for info in app.info)
