"""The app with a painting server, and with one that goes away."""

import pytest

from pages.shared import painting
from pages.shared.full_size import full_size
from pages.shared.painting_server import painting_server
from stylecore import FastStylizer
from tests.conftest import encoded, make_photo
from tests.pages.conftest import captions, look
from tests.serving.conftest import LocalService, serving

pytestmark = pytest.mark.usefixtures("clear_caches")


@pytest.fixture(autouse=True)
def known_server():
    """The server is read from the environment anew."""
    painting_server.cache_clear()
    yield
    painting_server.cache_clear()


def infos(app) -> str:
    return " | ".join(info.value for info in app.info)


def test_the_gallery_paints_on_the_server_and_by_itself_when_it_goes_away(app, monkeypatch):
    service = LocalService()
    with serving(service) as url:
        monkeypatch.setenv("IMPASTO_SERVER", url)
        app.run()
        assert not app.exception
        assert len(service.requests) == 1
        assert "on the painting server's CPU" in captions(app)
        assert "painting server" not in infos(app)
    app.button(key="style_mosaic").click().run()
    assert not app.exception
    assert "s on the CPU" in captions(app)
    assert "The painting server did not answer, so this app painted by itself." in infos(app)
    assert len(service.requests) == 1


def test_a_download_is_painted_on_the_server_from_the_photo_itself(monkeypatch):
    service, photo = LocalService(), encoded(make_photo(120, 80))
    expected = full_size(photo, look("mosaic", 0.8), "PNG")
    with serving(service) as url:
        monkeypatch.setenv("IMPASTO_SERVER", url)
        painting_server.cache_clear()
        assert full_size(photo, look("mosaic", 0.8), "PNG") == expected
    assert service.requests[0].photo == photo


def test_without_a_server_nothing_is_asked(monkeypatch):
    monkeypatch.delenv("IMPASTO_SERVER", raising=False)
    assert painting_server() is None


def test_a_server_that_paints_needs_no_engine_here(monkeypatch):
    service, opened = LocalService(), []
    photo = encoded(make_photo(90, 70))
    with serving(service) as url:
        monkeypatch.setenv("IMPASTO_SERVER", url)
        painting.preview(photo, look("the_wave"))
        monkeypatch.setattr(painting, "stylizer", lambda: opened.append(1) or FastStylizer())
        painting.preview(photo, look("mosaic"))
        assert len(service.requests) == 2
    assert opened == []


def test_a_wrong_address_is_named(monkeypatch):
    monkeypatch.setenv("IMPASTO_SERVER", "somewhere")
    with pytest.raises(ValueError, match="IMPASTO_SERVER: 'somewhere' is no address"):
        painting_server()
