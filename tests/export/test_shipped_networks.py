from functools import cache

import numpy as np
import onnx
import pytest

from stylecore.host.folders import WEIGHTS_FOLDER
from stylecore.instant.sessions import open_session
from stylecore.styles.catalog import get_style, list_models, list_styles

STORAGE_BUFFERS = 8  # that a WebGPU shader may use where no more are asked for
MODELS = list_models()
SAME_STYLE = {"painter.onnx": ("mosaic", "rain", "fire"), "collection.onnx": ("ink", "pastel", "cubism")}


@cache
def session_of(model):
    return open_session(WEIGHTS_FOLDER / model, "cpu")


def rows_for(model):
    names = SAME_STYLE.get(model, ("mosaic", "ink", "fire"))
    return np.stack([get_style(name).network(fine=model not in SAME_STYLE)[1] for name in names])


def paint(model, batch, rows, origin=(0, 0)):
    feed = {"image": batch.astype(np.float32), "rows": rows, "noise_origin": np.array(origin, np.int64)}
    return session_of(model).run(None, feed)[0]


@pytest.mark.parametrize("model", MODELS)
def test_no_node_has_more_buffers_than_browsers_allow(model):
    nodes = onnx.load(WEIGHTS_FOLDER / model).graph.node
    counts = {node.name or node.output[0]: len(node.input) + len(node.output) for node in nodes}
    assert max(counts.values()) <= STORAGE_BUFFERS


def test_every_style_has_rows_as_long_as_its_networks_need():
    for style in list_styles():
        for model, rows in (style.network(fine=False), style.network(fine=True)):
            image, given, origin = session_of(model).get_inputs()
            assert (image.name, given.name, origin.name) == ("image", "rows", "noise_origin")
            assert rows.shape == (given.shape[1],), style.name
            assert rows.dtype == np.float32


@pytest.mark.parametrize("model", MODELS)
def test_a_batch_holds_a_style_each(model):
    photos, rows = np.random.default_rng(0).random((3, 3, 61, 48)), rows_for(model)
    together = paint(model, photos, rows)
    for i, painting in enumerate(together):
        alone = paint(model, photos[i : i + 1], rows[i : i + 1])
        assert np.abs(painting - alone[0]).max() < 0.1 / 255


@pytest.mark.parametrize("model", MODELS)
def test_the_noise_repeats_every_1024_px(model):
    photo, rows = np.random.default_rng(0).random((1, 3, 64, 64)), rows_for(model)[:1]
    here = paint(model, photo, rows, (12, 40))
    assert np.array_equal(paint(model, photo, rows, (12 + 1024, 40 - 2048)), here)
    assert np.abs(paint(model, photo, rows, (12, 44)) - here).max() > 1 / 255


@pytest.mark.parametrize("model", MODELS)
def test_a_crop_with_its_origin_has_the_noise_of_the_whole(model):
    plain, rows = np.full((1, 3, 320, 320), 0.5), rows_for(model)[1:2]
    top, left, margin = 64, 1024 - 160, 48
    whole = paint(model, plain, rows, (0, 1024 - 320))[0, :, top : top + 160, 160:]

    def likeness(origin):
        crop = paint(model, plain[..., :160, :160], rows, origin)[0]
        inside = (picture[:, margin:-margin, margin:-margin].ravel() for picture in (whole, crop))
        return np.corrcoef(*inside)[0, 1]

    assert likeness((top, left)) > 0.9
    assert likeness((0, 0)) < 0.5
