"""A run goes on while its visitor is on another page."""

import pytest

from tests.pages.custom.conftest import job_of

pytestmark = pytest.mark.usefixtures("clear_caches")


def test_a_run_is_watched_from_other_pages(app):
    app.segmented_control(key="quality").set_value("endless").run()
    app.button(key="refine").click().run()
    job = job_of(app)
    app.switch_page("pages/how_it_works.py").run()
    job._last_seen -= 1000
    app.run()
    assert job.unseen_s < 100
    job.cancel()
    assert job.wait(60)
    app.run()
    assert app.session_state.visit.watched_jobs == []


def test_what_a_page_shows_keeps_its_place_while_a_run_is_watched(app):
    # Whatever moves within the page is drawn anew by the browser, which jumps to the top for it.
    def place_of_the_header() -> int:
        return next(place for place, element in app.main.children.items() if element.type == "header")

    before = place_of_the_header()
    app.segmented_control(key="quality").set_value("endless").run()
    app.button(key="refine").click().run()
    app.run()
    assert app.session_state.visit.watched_jobs
    assert place_of_the_header() == before
    job_of(app).cancel()
    assert job_of(app).wait(60)
