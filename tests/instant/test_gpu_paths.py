"""What runs on a GPU, shown on a fake one: float16 for photos and clips, and what happens when it fails."""

from dataclasses import replace

import numpy as np
import pytest

from stylecore import FastStylizer
from stylecore.errors import OutOfMemoryError
from stylecore.images.arrays import from_pixels, to_batch, to_pixels
from stylecore.instant import networks as networks_module
from stylecore.instant.blends import parts_of
from stylecore.instant.painter import Painter
from stylecore.instant.stylizer import NOTICE
from stylecore.instant.variants import Variant
from stylecore.styles.catalog import get_style
from tests.conftest import make_photo

SETTINGS = {"stroke_size": 512, "fine": False}


@pytest.fixture
def stylizer(gpu) -> FastStylizer:
    stylizer = FastStylizer("auto")
    assert stylizer.device == "cuda"
    return stylizer


def on_cpu(photo, style):
    return np.asarray(FastStylizer("cpu").stylize(photo, style, **SETTINGS), int)


@pytest.fixture
def failing_layers(monkeypatch):
    """Layers fail on the GPU with an error that a test puts into the list, and note where they ran."""
    paint_layers, errors, devices = Painter._paint_layers, [], []

    def paint(self, image, networks, meter, device):
        devices.append(device)
        if device == "cuda" and errors:
            raise errors[0]
        return paint_layers(self, image, networks, meter, device)

    monkeypatch.setattr(Painter, "_paint_layers", paint)
    return errors, devices


def test_pixels_and_batches_are_the_same_pictures():
    pixels = np.asarray(make_photo(40, 36))[None]
    assert np.array_equal(from_pixels(pixels), to_batch(make_photo(40, 36)))
    assert np.array_equal(to_pixels(from_pixels(pixels)), pixels)
    assert to_pixels(np.float32([[[[-0.2]], [[0.5]], [[1.2]]]])).ravel().tolist() == [0, 128, 255]


def test_frames_of_clips_are_painted_in_float16(gpu, stylizer, monkeypatch):
    batch, parts = to_batch(make_photo(64, 48)), parts_of("mosaic")
    painted = stylizer.paint_batch(batch, parts, fine=False, noise_origin=(8, 4))
    stylizer.captures_graphs = True
    stylizer.paint_batch(batch, parts, fine=False)
    assert gpu.halves == [((1, 48, 64, 3), False), ((1, 48, 64, 3), True)]
    monkeypatch.undo()
    expected = FastStylizer("cpu").paint_batch(batch, parts, fine=False, noise_origin=(8, 4))
    assert np.abs(painted - expected).max() <= 2.5 / 255


def test_blends_across_networks_are_painted_in_float16(gpu, stylizer, monkeypatch):
    mosaic, ink = (replace(get_style(name), fine_model="") for name in ("mosaic", "ink"))
    photo = make_photo(96, 64)
    painted = np.asarray(stylizer.stylize(photo, {mosaic: 1, ink: 3}, **SETTINGS), int)
    assert gpu.halves == [((1, 64, 96, 3), False)] * 2
    monkeypatch.undo()
    assert np.abs(painted - on_cpu(photo, {mosaic: 1, ink: 3})).max() <= 3


def test_a_style_that_float16_cannot_hold_is_tried_once(gpu, stylizer, photo):
    gpu.error = ArithmeticError("float16 is too small")
    for _ in range(2):
        painted = np.asarray(stylizer.stylize(photo, "mosaic", **SETTINGS), int)
    assert len(gpu.halves) == 1
    assert np.array_equal(painted, on_cpu(photo, "mosaic"))


def test_a_full_gpu_paints_layer_by_layer_and_says_so(gpu, stylizer, failing_layers):
    gpu.error, photo = RuntimeError("CUDA failure 2: out of memory ; GPU=0"), make_photo(300, 200)
    painted = stylizer.stylize(photo, "mosaic", **SETTINGS)
    assert failing_layers[1] == ["cuda"]
    assert "painted layer by layer" in painted.info[NOTICE]
    assert np.abs(np.asarray(painted, int) - on_cpu(photo, "mosaic")).max() <= 3


def test_a_gpu_too_full_for_layers_leaves_the_photo_to_the_cpu_and_says_so(gpu, stylizer, failing_layers):
    errors, devices = failing_layers
    gpu.error, photo = MemoryError(), make_photo(300, 200)
    errors.append(OutOfMemoryError("too little memory is free for a part of a picture"))
    painted = stylizer.stylize(photo, "mosaic", **SETTINGS)
    assert devices == ["cuda", "cpu"]
    assert "painted on the CPU" in painted.info[NOTICE]
    assert stylizer.device == "cuda"  # the next photo may have room
    assert np.abs(np.asarray(painted, int) - on_cpu(photo, "mosaic")).max() <= 3


def test_a_gpu_that_disappears_between_two_layers_is_replaced_by_the_cpu(gpu, stylizer, failing_layers):
    gpu.error, photo = MemoryError(), make_photo(300, 200)
    failing_layers[0].append(RuntimeError("CUDA failure 719: unspecified launch failure"))
    assert stylizer.stylize(photo, "mosaic", **SETTINGS).size == photo.size
    assert stylizer.device == "cpu"


def test_too_little_memory_for_a_layer_is_an_error_of_its_own(monkeypatch):
    layer = networks_module.Networks("cpu").layers(networks_module.Network("painter.onnx"), "cpu").up

    class Full:
        def run(self, names, feed):
            raise RuntimeError("Failed to allocate memory for requested buffer of size 1610612736")

    monkeypatch.setattr(layer, "session", Full())
    with pytest.raises(OutOfMemoryError, match="for a part of a picture"):
        Variant.run(layer, {})


def test_a_gpu_is_warmed_up_with_all_networks_of_the_ready_made_styles(gpu, stylizer, monkeypatch):
    monkeypatch.setattr(networks_module, "WARM_SIZES", ((32, 40), (40, 32)))
    stylizer.warm_up()
    networks = {get_style("mosaic").model, get_style("ink").model, get_style("mosaic").fine_model}
    assert len(gpu.halves) == 2 * len(networks)
    assert {shape for shape, _ in gpu.halves} == {(1, 32, 40, 3), (1, 40, 32, 3)}
    gpu.error = RuntimeError("no kernel image is available")
    stylizer.warm_up()  # is only logged


def test_on_a_cpu_nothing_is_warmed_up(monkeypatch):
    monkeypatch.setattr(networks_module.Networks, "half", lambda *arguments: 1 / 0)
    FastStylizer("cpu").warm_up()
