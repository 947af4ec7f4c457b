"""Runs of a network that several pictures share."""

import threading
from dataclasses import replace

import numpy as np

from stylecore import FastStylizer
from stylecore.serving import batching
from stylecore.serving.batching import Pass, SharedNetworks, run_together
from stylecore.styles.catalog import get_style
from tests.conftest import make_photo


def passes_of(pictures: list, styles: list[str], device: str = "cpu") -> list[Pass]:
    """The first pass of each picture's painting."""
    kept = []

    def keep(each: Pass) -> np.ndarray:
        kept.append(each)
        return run_together([each])[0]

    stylizer = FastStylizer(device, networks=SharedNetworks(device, keep))
    for picture, style in zip(pictures, styles, strict=True):
        stylizer.stylize(picture, get_style(style), stroke_size=512)
    return kept


def test_pictures_of_one_size_share_a_run_each_with_its_style(monkeypatch):
    pictures = [make_photo(64, 48, seed=i) for i in range(3)] + [make_photo(48, 64)]
    passes = passes_of(pictures, ["mosaic", "the_wave", "mosaic", "mosaic"])
    expected = [run_together([each])[0] for each in passes]
    sizes, run = [], batching._run
    monkeypatch.setattr(batching, "_run", lambda shared: sizes.append(len(shared)) or run(shared))
    for painting, alone in zip(run_together(passes), expected, strict=True):
        assert painting.shape == alone.shape
        assert np.abs(painting - alone).max() < 1 / 255
    assert sizes == [3, 1]


def test_on_a_gpu_runs_are_shared_in_float16(gpu):
    passes = passes_of([make_photo(64, 48, seed=i) for i in range(2)], ["mosaic", "the_wave"], "auto")
    gpu.halves.clear()
    paintings = run_together(passes)
    assert gpu.halves == [((2, 48, 64, 3), False)]
    for each, painting in zip(passes, paintings, strict=True):
        (alone,) = run_together([each])
        assert painting.dtype == np.uint8
        assert np.abs(painting.astype(int) - alone).max() <= 1


def test_a_pass_that_fails_does_not_fail_those_of_its_run(gpu):
    passes = passes_of([make_photo(64, 48)] * 2, ["mosaic", "the_wave"], "auto")
    passes[1] = replace(passes[1], rows=1e6 * passes[1].rows)
    good, failure = run_together(passes)
    assert good.shape == (1, 48, 64, 3)
    assert isinstance(failure, ArithmeticError)


def test_a_run_takes_no_more_pixels_than_its_limit(monkeypatch):
    passes = passes_of([make_photo(64, 48, seed=i) for i in range(3)], ["mosaic"] * 3)
    sizes, run = [], batching._run
    monkeypatch.setattr(batching, "MAX_RUN_PIXELS", 2 * 64 * 48)
    monkeypatch.setattr(batching, "_run", lambda shared: sizes.append(len(shared)) or run(shared))
    assert len(run_together(passes)) == 3
    assert sizes == [2, 1]


def test_threads_that_share_runs_paint_what_each_would_alone():
    barrier, lock, waiting, paintings = threading.Barrier(2), threading.Lock(), [], {}

    def run_with_others(each: Pass) -> np.ndarray:
        with lock:
            waiting.append(each)
        barrier.wait(30)
        with lock:
            if not paintings:
                paintings.update(zip(map(id, waiting), run_together(waiting), strict=True))
        return paintings[id(each)]

    stylizer = FastStylizer("cpu", networks=SharedNetworks("cpu", run_with_others))
    made = {}

    def paint(style: str) -> None:
        made[style] = stylizer.stylize(make_photo(64, 48), get_style(style), stroke_size=512)

    threads = [threading.Thread(target=paint, args=(style,)) for style in ("mosaic", "the_wave")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    alone = FastStylizer("cpu")
    for style, painting in made.items():
        expected = np.asarray(alone.stylize(make_photo(64, 48), style, stroke_size=512), np.int16)
        assert np.abs(np.asarray(painting, np.int16) - expected).max() <= 1
