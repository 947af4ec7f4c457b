import io

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from pages.shared import long_jobs, looking, matching, painting
from stylecore.host.jobs import Job, JobState
from tests.conftest import encoded
from tests.pages.conftest import captions, open_app
from tests.photoreal.conftest import TINY, colored_photo

MIX = looking.Mix()
pytestmark = pytest.mark.usefixtures("clear_caches", "small_paintings")


@pytest.fixture(autouse=True)
def tiny_looks(monkeypatch) -> None:
    """Three steps at 64 px."""
    monkeypatch.setattr(looking, "look_config", lambda method: TINY)
    monkeypatch.setattr(looking, "WORKING_SIDE", 96)


def open_look_page() -> AppTest:
    app = open_app().switch_page("pages/look.py").run()
    assert not app.exception
    return app


def upload(app: AppTest, place: int, data: bytes, name: str) -> None:
    app.file_uploader[place].upload(
        name, data, "image/png" if name.endswith("png") else "application/x"
    ).run()
    assert not app.exception


def job_of(app: AppTest) -> Job:
    return long_jobs.job_queue().find(app.session_state.visit.tokens["look"])


def keys_of(app: AppTest) -> set[str]:
    return {button.key for button in app.button}


def test_a_look_is_there_at_once_refined_mixed_and_kept_for_another_photo():
    app = open_look_page()
    assert "At once, by the colors as a whole" in captions(app)
    upload(app, 0, encoded(colored_photo(96, 80, -0.3, 1)), "noon.png")
    app.button(key="refine_look").click().run()
    job = job_of(app)
    app.switch_page("pages/batch.py").run()
    assert job.wait(120)
    app.switch_page("pages/look.py").run()
    assert "refined for this photo" in captions(app)
    assert job.state is JobState.DONE
    assert job.progress.step == job.progress.steps == TINY.steps
    assert "refine_look" not in keys_of(app)
    app.slider(key="look_light").set_value(60).run()
    assert "refined for this photo" in captions(app)
    assert long_jobs.job_queue().jobs == (job,)
    kept = looking.look_file(job.result, looking.Mix(1.0, 0.6))
    # The same file on the photo that it was made for, and on another one.
    upload(app, 2, kept, "evening.look")
    assert app.slider(key="look_light").value == 60
    assert "refined for this photo" in captions(app)
    upload(app, 0, encoded(colored_photo(96, 80, 0.5, 7)), "holiday.png")
    assert "At once, by the colors as a whole" in captions(app)
    app.button(key="refine_look").click().run()
    assert job_of(app).wait(120)
    app.run()
    assert "refined for this photo" in captions(app)
    app.button(key="remove_look").click().run()
    assert "At once" in captions(app)


def test_without_torch_the_look_at_once_is_there(monkeypatch):
    monkeypatch.setattr("stylecore.host.extras.has_extra", lambda module: module != "torch")
    app = open_look_page()
    assert "Refining is not installed here. This needs torch" in captions(app)
    assert "refine_look" not in keys_of(app)
    upload(app, 2, b"dear diary", "diary.look")
    assert "diary.look: The look file cannot be read" in app.warning[0].value


def test_a_full_size_look_is_the_looks_own_picture():
    photo, reference = colored_photo(300, 200, -0.3, 1), colored_photo(80, 96, 0.6, 2)
    look = looking.instant_look(encoded(photo), encoded(reference))
    data = looking.full_size_look(encoded(photo), look, looking.Mix(0.5, 0.5), "evening", "PNG")
    changed = Image.open(io.BytesIO(data))
    assert np.array_equal(np.asarray(changed), np.asarray(look.apply(photo, 0.5, keep_light=0.5)))


def test_subject_is_matched_with_subject_where_both_have_one(monkeypatch):
    def left_half(image):
        mask = Image.new("L", image.size)
        mask.paste(255, (0, 0, image.width // 2, image.height))
        return mask

    monkeypatch.setattr(painting, "find_subject", left_half)
    monkeypatch.setattr(matching, "find_faces", lambda image: Image.new("L", image.size))
    reference = Image.new("RGB", (96, 80), (40, 60, 200))
    reference.paste((220, 60, 40), (48, 0, 96, 80))
    app = open_look_page()
    upload(app, 0, encoded(colored_photo(96, 80, -0.3, 1)), "noon.png")
    upload(app, 1, encoded(reference), "flag.png")
    app.toggle(key="match_looks").set_value(True).run()
    assert not app.exception
    app.button(key="refine_look").click().run()
    job = job_of(app)
    assert job.wait(120)
    app.run()
    assert "refined for this photo" in captions(app)
    for encoded_picture in (job.about.first, looking.look_preview(job.about.photo, job.result, MIX).changed):
        pixels = np.asarray(Image.open(io.BytesIO(encoded_picture)).convert("RGB"), float)
        assert pixels[:, :30, 2].mean() > pixels[:, :30, 0].mean() + 50
        assert pixels[:, 66:, 0].mean() > pixels[:, 66:, 2].mean() + 50
    monkeypatch.setattr(painting, "find_subject", lambda image: Image.new("L", image.size))
    painting.screen_subject.clear()
    app.run()
    assert "the pictures are taken as a whole" in app.info[0].value
