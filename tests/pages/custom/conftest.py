import time
from dataclasses import replace

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from pages.shared import long_jobs, refining
from stylecore.host.jobs import Job
from tests.conftest import encoded
from tests.pages.conftest import open_app

TINY = replace(refining.QUALITIES["quick"], steps=4, max_side=64, is_coarse_to_fine=False, preview_every=1)

# What a run is told for its recipe and for the page.
NAMES = {"quality": "quick", "words": "quick", "names": ("photo", "style"), "instant": b""}


@pytest.fixture
def app(monkeypatch, small_paintings) -> AppTest:
    monkeypatch.setattr(refining, "QUALITIES", {"quick": TINY, "endless": replace(TINY, steps=100_000)})
    app = open_custom_page()
    assert not app.exception
    return app


def open_custom_page() -> AppTest:
    """The custom page as a new visitor gets it."""
    return open_app().switch_page("pages/custom.py").run()


def run_until(app: AppTest, condition, timeout_s: float = 120) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "not within the time"
        time.sleep(0.05)
        app.run()
        assert not app.exception


def is_refined(app: AppTest) -> bool:
    return any(caption.value.startswith("Refined") for caption in app.caption)


def is_painted(app: AppTest) -> bool:
    """Whether the page shows an instant painting of what is chosen."""
    return any(caption.value.startswith("Painted: ") for caption in app.caption)


def job_of(app: AppTest) -> Job:
    return long_jobs.job_queue().find(app.session_state.visit.tokens["run"])


def recipe_of(app: AppTest) -> dict:
    return refining.recipe_of(job_of(app))


def captions(app: AppTest) -> list[str]:
    return [caption for image in app.image for caption in image.captions if caption]


def upload(app: AppTest, place: int, image: Image.Image | bytes) -> None:
    data = image if isinstance(image, bytes) else encoded(image)
    app.file_uploader[place].upload("picture.png", data, "image/png").run()
