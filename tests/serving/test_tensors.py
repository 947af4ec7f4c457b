"""The Open Inference Protocol: its server, and networks that run on such a server."""

import http.client
import json

import numpy as np
import pytest

from stylecore import FastStylizer, list_styles
from stylecore.serving.tensor_networks import TensorNetworks
from stylecore.serving.tensors import LENGTH_HEADER, TensorMessage, read_answer, read_request, write_request
from stylecore.styles.catalog import get_style
from tests.conftest import make_photo
from tests.serving.conftest import LocalService, ask, error_of, serving

MODEL = "painter"


@pytest.fixture(scope="module")
def local() -> LocalService:
    return LocalService()


@pytest.fixture(scope="module")
def url(local):
    with serving(local, megabytes=2) as address:
        yield address


def feed(width: int = 48, height: int = 40) -> dict[str, np.ndarray]:
    image = np.asarray(make_photo(width, height), np.float32).transpose(2, 0, 1)[None] / 255
    rows = get_style("mosaic").rows[MODEL][None].astype(np.float32)
    return {"image": image, "rows": rows, "noise_origin": np.zeros(2, np.int64)}


def post(url: str, path: str, body: bytes, **headers: str) -> tuple[int, dict, bytes]:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
    connection.request("POST", path, body, headers)
    answer = connection.getresponse()
    result = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    connection.close()
    return result


def as_json(tensors: dict[str, np.ndarray], **more: object) -> dict:
    kinds = {"float32": "FP32", "int64": "INT64"}
    inputs = [
        {"name": name, "shape": each.shape, "datatype": kinds[str(each.dtype)], "data": each.tolist()}
        for name, each in tensors.items()
    ]
    return {"id": "7", "inputs": inputs, **more}


def infer(url: str, asked: dict) -> tuple[int, dict, bytes]:
    return post(url, f"/v2/models/{MODEL}/infer", json.dumps(asked).encode())


def test_json_and_binary_tensors_give_what_the_network_gives(url, local):
    expected = FastStylizer("cpu")._networks  # the same file, opened here
    from stylecore.instant.networks import Network

    (expected,) = expected.session(Network(f"{MODEL}.onnx")).run(None, feed())
    status, _, body = infer(url, as_json(feed()))
    answer = json.loads(body)
    assert (status, answer["model_name"], answer["id"]) == (200, MODEL, "7")
    (output,) = answer["outputs"]
    assert (output["name"], output["datatype"], output["shape"]) == ("stylized", "FP32", [1, 3, 40, 48])
    assert np.array_equal(np.asarray(output["data"], np.float32).reshape(expected.shape), expected)
    sent, length = write_request(TensorMessage(feed(), is_binary=True))
    status, headers, body = post(url, f"/v2/models/{MODEL}/infer", sent, **{LENGTH_HEADER: str(length)})
    given = headers[LENGTH_HEADER.lower()]
    assert np.array_equal(read_answer(body, int(given))["stylized"], expected)
    flagged = infer(url, as_json(feed(), outputs=[{"name": "stylized", "parameters": {"binary_data": True}}]))
    assert LENGTH_HEADER.lower() in flagged[1]


def test_the_server_its_health_and_its_networks_are_described(url, local):
    assert json.loads(ask(url, "/v2")[2])["extensions"] == ["binary_tensor_data"]
    described = json.loads(ask(url, f"/v2/models/{MODEL}")[2])
    assert [each["name"] for each in described["inputs"]] == ["image", "rows", "noise_origin"]
    assert described["outputs"] == [{"name": "stylized", "datatype": "FP32", "shape": [-1, 3, -1, -1]}]
    paths = ("/v2/health/live", "/v2/health/ready", f"/v2/models/{MODEL}/ready")
    assert [ask(url, path)[0] for path in paths] == [200, 200, 200]
    local.failure = KeyError()
    assert [ask(url, path)[0] for path in paths] == [200, 503, 503]
    local.failure = None
    status, message = error_of(ask(url, "/v2/models/yunet"))
    assert status == 404
    assert "general" in message


def test_every_style_has_a_network_on_the_server(url):
    models = {network for style in list_styles() for network in style.rows}
    assert {ask(url, f"/v2/models/{model}")[0] for model in models} == {200}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"rows": np.zeros((1, 5), np.float32)}, "rows have 5 numbers"),
        ({"image": np.zeros((1, 4, 40, 48), np.float32)}, r"image is FP32 of shape [1, 4, 40, 48]"),
        ({"noise_origin": np.zeros(2, np.float32)}, "INT64 of [2] is needed"),
        ({"image": np.zeros((2, 3, 32, 32), np.float32)}, "2 images and 1 rows"),
        ({"image": np.zeros((1, 3, 32, 31), np.float32)}, "at least 32 px"),
        ({"more": np.zeros(1, np.float32)}, "image, rows, noise_origin are needed"),
    ],
)
def test_inputs_that_do_not_fit_are_named(url, change, complaint):
    status, message = error_of(infer(url, as_json(feed() | change)))
    assert status == 400
    assert complaint in message


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        ([], "a JSON object"),
        ({"inputs": [3]}, "objects with names"),
        ({"inputs": [{"name": "a", "datatype": "BYTES", "shape": [1]}]}, "use one of FP32, INT64"),
        ({"inputs": [{"name": "a", "datatype": "FP32", "shape": [-1]}]}, "a list of sizes"),
        ({"inputs": [{"name": "a", "datatype": "FP32", "shape": [2], "data": [1]}]}, "2 are needed"),
        ({"inputs": [{"name": "a", "datatype": "FP32", "shape": [1], "data": ["x"]}]}, "no numbers"),
        ({"inputs": [{"name": "a", "datatype": "FP32", "shape": [1]}]}, "has no data"),
        ({"inputs": [], "outputs": ["stylized"]}, "outputs"),
        (
            {
                "inputs": [
                    {"name": "a", "datatype": "FP32", "shape": [1], "parameters": {"binary_data_size": 9}}
                ]
            },
            "0 bytes are left",
        ),
    ],
)
def test_messages_of_another_form_are_refused(asked, complaint):
    with pytest.raises(ValueError, match=complaint):
        read_request(json.dumps(asked).encode(), None)
    with pytest.raises(ValueError, match="the body has 1 bytes"):
        read_request(b"{", 2)


def test_unknown_outputs_and_broken_json_are_named(url):
    assert "no output depth" in error_of(infer(url, as_json(feed(), outputs=[{"name": "depth"}])))[1]
    assert error_of(post(url, f"/v2/models/{MODEL}/infer", b"{"))[0] == 400


def test_the_engine_paints_alike_with_networks_on_the_server(url, local, monkeypatch):
    asked, run = [], LocalService.run_network

    async def noted(self, model, feed):
        asked.append(model)
        return await run(self, model, feed)

    monkeypatch.setattr(LocalService, "run_network", noted)
    photo = make_photo(96, 64)
    served, here = FastStylizer(networks=TensorNetworks(url)), FastStylizer("cpu")
    for style in ("mosaic", {"the_wave": 1, "starry_night": 1}):
        assert served.stylize(photo, style).tobytes() == here.stylize(photo, style).tobytes()
    assert len(asked) >= 2


def test_without_the_server_the_networks_run_here(caplog):
    with serving(LocalService()) as gone:
        pass
    photo = make_photo(64, 48)
    served = FastStylizer(networks=TensorNetworks(gone)).stylize(photo, "mosaic")
    assert served.tobytes() == FastStylizer("cpu").stylize(photo, "mosaic").tobytes()
    assert "the network runs in this process" in caplog.text
