"""The HTTP interface of a painting server, without Ray."""

import http.client
import io
import json
from dataclasses import asdict, fields, replace

import numpy as np
import pytest
from PIL import Image

from stylecore import FastStylizer, list_styles, load_image
from stylecore.errors import ServerError, WeightsError
from stylecore.host.jobs import QueueFullError
from stylecore.serving.painting_request import PaintSettings
from stylecore.styles.catalog import get_style
from stylecore.styles.files import encode_style_file
from tests.conftest import encoded, make_photo
from tests.serving.conftest import ask, error_of, serving


@pytest.fixture
def url(service):
    with serving(service, megabytes=0.5) as address:
        yield address


def photo_of(width: int = 96, height: int = 64) -> tuple[str, str, bytes]:
    return "photo", "photo.png", encoded(make_photo(width, height))


def test_a_photo_is_painted_as_the_engine_paints_it(url):
    settings = PaintSettings(0.7, True, stroke_size=300, max_side=80, fine=False)
    given = {name: str(value) for name, value in asdict(settings).items()}
    given |= {"style": "starry_night:3,the_wave:1", "file_format": "png"}
    status, headers, body = ask(url, "/v1/paint", given, [photo_of()])
    expected = FastStylizer("cpu").stylize(
        make_photo(96, 64), {"starry_night": 3, "the_wave": 1}, **asdict(settings)
    )
    assert (status, headers["content-type"]) == (200, "image/png")
    painted = Image.open(io.BytesIO(body))
    assert painted.size == (80, 53)
    assert painted.tobytes() == expected.tobytes()
    assert "style starry_night:0.75,the_wave:0.25, strength 0.7" in painted.getexif()[0x010E]
    assert headers["server-timing"].startswith("paint;dur=")
    assert headers["impasto-device"] == "cpu"


def test_rows_of_a_style_file_travel_with_the_request(url):
    mosaic = get_style("mosaic")
    rows = {name: values * np.float32(0.8) for name, values in mosaic.rows.items()}
    own = replace(mosaic, name="own", rows=rows)
    files = [photo_of(), ("style_file", "own.impasto", encode_style_file(own))]
    alone = ask(url, "/v1/paint", {"file_format": "png"}, files)
    blend = ask(url, "/v1/paint", {"style": "own.impasto:1,mosaic:1", "file_format": "png"}, files)
    stylizer, photo = FastStylizer("cpu"), make_photo(96, 64)
    assert Image.open(io.BytesIO(alone[2])).tobytes() == stylizer.stylize(photo, own).tobytes()
    expected = stylizer.stylize(photo, {own: 1, mosaic: 1})
    assert Image.open(io.BytesIO(blend[2])).tobytes() == expected.tobytes()


def test_a_picture_is_a_style_and_a_jpeg_the_usual_answer(url, style):
    files = [photo_of(), ("style_file", "drawing.png", encoded(style))]
    status, headers, body = ask(url, "/v1/paint", {}, files)
    assert (status, headers["content-type"]) == (200, "image/jpeg")
    assert load_image(body).size == (96, 64)


@pytest.mark.parametrize(
    ("given", "files", "message"),
    [
        ({"style": "mosaics"}, [photo_of()], "did you mean 'mosaic'"),
        ({"style": "mosaic:x"}, [photo_of()], "'x' is not a number"),
        ({"style": "mosaic:-1"}, [photo_of()], "weights of at least 0"),
        ({}, [photo_of()], "a style is needed"),
        ({"style": "mosaic"}, [("photo", "a.jpg", b"dear diary")], "is not a picture"),
        ({"style": "mosaic"}, [], "photo: Field required"),
        ({"style": "mosaic", "strength": "9"}, [photo_of()], "strength: Input should be less than"),
        ({"style": "mosaic", "fine": "maybe"}, [photo_of()], "fine: Input should be a valid boolean"),
        ({"style": "mosaic", "file_format": "bmp"}, [photo_of()], "file_format: Input should be 'jpeg'"),
        ({"style": "mosaic"}, [photo_of(), ("style_file", "a.png", b"x")], "does not name the file a.png"),
        ({}, [photo_of(), ("style_file", "a.impasto", b"x")], "cannot be read"),
    ],
)
def test_bad_input_is_answered_with_the_reason(url, given, files, message):
    status, error = error_of(ask(url, "/v1/paint", given, files))
    assert status == 400
    assert message in error


def test_a_large_request_is_refused(url):
    large = [("photo", "a.jpg", b"x" * 600_000)]
    assert error_of(ask(url, "/v1/paint", {"style": "mosaic"}, large)) == (
        413,
        "the request is too large: at most 0.5 MB are accepted",
    )


def test_a_large_request_without_a_stated_length_is_refused(url, service):
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
    head = b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\n'
    chunks = (head, *[b"x" * 100_000] * 6, b"\r\n--x--\r\n")
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    connection.request("POST", "/v1/paint", iter(chunks), headers, encode_chunked=True)
    answer = connection.getresponse()
    assert answer.status == 413
    assert json.loads(answer.read())["status"] == 413
    assert service.requests == []


def test_a_token_is_asked_for_by_everything_but_health(service):
    with serving(service, host="0.0.0.0", token="secret") as url:
        url = url.replace("0.0.0.0", "127.0.0.1")
        for path in ("/v1/styles", "/metrics"):
            status, headers, _ = ask(url, path)
            assert (status, headers["www-authenticate"]) == (401, "Bearer")
            assert ask(url, path, Authorization="Bearer wrong")[0] == 401
            assert ask(url, path, Authorization="Bearer secret")[0] == 200
        assert error_of(ask(url, "/v1/paint", {"style": "mosaic"}, [photo_of()]))[0] == 401
        assert ask(url, "/health")[0] == 200


@pytest.mark.parametrize(
    ("failure", "status"),
    [(QueueFullError("full"), 429), (ServerError("gone"), 503), (WeightsError("damaged"), 503)],
)
def test_a_server_that_cannot_paint_says_when_to_try_again(url, service, failure, status):
    service.failure = failure
    answer = ask(url, "/v1/paint", {"style": "mosaic"}, [photo_of()])
    assert error_of(answer) == (status, str(failure))
    assert int(answer[1]["retry-after"]) > 0
    assert error_of(ask(url, "/health"))[0] == 503


def test_a_fault_is_answered_in_json_without_details(url, service):
    service.failure = KeyError("a secret")
    assert error_of(ask(url, "/v1/paint", {"style": "mosaic"}, [photo_of()])) == (
        500,
        "a fault of the server, KeyError: its log has the details",
    )
    assert error_of(ask(url, "/nothing"))[0] == 404


def test_openapi_describes_every_setting_with_its_default(url):
    described = json.loads(ask(url, "/openapi.json")[2])
    assert {"/v1/paint", "/v1/styles", "/health", "/metrics"} <= described["paths"].keys()
    paint = described["paths"]["/v1/paint"]["post"]
    assert {"200", "400", "401", "413", "429", "500", "503"} <= paint["responses"].keys()
    (form,) = [part for name, part in described["components"]["schemas"].items() if "Body_paint" in name]
    properties = form["properties"]
    settings = {field.name: field.default for field in fields(PaintSettings)}
    assert properties.keys() == {"photo", "style", "style_file", "file_format", *settings}
    for name, default in settings.items():
        assert properties[name].get("default") == default, name
        assert properties[name]["description"]


def test_styles_and_metrics_are_listed(url):
    styles = json.loads(ask(url, "/v1/styles")[2])["styles"]
    assert [style["name"] for style in styles] == [style.name for style in list_styles()]
    ask(url, "/v1/paint", {"style": "mosaic"}, [photo_of(64, 48)])
    ask(url, "/v1/paint", {"style": "nothing"}, [photo_of(64, 48)])
    figures = ask(url, "/metrics")[2].decode()
    assert 'impasto_requests_total{path="/v1/paint",status="200"} 1.0' in figures
    assert 'impasto_requests_total{path="/v1/paint",status="400"} 1.0' in figures
    assert "impasto_painting_seconds_count 1.0" in figures
    assert "impasto_replicas 1.0" in figures
