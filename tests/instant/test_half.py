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


def test_a_fixed_size_paints_the_same(network):
    pixels, rows = np.asarray(make_photo(61, 50))[None], rows_of("mosaic")
    fixed = network.paint(pixels, rows, noise_origin=(8, 4), is_fixed=True)
    assert np.abs(fixed.astype(int) - network.paint(pixels, rows, noise_origin=(8, 4))).max() <= 1


def test_buffers_of_a_size_are_kept_and_the_oldest_leave(network, monkeypatch):
    made = []
    buffers = half_module.Buffers

    def count(*arguments):
        made.append(arguments[2])
        return buffers(*arguments)

    monkeypatch.setattr(half_module, "Buffers", count)
    rows = rows_of("fire")
    for width in (32, 36, 32, 40, 44, 48, 32):
        network.paint(np.asarray(make_photo(width, 33))[None], rows)
    assert [shape[2] for shape in made[::2]] == [32, 36, 40, 44, 48]
    assert len(made) == 2 * 5


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

    def paint(self, pixels, rows):
        used.append(pixels.shape)
        if len(used) > 1:
            raise ArithmeticError
        return HalfNetwork.paint(self, pixels, rows)

    half = HalfNetwork((WEIGHTS_FOLDER / get_style("mosaic").fine_model).read_bytes(), "cpu")
    stand_in = type("StandIn", (HalfNetwork,), {"paint": paint, "__init__": lambda self: None})()
    stand_in.__dict__.update(half.__dict__)
    monkeypatch.setattr(stylizer._networks, "half", lambda network: stand_in)
    monkeypatch.setattr(stylizer._networks, "device", "cuda")
    for _ in range(2):
        found = np.asarray(stylizer.stylize(photo, "mosaic", stroke_size=512), int)
        assert np.abs(found - expected).max() <= 2
    assert used == [(1, 64, 96, 3)] * 2
