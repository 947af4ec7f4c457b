from contextlib import closing

import numpy as np
import pytest
from PIL import Image

from stylecore import FastStylizer
from stylecore.errors import OutOfMemoryError, StoppedError
from stylecore.host.folders import WEIGHTS_FOLDER
from stylecore.images.arrays import to_batch
from stylecore.instant import painter as painter_module
from stylecore.instant import rows as rows_module
from stylecore.instant.layers import LayeredNetwork, LayeredPicture, rows_at_once
from stylecore.instant.progress import PaintingProgress
from stylecore.instant.rows import RowStore, windows
from stylecore.instant.sessions import open_session
from stylecore.styles.catalog import get_style
from tests.conftest import make_photo

AS_LEARNED = {"stroke_size": 512}


@pytest.fixture(scope="module")
def stylizer() -> FastStylizer:
    return FastStylizer("cpu")


@pytest.fixture
def layer_by_layer(monkeypatch):
    """All pictures are painted layer by layer, 8 rows of cells at a time, with features in a file."""
    monkeypatch.setattr(painter_module, "painting_memory", lambda: 1)
    monkeypatch.setattr(painter_module, "rows_at_once", lambda *arguments: 8)


def difference(first: Image.Image, second: Image.Image) -> np.ndarray:
    return np.abs(np.asarray(first, np.float32) - np.asarray(second, np.float32))


@pytest.mark.parametrize("fine", [False, True])
@pytest.mark.parametrize(("size", "step"), [((203, 130), 8), ((64, 301), 7), ((33, 32), 40), ((130, 65), 3)])
@pytest.mark.parametrize("memory", [0, 1e9])
def test_layers_paint_as_the_network_itself(fine, size, step, memory):
    model, rows = get_style("starry_night").network(fine=fine)
    network = LayeredNetwork((WEIGHTS_FOLDER / model).read_bytes(), "cpu")
    photo = make_photo(*size)
    with closing(LayeredPicture(network, rows, photo, step, memory)) as picture:
        assert sum(picture.measure()) == pytest.approx(1, abs=0.1)
        painted = np.concatenate([*picture.paint()], axis=2)
    feed = {"image": to_batch(photo), "rows": rows[None], "noise_origin": np.zeros(2, np.int64)}
    (expected,) = open_session(WEIGHTS_FOLDER / model, "cpu").run(None, feed)
    assert painted.shape == expected.shape
    assert np.abs(painted - expected).mean() < 0.1 / 255
    assert np.abs(painted - expected).max() < 3 / 255


@pytest.mark.parametrize("style", ["mosaic", {"starry_night": 1, "ink": 2}])
@pytest.mark.parametrize("fine", [False, True])
def test_large_pictures_are_the_same_painting(stylizer, layer_by_layer, monkeypatch, style, fine):
    photo = make_photo(300, 210)
    layered = stylizer.stylize(photo, style, fine=fine, **AS_LEARNED)
    monkeypatch.undo()
    apart = difference(layered, stylizer.stylize(photo, style, fine=fine, **AS_LEARNED))
    assert 0 < apart.mean() < 0.1
    assert apart.max() <= 3


def test_a_blend_across_networks_is_painted_in_lockstep(stylizer, layer_by_layer, monkeypatch):
    from dataclasses import replace

    mosaic, ink = (replace(get_style(name), fine_model="") for name in ("mosaic", "ink"))
    photo, blend = make_photo(120, 90), {mosaic: 1, ink: 3}
    layered = stylizer.stylize(photo, blend, **AS_LEARNED)
    monkeypatch.undo()
    assert difference(layered, stylizer.stylize(photo, blend, **AS_LEARNED)).max() <= 3


def test_wide_pictures_and_networks_have_fewer_rows_at_a_time():
    assert rows_at_once(4000, 1472) == pytest.approx(19, abs=1)
    assert rows_at_once(4000, 736) == pytest.approx(39, abs=1)
    assert rows_at_once(60_000, 1472) == 6


@pytest.mark.parametrize("in_memory", [True, False])
def test_rows_come_back_as_they_were_stored(in_memory):
    rows = np.random.default_rng(0).random((9, 4, 10)).astype(np.float16)
    with closing(RowStore(9, (4, 12), in_memory=in_memory)) as store:
        store.write(0, rows[:5])
        store.write(5, rows[5:])
        assert np.array_equal(store.read(2, 9, 10), rows[2:])


def test_no_room_for_the_features_is_reported(monkeypatch):
    def fail(**options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(rows_module.tempfile, "TemporaryFile", fail)
    with pytest.raises(OutOfMemoryError, match=r"needs 2 MB in the folder for temporary .*No space left"):
        RowStore(1000, (10, 100), in_memory=False)


@pytest.mark.parametrize("step", [3, 4, 7, 50])
def test_windows_reflect_both_ends_and_repeat_what_is_seen_again(step):
    rows = np.arange(13)
    parts = [rows[start : start + step] for start in range(0, 13, step)]
    seen = [window.tolist() for window in windows(iter(parts), is_reflected=True)]
    assert seen[0][:3] == [2, 1, 0]
    assert seen[-1][-3:] == [12, 11, 10]
    joined = seen[0] + [place for window in seen[1:] for place in window[2:]]
    assert joined == [2, 1, *range(13), 11, 10]


def test_progress_comes_by_part_and_ends_with_all_of_the_work(stylizer, layer_by_layer):
    states: list[PaintingProgress] = []
    stylizer.stylize(make_photo(300, 210), "mosaic", on_progress=states.append, **AS_LEARNED)
    shares = [state.share for state in states]
    assert len(shares) > 50
    assert shares == sorted(shares)
    assert shares[len(shares) // 2] < 0.6
    assert shares[-1] == pytest.approx(1, abs=0.03)
    assert states[-1].remaining_s < states[0].remaining_s


def test_a_painting_can_be_stopped(stylizer, layer_by_layer):
    answers = iter([False, False, True])
    with pytest.raises(StoppedError):
        stylizer.stylize(make_photo(300, 210), "mosaic", should_stop=lambda: next(answers), **AS_LEARNED)


def test_other_failures_are_raised(stylizer, photo, monkeypatch):
    def fail(*arguments, **settings):
        raise RuntimeError("something else")

    monkeypatch.setattr(FastStylizer, "_run", fail)
    with pytest.raises(RuntimeError, match="something else"):
        stylizer.stylize(photo, "mosaic")
