"""Painting while memory is short, and on a GPU that disappears."""

import numpy as np
import pytest

from stylecore.errors import DeviceError, OutOfMemoryError
from stylecore.instant import networks as networks_module
from stylecore.instant.stylizer import NOTICE, FastStylizer
from tests.conftest import make_photo

SETTINGS = {"stroke_size": 512, "fine": False}


class ShortOfMemory:
    """A session that fails as ONNX Runtime does on pictures above a number of pixels."""

    def __init__(self, session, most_pixels: float, message: str) -> None:
        self._session, self._most, self._message = session, most_pixels, message
        self.get_inputs, self.get_providers = session.get_inputs, session.get_providers

    def run(self, names, feed):
        height, width = feed["image"].shape[2:]
        if height * width > self._most:
            raise RuntimeError(self._message)
        return self._session.run(names, feed)


def failing_stylizer(monkeypatch, most_pixels: float, message: str) -> FastStylizer:
    open_session = networks_module.open_session
    monkeypatch.setattr(
        networks_module,
        "open_session",
        lambda *args, **settings: ShortOfMemory(open_session(*args, **settings), most_pixels, message),
    )
    return FastStylizer("cpu")


@pytest.mark.parametrize(
    "message",
    [
        "Non-zero status code returned while running Conv node. std::bad_alloc",
        "Failed to allocate memory for requested buffer of size 1610612736",
        "CUDA failure 2: out of memory ; GPU=0",
    ],
)
def test_a_picture_is_painted_layer_by_layer_when_memory_is_short_and_says_so(monkeypatch, message):
    stylizer = failing_stylizer(monkeypatch, 200 * 200, message)
    photo = make_photo(300, 200)
    painted = stylizer.stylize(photo, "mosaic", **SETTINGS)
    assert "painted layer by layer" in painted.info[NOTICE]
    monkeypatch.undo()
    expected = FastStylizer("cpu").stylize(photo, "mosaic", **SETTINGS)
    assert np.abs(np.asarray(painted, int) - np.asarray(expected, int)).max() <= 3


def test_a_picture_is_painted_smaller_when_memory_does_not_suffice_for_layers_either(monkeypatch):
    def fail(*arguments):
        raise MemoryError

    monkeypatch.setattr(FastStylizer, "_paint_layers", fail)
    stylizer = failing_stylizer(monkeypatch, 200 * 200, "std::bad_alloc")
    photo = make_photo(800, 600)
    painted = stylizer.stylize(photo, "mosaic", **SETTINGS)
    assert painted.size == photo.size
    assert "painted at 200 x 150 px" in painted.info[NOTICE]
    assert np.asarray(painted).std() > 10


def test_a_picture_for_which_memory_suffices_says_nothing(monkeypatch):
    stylizer = failing_stylizer(monkeypatch, 320 * 240, "std::bad_alloc")
    assert NOTICE not in stylizer.stylize(make_photo(320, 240), "mosaic", **SETTINGS).info


def test_without_any_memory_the_error_says_so(monkeypatch):
    def fail(*arguments):
        raise MemoryError

    monkeypatch.setattr(FastStylizer, "_paint_layers", fail)
    stylizer = failing_stylizer(monkeypatch, 0, "std::bad_alloc")
    with pytest.raises(OutOfMemoryError, match="too little memory is free"):
        stylizer.stylize(make_photo(320, 240), "mosaic", **SETTINGS)


class Vanishing:
    """A session on a GPU that disappears after the first picture."""

    pictures = 0

    def __init__(self, session) -> None:
        self._session = session
        self.get_inputs = session.get_inputs

    def get_providers(self):
        return ["CUDAExecutionProvider"]

    def run(self, names, feed):
        Vanishing.pictures += 1
        if Vanishing.pictures > 1:
            raise RuntimeError("CUDA failure 719: unspecified launch failure ; GPU=0\nsecond line")
        return self._session.run(names, feed)


@pytest.fixture
def vanishing_gpu(monkeypatch):
    open_session = networks_module.open_session
    Vanishing.pictures = 0
    monkeypatch.setattr(networks_module, "missing_cuda", lambda: "")

    def open_one(path, device, **settings):
        session = open_session(path, "cpu", **settings)
        return Vanishing(session) if device == "cuda" else session

    monkeypatch.setattr(networks_module, "open_session", open_one)


def test_a_gpu_that_disappears_between_two_pictures_is_replaced_by_the_cpu(vanishing_gpu):
    stylizer, photo = FastStylizer("auto"), make_photo(96, 64)
    first = stylizer.stylize(photo, "mosaic", **SETTINGS)
    assert stylizer.device == "cuda"
    second = stylizer.stylize(photo, "mosaic", **SETTINGS)
    assert np.array_equal(np.asarray(first), np.asarray(second))
    assert stylizer.device == "cpu"
    assert stylizer.device_note.endswith("CUDA failure 719: unspecified launch failure ; GPU=0")
    assert stylizer.stylize(photo, "ink", **SETTINGS).size == photo.size


def test_a_gpu_that_was_asked_for_and_disappears_is_an_error(vanishing_gpu):
    stylizer, photo = FastStylizer("cuda"), make_photo(96, 64)
    stylizer.stylize(photo, "mosaic", **SETTINGS)
    with pytest.raises(DeviceError, match="it stopped working: CUDA failure 719"):
        stylizer.stylize(photo, "mosaic", **SETTINGS)
