from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from stylecore import FastStylizer
from stylecore.host.folders import WEIGHTS_FOLDER
from stylecore.instant import half as half_module
from stylecore.instant.half import HalfNetwork, noise_at, padded
from stylecore.instant.sessions import open_session
from stylecore.styles.catalog import get_style
from tests.conftest import make_photo

ONE_MODEL = get_style("mosaic").model


@pytest.fixture(scope="module")
def network() -> HalfNetwork:
    return HalfNetwork((WEIGHTS_FOLDER / ONE_MODEL).read_bytes(), "cpu")


def rows_of(*names: str) -> np.ndarray:
    return np.stack([get_style(name).network(fine=False)[1] for name in names])


def in_float32(model: str, pixels: np.ndarray, rows: np.ndarray, origin: tuple[int, int]) -> np.ndarray:
    batch = (pixels / np.float32(255)).transpose(0, 3, 1, 2).astype(np.float32)
    feed = {"image": np.ascontiguousarray(batch), "rows": rows, "noise_origin": np.array(origin)}
    return open_session(WEIGHTS_FOLDER / model, "cpu").run(None, feed)[0].transpose(0, 2, 3, 1) * 255


@pytest.mark.parametrize("fine", [False, True])
def test_float16_is_within_two_steps_of_float32(fine):
    model, rows = get_style("starry_night").network(fine=fine)
    pixels, origin = np.asarray(make_photo(203, 150))[None], (40, 1000)
    painted = HalfNetwork((WEIGHTS_FOLDER / model).read_bytes(), "cpu").paint(
        pixels, rows[None], noise_origin=origin
    )
    apart = np.abs(painted - in_float32(model, pixels, rows[None], origin))
    assert painted.dtype == np.uint8
    assert np.quantile(apart, 0.999) <= 2


def test_each_picture_of_a_call_has_its_own_style(network):
    pixels = np.stack([np.asarray(make_photo(64, 48, seed=i)) for i in range(3)])
    rows = rows_of("mosaic", "fire", "rain")
    together = network.paint(pixels, rows)
    for picture, own, painted in zip(pixels, rows, together, strict=True):
        alone = network.paint(picture[None], own[None])[0]
        assert np.abs(painted.astype(int) - alone).max() <= 1
    assert np.abs(together[0].astype(int) - together[1]).mean() > 5


def test_a_size_that_repeats_gets_a_session_of_its_own_that_paints_the_same(network, monkeypatch):
    opened, open_variant = [], HalfNetwork._open

    def note(self, sizes):
        opened.append(sizes)
        return open_variant(self, sizes)

    monkeypatch.setattr(HalfNetwork, "_open", note)
    monkeypatch.setattr(half_module, "FIXED_AFTER", 2)
    pixels, rows = np.asarray(make_photo(61, 50))[None], rows_of("mosaic")
    free = network.paint(pixels, rows, noise_origin=(8, 4)).astype(int)
    for count in range(4):
        painted = network.paint(pixels, rows, noise_origin=(8, 4), is_repeated=True)
        assert np.abs(painted - free).max() <= 1
        assert bool(opened) == (count >= 2)
    assert opened[0] == {"pictures": 1, "height": 50, "width": 61, "noise_height": 60, "noise_width": 72}
    assert len(opened) == 1


def test_without_sessions_for_one_size_the_usual_one_paints(monkeypatch):
    network = HalfNetwork((WEIGHTS_FOLDER / ONE_MODEL).read_bytes(), "cpu")
    monkeypatch.setattr(half_module, "FIXED_AFTER", 0)
    attempts = []

    def fail(sizes):
        attempts.append(sizes)
        raise RuntimeError("nodes have not been partitioned to the CUDAExecutionProvider")

    monkeypatch.setattr(network, "_open", fail)
    pixels, rows = np.asarray(make_photo(40, 36))[None], rows_of("mosaic")
    for _ in range(3):
        assert network.paint(pixels, rows, is_repeated=True).shape == pixels.shape
    assert len(attempts) == 1


def test_buffers_of_a_size_are_kept_and_the_oldest_leave(network, monkeypatch):
    made = []
    buffers = half_module.Buffers

    def count(*arguments):
        made.append(arguments[2].width)
        return buffers(*arguments)

    monkeypatch.setattr(half_module, "Buffers", count)
    monkeypatch.setattr(half_module, "MAX_KEPT_BYTES", 4 * 12 * 33 * 42)
    rows = rows_of("fire")
    for width in (32, 36, 32, 40, 44, 48, 32):
        network.paint(np.asarray(make_photo(width, 33))[None], rows)
    assert made[::2] == [32, 36, 40, 44, 48]
    assert len(made) == 2 * 5


def test_when_memory_is_short_the_buffers_of_other_sizes_are_freed(network, monkeypatch):
    rows, run, failed = rows_of("fire"), half_module.Buffers.run, []

    def fail_first(self, *arguments):
        if not failed:
            failed.append(self)
            raise RuntimeError("CUDA failure 2: out of memory")
        return run(self, *arguments)

    for width in (32, 36):
        network.paint(np.asarray(make_photo(width, 33))[None], rows)
    monkeypatch.setattr(half_module.Buffers, "run", fail_first)
    assert network.paint(np.asarray(make_photo(36, 33))[None], rows).shape == (1, 33, 36, 3)
    assert [size.width for size in network._kept] == [36]
    failed.clear()
    with pytest.raises(RuntimeError, match="out of memory"):  # nothing is left to free
        network.paint(np.asarray(make_photo(36, 33))[None], rows)


def test_threads_share_the_buffers_of_a_size(network):
    rows = rows_of("mosaic")
    photos = [np.asarray(make_photo(52, 44, seed=i))[None] for i in range(6)]
    expected = [network.paint(photo, rows) for photo in photos]
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda photo: network.paint(photo, rows), photos))
    assert all(np.array_equal(*pair) for pair in zip(found, expected, strict=True))


def test_noise_repeats_from_its_origin_on():
    noise = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert padded((33, 40)) == (44, 48)
    found = noise_at(noise, (4, 4), (2, -1))
    assert found.shape == (12, 12)
    assert found[0, :5].tolist() == [11, 8, 9, 10, 11]
    assert found[1, 0] == 3


def test_a_style_that_float16_cannot_hold_is_refused(network):
    with pytest.raises(ArithmeticError, match="float16 is too small"):
        network.paint(np.asarray(make_photo(40, 40))[None], 1e6 * rows_of("mosaic"))


def test_a_gpu_paints_in_float16_and_falls_back_to_float32(photo, monkeypatch):
    stylizer = FastStylizer("cpu")
    expected = np.asarray(stylizer.stylize(photo, "mosaic", stroke_size=512), int)
    used = []

    def paint(self, pixels, rows, **settings):
        used.append(pixels.shape)
        if len(used) > 1:
            raise ArithmeticError
        return HalfNetwork.paint(self, pixels, rows, **settings)

    half = HalfNetwork((WEIGHTS_FOLDER / get_style("mosaic").fine_model).read_bytes(), "cpu")
    stand_in = type("StandIn", (HalfNetwork,), {"paint": paint, "__init__": lambda self: None})()
    stand_in.__dict__.update(half.__dict__)
    monkeypatch.setattr(stylizer._networks, "half", lambda network: stand_in)
    monkeypatch.setattr(stylizer._networks, "device", "cuda")
    for _ in range(2):
        found = np.asarray(stylizer.stylize(photo, "mosaic", stroke_size=512), int)
        assert np.abs(found - expected).max() <= 2
    assert used == [(1, 64, 96, 3)] * 2
