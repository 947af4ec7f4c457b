import io
import json
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from pages.shared import refining
from stylecore import load_image
from stylecore.errors import WeightsError
from stylecore.host.job_queue import JobQueue
from stylecore.host.jobs import Job, JobState
from stylecore.optimization import pacing, planning
from stylecore.optimization.objective import is_mixed
from tests.conftest import encoded, make_photo
from tests.pages.conftest import open_app

TINY = replace(refining.QUALITIES["quick"], steps=4, max_side=64, is_coarse_to_fine=False, preview_every=1)


pytestmark = pytest.mark.usefixtures("clear_caches")


@pytest.fixture
def app(monkeypatch) -> AppTest:
    monkeypatch.setattr(refining, "SKETCH_SIDE", 96)
    monkeypatch.setattr(refining, "slowness", lambda photo: 1.0)
    monkeypatch.setattr(refining, "QUALITIES", {"quick": TINY, "endless": replace(TINY, steps=100_000)})
    app = open_app().run()
    app.switch_page("pages/custom.py").run()
    assert not app.exception
    return app


def run_until(app: AppTest, condition, timeout_s: float = 120) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "not within the time"
        time.sleep(0.05)
        app.run()
        assert not app.exception


def is_refined(app: AppTest) -> bool:
    return any(caption.value.startswith("Refined") for caption in app.caption)


def job_of(app: AppTest) -> Job:
    return refining.job_queue().find(app.session_state.visit.tokens["run"])


def recipe_of(app: AppTest) -> dict:
    return refining.recipe_of(job_of(app))


def captions(app: AppTest) -> list[str]:
    return [caption for image in app.image for caption in image.captions if caption]


def upload(app: AppTest, place: int, image: Image.Image | bytes) -> None:
    data = image if isinstance(image, bytes) else encoded(image)
    app.file_uploader[place].upload("picture.png", data, "image/png").run()


def test_a_sketch_is_there_at_once(app):
    assert any("Instant sketch" in caption.value for caption in app.caption)
    assert "Style: Mosaic" in captions(app)
    assert app.button(key="refine").label.startswith("Refine (about")


def test_refining_ends_with_picture_downloads_and_snapshots(app):
    app.button(key="refine").click().run()
    run_until(app, lambda: is_refined(app))
    assert job_of(app).state is JobState.DONE
    assert app.download_button(key="download_refined").label == "Download (64 x 43)"
    assert app.download_button(key="download_recipe").label == "Recipe"
    assert recipe_of(app)["config"]["steps"] == 4
    token = app.session_state.visit.tokens["run"]
    assert app.select_slider(key=f"snapshot_{token}").options == ["1", "2", "3", "4"]
    assert any("4 steps in" in caption.value for caption in app.caption)


def test_the_recipe_repeats_the_picture(app):
    app.button(key="refine").click().run()
    run_until(app, lambda: is_refined(app))
    settings = recipe_of(app)["config"]
    config = refining.OptimizationConfig(**settings)
    assert json.loads(json.dumps(recipe_of(app)))["styles"] == [{"name": "mosaic", "weight": 1.0}]
    photo, style = (load_image(sample.path) for sample in samples())
    again = refining.optimize_image(photo, style, config).image
    found = job_of(app).result.image
    assert np.abs(np.asarray(again, np.int16) - np.asarray(found, np.int16)).max() <= 2


@pytest.mark.parametrize("is_stepped_down", [False, True])
def test_the_recipe_repeats_a_painting_of_several_sizes(monkeypatch, is_stepped_down):
    wanted = replace(TINY, max_side=96, steps=6, is_coarse_to_fine=True, coarse_side=48)
    fitting = replace(wanted, max_side=68) if is_stepped_down else wanted
    monkeypatch.setattr(refining, "plan", lambda *_: planning.Plan(fitting, ()))
    photo, style = make_photo(300, 200), make_photo(250, 250, seed=1)
    pictures = encoded(photo), ((encoded(style), 1.0),)
    job = refining.job_queue().find(
        refining.start_run(*pictures, wanted, quality="best", words="best", names=("photo", "style"))
    )
    assert job.wait(60)
    recipe = refining.recipe_of(job)
    again = refining.optimize_image(photo, style, refining.OptimizationConfig(**recipe["config"])).image
    difference = np.asarray(again, np.int16) - np.asarray(job.result.image, np.int16)
    assert np.abs(difference).max() <= 2


def samples():
    from pages.shared.pictures import SAMPLES, STYLE_SAMPLES

    return next(iter(SAMPLES.values())), next(iter(STYLE_SAMPLES.values()))


def test_damaged_weights_are_not_the_picture_s_fault(app, monkeypatch):
    def fail(data):
        raise WeightsError("decoder.safetensors is damaged")

    monkeypatch.setattr(refining, "read_style", fail)
    app.run()
    assert app.error[0].value == "decoder.safetensors is damaged. Please tell whoever runs this app."


def test_a_run_is_stopped_and_keeps_the_best(app):
    app.segmented_control(key="quality").set_value("endless").run()
    app.button(key="refine").click().run()
    job = job_of(app)
    run_until(app, lambda: job.progress is not None)
    assert app.button(key="refine").disabled
    app.button(key="cancel").click().run()
    assert job.wait(60)
    run_until(app, lambda: is_refined(app))
    assert job.state is JobState.CANCELLED
    assert any("Stopped" in info.value for info in app.info)


def test_the_run_survives_other_changes_on_the_page(app):
    app.segmented_control(key="quality").set_value("endless").run()
    app.button(key="refine").click().run()
    job = job_of(app)
    run_until(app, lambda: job.progress is not None)
    app.toggle(key="custom_preserve_color").set_value(True).run()
    assert job_of(app) is job
    assert job.state is JobState.RUNNING
    job.cancel()
    assert job.wait(60)


def test_a_second_visitor_waits_in_line(app):
    app.segmented_control(key="quality").set_value("endless").run()
    app.button(key="refine").click().run()
    first = job_of(app)
    other = open_app().run()
    other.switch_page("pages/custom.py").run()
    other.segmented_control(key="quality").set_value("endless").run()
    other.button(key="refine").click().run()
    other.run()
    assert any("Place 1 in line" in info.value for info in other.info)
    run_until(other, lambda: any("for at least" in info.value for info in other.info))
    assert "The sketch to begin with" in captions(other)
    first.cancel()
    run_until(other, lambda: job_of(other).state is JobState.RUNNING)
    job_of(other).cancel()
    run_until(other, lambda: is_refined(other))


def test_a_run_says_that_it_is_paused_for_a_shorter_one(app):
    app.segmented_control(key="quality").set_value("endless").run()
    app.button(key="refine").click().run()
    is_open = threading.Event()
    shorter = refining.job_queue().submit(lambda job: is_open.wait(60), expected_s=0.001)
    run_until(app, lambda: job_of(app).state is JobState.PAUSED)
    app.run()
    assert "paused for a shorter one" in app.get("progress")[0].proto.text
    is_open.set()
    assert shorter.wait(10)
    run_until(app, lambda: job_of(app).state is JobState.RUNNING)
    job_of(app).cancel()
    assert job_of(app).wait(60)


def test_who_leaves_the_line_has_the_sketch_again(app):
    app.segmented_control(key="quality").set_value("endless").run()
    app.button(key="refine").click().run()
    other = open_app().run()
    other.switch_page("pages/custom.py").run()
    other.segmented_control(key="quality").set_value("endless").run()
    other.button(key="refine").click().run()
    other.run()
    assert other.button(key="cancel").label == "Leave the line"
    other.button(key="cancel").click().run()
    run_until(other, lambda: any("Stopped before it began" in info.value for info in other.info))
    assert other.download_button(key="download_sketch")
    job_of(app).cancel()
    assert job_of(app).wait(60)


def test_a_transparent_photo_stays_transparent(app):
    photo = make_photo(90, 60).convert("RGBA")
    photo.putalpha(Image.linear_gradient("L").resize(photo.size))
    upload(app, 0, photo)
    sketch, file_format, _ = refining.sketch(encoded(photo), ((encoded(make_photo(80, 80)), 1.0),), False)
    assert file_format == "PNG"
    assert load_image(io.BytesIO(sketch)).mode == "RGBA"
    app.button(key="refine").click().run()
    run_until(app, lambda: is_refined(app))
    job = job_of(app)
    for picture in (job.about.photo, job.about.sketch, job.progress.snapshots[-1][1]):
        assert load_image(io.BytesIO(picture)).mode == "RGBA"


def test_a_stopped_run_tells_how_long_others_take(app):
    app.segmented_control(key="quality").set_value("endless").run()
    usual = dict(refining.pace())
    app.button(key="refine").click().run()
    run_until(app, lambda: len(job_of(app).progress.losses if job_of(app).progress else []) > 5)
    job_of(app).cancel()
    assert job_of(app).wait(60)
    known = pacing.kind_of(TINY)
    assert refining.pace()[known] != usual[known]
    assert refining.pace() | {known: usual[known]} == usual


def test_a_run_that_does_not_begin_with_the_sketch_shows_the_photo_until_it_has_a_picture(app, monkeypatch):
    queue = JobQueue()
    monkeypatch.setattr(refining, "job_queue", lambda: queue)
    blocking = queue.submit(lambda job: [time.sleep(0.01) for _ in iter(job.should_stop, True)])
    monkeypatch.setitem(refining.QUALITIES, "quick", replace(TINY, start="mixed_noise"))
    app.run()
    app.button(key="refine").click().run()
    assert "Your photo" in captions(app)
    assert "The sketch to begin with" not in captions(app)
    blocking.cancel()
    run_until(app, lambda: is_refined(app))


def test_no_job_is_left_behind_by_a_sketch_that_fails(monkeypatch):
    def fail(*_):
        raise MemoryError

    queue = JobQueue()
    monkeypatch.setattr(refining, "job_queue", lambda: queue)
    monkeypatch.setattr(refining, "sketch", fail)
    pictures = encoded(make_photo(64, 64)), ((encoded(make_photo(64, 64, seed=1)), 1.0),)
    with pytest.raises(MemoryError):
        refining.start_run(*pictures, TINY, quality="quick", words="quick", names=("photo", "style"))
    assert not queue.is_busy


def test_a_full_queue_is_said(app, monkeypatch):
    queue = JobQueue(capacity=0)
    monkeypatch.setattr(refining, "job_queue", lambda: queue)
    blocking = queue.submit(lambda job: [time.sleep(0.01) for _ in iter(job.should_stop, True)])
    app.button(key="refine").click().run()
    assert "try again in a few minutes" in app.error[0].value
    blocking.cancel()


@pytest.mark.parametrize(
    ("place", "picture", "message"),
    [
        (0, b"dear diary", "is not a picture"),
        (1, b"dear diary", "is not a picture"),
        (1, make_photo(20, 200), "at least 32 px"),
        (1, Image.new("RGB", (64, 64), "red"), "single color"),
    ],
)
def test_bad_pictures_get_a_message_and_the_next_step(app, place, picture, message):
    upload(app, place, picture)
    assert message in app.error[0].value
    assert ("style picture" if place else "photo") in app.error[0].value
    assert "Choose another" in app.error[0].value


@pytest.mark.parametrize("bad", [b"dear diary", encoded(Image.new("RGB", (64, 64), "red"))])
def test_of_several_style_pictures_the_bad_one_is_named(app, bad):
    good = ("good.png", encoded(make_photo(60, 60)), "image/png")
    app.file_uploader[1].set_value([good, ("diary.png", bad, "image/png")]).run()
    assert "Choose another style picture above in place of diary." in app.error[0].value


def opened_by_address(token: str) -> AppTest:
    """The page as a new visitor has it by the address of a run."""
    again = open_app()
    again.query_params["run"] = token
    again.run()
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
    assert again.subheader[0].value == "Your last painting"  # below the sketch


def test_a_run_found_by_its_address_comes_before_any_sketch(refined_cat):
    again = opened_by_address(refined_cat)
    assert is_refined(again)
    assert "download_sketch" not in {button.key for button in again.download_button}


def test_a_choice_made_anew_beside_a_run_found_by_its_address_has_its_sketch(refined_cat):
    again = opened_by_address(refined_cat)
    first = again.session_state.visit.choosers["content"].sample
    again.button(key="content_sample_coffee").click().run()
    again.button(key=f"content_sample_{first}").click().run()
    assert "download_sketch" in {button.key for button in again.download_button}


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


def test_what_is_chosen_during_a_run_is_sketched(app):
    app.segmented_control(key="quality").set_value("endless").run()
    app.button(key="refine").click().run()
    run_until(app, lambda: job_of(app).progress is not None)
    app.button(key="style_picture_sample_triangle").click().run()
    assert {"Style: Mosaic", "Style: Triangle"} <= set(captions(app))
    assert any("keeps what it began with" in caption.value for caption in app.caption)
    app.button(key="cancel").click().run()
    assert job_of(app).wait(60)


def test_a_run_that_is_gone_is_said(app):
    app.session_state.visit.tokens["run"] = "nonsense"
    app.run()
    assert "run" not in app.query_params
    assert any("is gone" in info.value for info in app.info)


def test_a_transparent_painting_is_not_offered_as_jpeg(app):
    photo = make_photo(96, 64)
    photo.putalpha(128)
    upload(app, 0, photo)
    app.button(key="refine").click().run()
    run_until(app, lambda: is_refined(app))
    assert app.segmented_control(key="file_format_PNG_WEBP").value == "PNG"


def test_a_failed_run_shows_its_best_picture(app, monkeypatch):
    optimize = refining.optimize_image

    def fail_late(photo, styles, config, **callbacks):
        result = optimize(photo, styles, replace(config, steps=2), **callbacks)
        return replace(result, error=MemoryError("no memory left"))

    monkeypatch.setattr(refining, "optimize_image", fail_late)
    app.button(key="refine").click().run()
    run_until(app, lambda: is_refined(app))
    assert "It ended early: too little memory was free" in app.warning[0].value
    assert app.download_button(key="download_refined").label == "Download (64 x 43)"
    assert recipe_of(app)["stopped_at"] == 2


def test_changed_settings_show_their_sketch_above_the_painting(app):
    app.button(key="refine").click().run()
    run_until(app, lambda: is_refined(app))
    assert not any("Instant sketch" in caption.value for caption in app.caption)
    app.toggle(key="custom_preserve_color").set_value(True).run()
    assert is_refined(app)
    downloads = [button.key for button in app.download_button]
    assert downloads.index("download_sketch") < downloads.index("download_refined")
    assert any("Instant sketch" in caption.value for caption in app.caption)


def test_refining_again_keeps_the_earlier_painting(app):
    app.button(key="refine").click().run()
    run_until(app, lambda: is_refined(app))
    first = app.session_state.visit.tokens["run"]
    app.toggle(key="custom_preserve_color").set_value(True).run()
    app.button(key="refine").click().run()
    run_until(app, lambda: is_refined(app) and app.session_state.visit.tokens["run"] != first)
    app.button(key=f"show_{first}").click().run()
    assert app.session_state.visit.tokens["run"] == first
    assert is_refined(app)


def test_a_bad_picture_leaves_the_painting_in_sight(app):
    app.button(key="refine").click().run()
    run_until(app, lambda: is_refined(app))
    upload(app, 1, b"dear diary")
    assert "is not a picture" in app.error[0].value
    assert is_refined(app)


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


def test_the_next_visitor_can_join_the_line_whatever_memory_is_left(app, monkeypatch):
    app.segmented_control(key="quality").set_value("endless").run()
    app.button(key="refine").click().run()
    run_until(app, lambda: job_of(app).progress is not None)
    monkeypatch.setattr(planning, "available_memory", lambda device: 0)
    other = open_app().run()
    other.switch_page("pages/custom.py").run()
    assert not other.error
    assert not other.button(key="refine").disabled
    job_of(app).cancel()
    assert job_of(app).wait(60)


def test_the_time_is_that_of_this_machine(app, monkeypatch):
    before = refining.expected_seconds((400, 300), refining.QUALITIES["quick"])
    monkeypatch.setattr(refining, "slowness", lambda photo: 0.25)
    refining.timed_pace.clear()
    assert refining.expected_seconds((400, 300), refining.QUALITIES["quick"]) == before / 4


def test_the_time_of_one_style_loss_is_not_another_s(app):
    refining.timed_pace()[is_mixed(TINY), "patches"] = 1e6
    app.run()
    assert "min" not in app.button(key="refine").label
    app.selectbox(key="style_loss").set_value("patches").run()
    assert "min" in app.button(key="refine").label


def test_the_settings_outlive_another_page(app):
    app.segmented_control(key="quality").set_value("endless").run()
    app.select_slider(key="custom_strokes").set_value("coarse").run()
    app.switch_page("pages/how_it_works.py").run()
    app.switch_page("pages/custom.py").run()
    assert app.segmented_control(key="quality").value == "endless"
    assert app.select_slider(key="custom_strokes").value == "coarse"


def test_the_classic_recipe_ends_in_a_row(app, monkeypatch):
    monkeypatch.setitem(refining.QUALITIES, "classic", replace(TINY, steps=2))
    app.run()
    app.segmented_control(key="quality").set_value("classic").run()
    app.button(key="refine").click().run()
    run_until(app, lambda: is_refined(app))
    assert {"Content", "Style", "Generated"} <= set(captions(app))


def test_several_style_pictures_are_mixed(app):
    pictures = [("one.png", make_photo(80, 80, 3)), ("two.png", make_photo(80, 80, 4).convert("L"))]
    uploader = app.file_uploader[1]
    uploader.set_value([(name, encoded(image), "image/png") for name, image in pictures]).run()
    assert [slider.label for slider in app.slider] == ["Share of one", "Share of two"]
    app.slider[1].set_value(20).run()
    app.button(key="refine").click().run()
    run_until(app, lambda: is_refined(app))
    assert recipe_of(app)["styles"] == [{"name": "one", "weight": 0.5}, {"name": "two", "weight": 0.2}]
    assert len(job_of(app).about.styles) == 2
    run_until(app, lambda: is_refined(app))
    app.switch_page("pages/how_it_works.py").run()
    app.switch_page("pages/custom.py").run()
    assert [slider.value for slider in app.slider] == [50, 20]
    assert not any("Instant sketch" in caption.value for caption in app.caption)
    third = ("three.png", encoded(make_photo(80, 80, 5)), "image/png")
    app.file_uploader[1].set_value([("two.png", encoded(pictures[1][1]), "image/png"), third]).run()
    assert [(slider.label, slider.value) for slider in app.slider] == [
        ("Share of two", 20),
        ("Share of three", 50),
    ]


def test_fine_tuning_reaches_the_optimizer(app):
    app.select_slider(key="custom_strokes").set_value("coarse").run()
    app.select_slider(key="likeness").set_value("closer to the style").run()
    app.selectbox(key="style_loss").set_value("wasserstein").run()
    app.button(key="refine").click().run()
    config = recipe_of(app)["config"]
    assert (config["stroke_size"], config["style_weight"], config["style_loss"]) == (96, 16.0, "wasserstein")
    assert job_of(app).about.words == "quick, coarse strokes, closer to the style, Wasserstein"


def test_little_memory_makes_the_picture_smaller_and_says_so(app, monkeypatch):
    config = replace(TINY, max_side=512, steps=1)
    monkeypatch.setattr(refining, "QUALITIES", {"quick": config})
    needed = planning.peak_memory((512, 512), replace(config, max_side=181, stroke_size=181))
    monkeypatch.setattr(planning, "available_memory", lambda device: needed + planning.RESERVED_BYTES)
    upload(app, 0, make_photo(512, 512))
    assert "181 px in place of 512 px" in app.warning[0].value
    app.button(key="refine").click().run()
    run_until(app, lambda: is_refined(app))
    assert job_of(app).result.image.size == (181, 181)
    assert any("Little memory was free" in info.value for info in app.info)


def test_no_memory_is_said(app, monkeypatch):
    monkeypatch.setattr(planning, "available_memory", lambda device: 0)
    app.run()
    assert "MB of free memory are needed" in app.error[0].value
    assert app.button(key="refine").disabled
    assert any("Instant sketch" in caption.value for caption in app.caption)


def test_a_running_job_is_shown_whatever_memory_is_left(app, monkeypatch):
    app.segmented_control(key="quality").set_value("endless").run()
    app.button(key="refine").click().run()
    run_until(app, lambda: job_of(app).progress is not None)
    monkeypatch.setattr(planning, "available_memory", lambda device: 0)
    app.run()
    assert not app.error
    app.button(key="cancel").click().run()
    run_until(app, lambda: job_of(app).is_finished)
    assert job_of(app).result.is_stopped


def test_memory_is_planned_when_the_job_begins(monkeypatch):
    monkeypatch.setattr(planning, "available_memory", lambda device: 0)
    pictures = encoded(make_photo(64, 64)), ((encoded(make_photo(64, 64, seed=1)), 1.0),)
    token = refining.start_run(*pictures, TINY, quality="quick", words="quick", names=("photo", "style"))
    job = refining.job_queue().find(token)
    assert job.wait(60)
    assert "MB of free memory are needed" in str(job.error)


def test_pictures_on_the_way_are_kept_at_screen_size(monkeypatch):
    monkeypatch.setattr(refining, "WORKING_SIDE", 48)
    pictures = encoded(make_photo(80, 60)), ((encoded(make_photo(64, 64, seed=1)), 1.0),)
    token = refining.start_run(*pictures, TINY, quality="quick", words="quick", names=("photo", "style"))
    job = refining.job_queue().find(token)
    assert job.wait(60)
    assert {load_image(io.BytesIO(jpeg)).size for _, jpeg in job.progress.snapshots} == {(48, 36)}
    assert job.result.image.size == (64, 48)


def test_the_camera_gives_the_photo(app):
    app.toggle(key="content_has_camera").set_value(True).run()
    app.camera_input[0].upload("shot.jpg", encoded(make_photo(90, 60), "JPEG"), "image/jpeg").run()
    app.button(key="refine").click().run()
    run_until(app, lambda: is_refined(app))
    assert recipe_of(app)["content"] == "snapshot"
    assert job_of(app).result.image.size == (64, 43)


def test_without_torch_the_page_says_what_to_install(monkeypatch):
    import importlib.util

    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "torch" else find_spec(name, *rest)
    )
    app = open_app().run()
    app.switch_page("pages/custom.py").run()
    assert "requirements.txt" in app.warning[0].value
