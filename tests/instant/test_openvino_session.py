import importlib.util
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from stylecore import FastStylizer, WeightsError
from stylecore.host.folders import WEIGHTS_FOLDER
from stylecore.images.arrays import to_batch
from stylecore.instant import networks, openvino_session
from stylecore.instant.openvino_session import OpenVinoSession, has_openvino
from stylecore.instant.sessions import open_session
from stylecore.styles.catalog import get_style
from tests.conftest import make_photo

needs_openvino = pytest.mark.skipif(
    importlib.util.find_spec("openvino") is None, reason="OpenVINO is not installed: pip install openvino"
)


def feed_of(width: int, height: int, *, fine: bool = False) -> tuple[str, dict[str, np.ndarray]]:
    model, rows = get_style("mosaic").network(fine=fine)
    batch = to_batch(make_photo(width, height))
    return model, {"image": batch, "rows": rows[None], "noise_origin": np.zeros(2, np.int64)}


def sessions_of(model: str, *, keeps_memory: bool = True) -> tuple[OpenVinoSession, Any]:
    """The network by OpenVINO and by ONNX Runtime."""
    plain = open_session(WEIGHTS_FOLDER / model, "cpu")
    return OpenVinoSession(WEIGHTS_FOLDER / model, plain, keeps_memory=keeps_memory), plain


@pytest.fixture
def capabilities(monkeypatch):
    """What the processor of a made-up OpenVINO can do."""
    found: list[str] = []
    core = SimpleNamespace(available_devices=["CPU"], get_property=lambda device, name: found)
    monkeypatch.setattr(openvino_session, "has_extra", lambda module: True)
    monkeypatch.setattr(openvino_session, "import_extra", lambda module: SimpleNamespace(Core=lambda: core))
    has_openvino.cache_clear()
    yield found
    has_openvino.cache_clear()


@pytest.mark.parametrize(("names", "is_used"), [(["FP32", "INT8"], False), (["FP32", "BF16"], True)])
def test_openvino_is_used_only_where_the_processor_has_bfloat16(capabilities, names, is_used):
    capabilities += names
    assert has_openvino() is is_used


def test_the_stylizer_paints_by_openvino_where_it_is_used(monkeypatch):
    class Inverted:
        """A session whose paintings can be told from ONNX Runtime's."""

        def __init__(self, model, plain, *, keeps_memory):
            self.plain, self.get_inputs = plain, plain.get_inputs

        def run(self, outputs, feed):
            return [1 - painted for painted in self.plain.run(outputs, feed)]

    photo = make_photo(64, 48)
    monkeypatch.setattr(networks, "has_openvino", lambda: False)
    plain = np.asarray(FastStylizer("cpu").stylize(photo, "mosaic", stroke_size=512)).astype(int)
    monkeypatch.setattr(networks, "has_openvino", lambda: True)
    monkeypatch.setattr(networks, "OpenVinoSession", Inverted)
    painted = np.asarray(FastStylizer("cpu").stylize(photo, "mosaic", stroke_size=512)).astype(int)
    assert np.abs(painted + plain - 255).max() <= 1


@needs_openvino
@pytest.mark.parametrize("keeps_memory", [True, False])
def test_openvino_paints_what_onnx_runtime_paints(keeps_memory):
    model, small = feed_of(64, 48)
    ours, theirs = sessions_of(model, keeps_memory=keeps_memory)
    assert ours.get_inputs()[1].shape[1] == small["rows"].shape[1]
    two = small | {name: np.concatenate([small[name]] * 2) for name in ("image", "rows")}
    for feed in (small, feed_of(97, 130)[1], two):
        (painted,), (expected,) = ours.run(None, feed), theirs.run(None, feed)
        difference = np.abs(painted - expected) * 255
        assert 0 < difference.mean() < 1.5
        assert np.quantile(difference, 0.999) < 15


@needs_openvino
def test_onnx_runtime_paints_what_is_large(monkeypatch):
    model, feed = feed_of(64, 48)
    ours, theirs = sessions_of(model)
    monkeypatch.setattr(openvino_session, "MAX_PIXELS", 64 * 48 - 1)
    assert np.array_equal(ours.run(None, feed)[0], theirs.run(None, feed)[0])


@needs_openvino
def test_openvino_paints_in_many_threads_at_once():
    session, _ = sessions_of(feed_of(64, 48)[0])
    feeds = [feed_of(64 + 8 * number, 48)[1] for number in range(4)]
    expected = [session.run(None, feed)[0] for feed in feeds]
    with ThreadPoolExecutor(4) as pool:
        painted = list(pool.map(lambda feed: session.run(None, feed)[0], feeds * 4))
    assert all(np.array_equal(own, other) for own, other in zip(painted, expected * 4, strict=True))


@needs_openvino
def test_a_damaged_network_is_refused():
    with pytest.raises(WeightsError, match="the model cannot be loaded by OpenVINO"):
        OpenVinoSession(b"nonsense", None)
