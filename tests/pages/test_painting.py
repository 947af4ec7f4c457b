import io
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from pages.shared import painting, sheets, turns
from pages.shared.full_size import full_size
from pages.shared.painting import Look
from pages.shared.pictures import duration
from stylecore import FastStylizer, list_styles, load_image
from tests.conftest import encoded, make_photo
from tests.pages.conftest import look

pytestmark = pytest.mark.usefixtures("clear_caches")


def test_a_preview_does_not_wait_for_a_full_size_painting(painted):
    with turns.large_line.turn():
        painting.preview(encoded(make_photo(1200, 1200), "JPEG"), look("mosaic"))
    assert len(painted) == 1


def test_paintings_are_fine_and_sheets_fast(monkeypatch):
    fines = []

    def stylize(self, image, style, *, fine, **settings):
        fines.append(fine)
        return image

    monkeypatch.setattr(FastStylizer, "stylize", stylize)
    photo = encoded(make_photo(64, 48), "JPEG")
    painting.preview(photo, look("mosaic"))
    full_size(photo, look("mosaic"), "PNG")
    sheets.all_styles(photo, Look(()))
    assert fines == [True, True] + [False] * len(list_styles())


def test_strokes_keep_their_share_of_the_picture(painted):
    photo = encoded(make_photo(2048, 1024), "JPEG")
    painting.preview(photo, look("mosaic"))
    full_size(photo, look("mosaic"), "PNG")
    painting.preview(encoded(make_photo(320, 240), "JPEG"), look("mosaic"))
    assert [made.stroke_scale for made in painted] == [1.0, 1.0, 1.0]


def test_panoramas_and_tiny_pictures_are_painted_large_enough(painted):
    full_size(encoded(make_photo(3000, 1000), "JPEG"), look("mosaic"), "PNG")
    assert painted[-1].stroke_scale == 0.67  # at 1536 x 512 px
    full_size(encoded(make_photo(2560, 64), "JPEG"), look("mosaic"), "PNG")
    assert painted[-1].stroke_scale == 0.5  # at 2048 px: more would take too long
    full_size(encoded(make_photo(40, 40), "JPEG"), look("mosaic"), "PNG")
    assert painted[-1].stroke_scale == 6.4  # at 160 px, the most that strokes can be finer


def test_the_download_has_full_size_and_the_look_of_the_preview():
    photo = encoded(make_photo(2400, 1600), "JPEG", quality=90)
    full = load_image(full_size(photo, look("starry_night"), "PNG"))
    small = load_image(painting.preview(photo, look("starry_night")).painted)
    assert full.size == (2400, 1600)
    assert max(small.size) == painting.WORKING_SIDE
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


def test_waiting_for_a_turn_does_not_count_as_painting_time():
    painting.stylizer()
    with ThreadPoolExecutor(1) as pool, turns.small_line.turn():
        with turns.small_line.turn():
            waiting = pool.submit(painting.preview, encoded(make_photo(90, 70, seed=9)), look("mosaic"))
            time.sleep(2.5)
            assert not waiting.done()
        seconds = waiting.result().seconds
    assert seconds < 2.5


def test_a_full_line_is_an_answer_on_the_page(app, monkeypatch):
    def wait():
        with turns.small_line.turn():
            pass

    monkeypatch.setattr(turns.small_line, "capacity", 1)
    with ThreadPoolExecutor(1) as pool, turns.small_line.turn(), turns.small_line.turn():
        waiting = pool.submit(wait)
        while not turns.small_line.length:
            time.sleep(0.01)
        app.run()
        assert [warning.value for warning in app.warning] == [
            "1 pictures are waiting already, which is all there is room for: try again in a minute."
        ]
    waiting.result()
    app.button(key="try_again").click().run()
    assert not app.warning
    assert not app.exception


def test_an_opaque_alpha_channel_does_not_force_png():
    image = make_photo(100, 80)
    image.putalpha(255)
    screenshot = painting.preview(encoded(image), look("mosaic"))
    assert Image.open(io.BytesIO(screenshot.painted)).format == "JPEG"


def test_a_transparent_photo_stays_transparent():
    image = make_photo(100, 80)
    image.putalpha(128)
    assert load_image(painting.preview(encoded(image), look("mosaic")).painted).mode == "RGBA"
    assert load_image(full_size(encoded(image), look("mosaic"), "PNG")).mode == "RGBA"


@pytest.mark.parametrize(
    ("seconds", "text"), [(99, "99 s"), (100, "2 min"), (5_900, "98 min"), (15_840, "4 h 24 min")]
)
def test_durations_are_written_in_one_or_two_numbers(seconds, text):
    assert duration(seconds) == text
