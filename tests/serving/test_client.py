"""The client of a painting server."""

from dataclasses import asdict, replace

import numpy as np
import pytest

from stylecore import FastStylizer, StyleTransferError
from stylecore.errors import ServerError
from stylecore.host.jobs import QueueFullError
from stylecore.serving.client import PaintingServer
from stylecore.serving.painting_request import PaintSettings
from stylecore.styles.catalog import get_style
from tests.conftest import encoded, make_photo
from tests.serving.conftest import serving


def test_a_server_paints_as_the_engine_does(service):
    mosaic = get_style("mosaic")
    own = replace(
        mosaic, name="own", rows={name: values * np.float32(0.9) for name, values in mosaic.rows.items()}
    )
    settings = PaintSettings(strength=0.8, stroke_scale=0.5)
    photo = make_photo(96, 64)
    photo.putalpha(200)
    with serving(service) as url:
        picture, painted = PaintingServer(url).stylize(photo, {mosaic: 0.3, own: 0.7}, settings)
    expected = FastStylizer("cpu").stylize(photo, {mosaic: 0.3, own: 0.7}, **asdict(settings))
    assert picture.mode == "RGBA"
    assert picture.tobytes() == expected.tobytes()
    assert painted.seconds > 0
    assert painted.device == "cpu"
    assert [style.name for style, _ in service.requests[0].styles] == ["mosaic", "own"]


def test_bad_input_is_no_fault_of_the_server(service):
    with serving(service) as url:
        server = PaintingServer(url)
        with pytest.raises(StyleTransferError, match="is not a picture") as raised:
            server.paint(b"dear diary", {get_style("mosaic"): 1})
        assert not isinstance(raised.value, ServerError)
        assert not server.is_away


def test_a_busy_server_and_a_wrong_token_are_reported(service):
    photo = encoded(make_photo(64, 48))
    with serving(service, token="secret") as url:
        with pytest.raises(ServerError, match="status 401: a token is needed"):
            PaintingServer(url).paint(photo, {get_style("mosaic"): 1})
        service.failure = QueueFullError("32 requests are waiting")
        with pytest.raises(ServerError, match="status 429: 32 requests"):
            PaintingServer(url, "secret").paint(photo, {get_style("mosaic"): 1})


def test_a_photo_beyond_the_limit_of_the_server_does_not_count_as_a_server_that_is_away(service):
    with serving(service, megabytes=0.5) as url:
        server = PaintingServer(url)
        with pytest.raises(ServerError, match="status 413: the request is too large"):
            server.paint(b"x" * 20_000_000, {get_style("mosaic"): 1})
        assert not server.is_away


def test_a_server_that_was_away_is_not_asked_again_at_once(service):
    with serving(service) as url:
        pass
    server = PaintingServer(url)
    for _ in range(2):
        with pytest.raises(ServerError, match="away"):
            server.paint(encoded(make_photo(64, 48)), {get_style("mosaic"): 1})
        assert server.is_away


def test_another_service_at_the_address_is_reported(server):
    with pytest.raises(ServerError):
        PaintingServer(server).paint(b"", {get_style("mosaic"): 1})


@pytest.mark.parametrize("url", ["127.0.0.1:8600", "ftp://host", "http://", ""])
def test_only_an_address_of_a_server_is_taken(url):
    with pytest.raises(ValueError, match="no address of a server"):
        PaintingServer(url)
