"""What one visitor can do to another, and other sites to both: tried over the app's own protocol."""

import asyncio
import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
import streamlit
from streamlit.proto.BackMsg_pb2 import BackMsg
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from pages.shared import batches, long_jobs, painting
from tests.browsing import running_server
from tests.conftest import encoded, make_photo
from tests.load.session import Session, component_data

HTML = b"<!DOCTYPE html><html><body><script>alert(1)</script></body></html>"


def visit(url: str, script):
    """Run a coroutine with a new session."""

    async def run():
        with ThreadPoolExecutor(2) as threads:
            session = Session(url, threads)
            await session.open()
            try:
                return await script(session)
            finally:
                await session.close()

    with ThreadPoolExecutor(1) as threads:  # the browser tests leave an event loop in this one
        return threads.submit(lambda: asyncio.run(run())).result()


def paintings(session: Session) -> list[dict]:
    found = [component_data(element, "before_after") for element in session.elements.values()]
    return [data for data in found if data is not None]


@pytest.mark.parametrize("name", ["page.jpg", "page.html"])
def test_an_upload_that_lies_about_its_type_is_never_served(server, name):
    async def script(session):
        await session.upload("photo_0", name, HTML)
        kinds = {element.WhichOneof("type") for element in session.elements.values()}
        files = [element.imgs.imgs for element in session.elements.values() if element.HasField("imgs")]
        pictures = {image.url for images in files for image in images}
        return session.texts, paintings(session), kinds, pictures

    texts, painted, kinds, pictures = visit(server, script)
    assert "exception" in kinds if name == "page.html" else any("page.jpg" in text for text in texts)
    assert painted == []
    for picture in pictures:
        answer = requests.get(f"{server}{picture}", timeout=10)
        assert answer.headers["Content-Type"].startswith("image/")
        assert b"<script>" not in answer.content


def test_pictures_and_downloads_cannot_run_anything(server):
    async def script(session):
        await session.upload("photo_0", "photo.png", encoded(make_photo(96, 64)))
        return await session.download("download"), session.last_answer

    data, answer = visit(server, script)
    assert data.startswith(b"\xff\xd8")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["Content-Disposition"].startswith("attachment")


def test_the_address_of_a_page_is_not_sent_to_other_sites(server):
    answer = requests.get(f"{server}/?run=0123", timeout=10)
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_other_sites_can_neither_read_nor_write(server):
    foreign = {"Origin": "https://example.org"}
    for path in ("/", "/_stcore/health", "/_stcore/host-config"):
        answer = requests.get(f"{server}{path}", headers=foreign, timeout=10)
        assert answer.headers.get("Access-Control-Allow-Origin") not in ("*", foreign["Origin"])
    for scheme in ("http", "https"):  # as a proxy reports it
        proxy = {"X-Forwarded-Proto": scheme}
        cookie = requests.get(f"{server}/_stcore/health", headers=proxy, timeout=10).headers["Set-Cookie"]
        assert "SameSite=Lax" in cookie
        assert ("Secure" in cookie) == (scheme == "https")

    async def script(session):
        address = f"{server}/_stcore/upload_file/{session.token}/some-id"
        return requests.put(address, files={"f": b"x"}, timeout=10).status_code

    assert visit(server, script) == 403  # without the token that only pages of this site can read

    async def open_socket():
        async with connect(f"ws{server[4:]}/_stcore/stream", origin="https://example.org") as socket:
            await socket.recv()

    with ThreadPoolExecutor(1) as threads, pytest.raises((ConnectionClosed, InvalidStatus)):
        threads.submit(lambda: asyncio.run(open_socket())).result()


def test_a_visitor_cannot_upload_for_another(server):
    async def script(session):
        return await session.request_status("PUT", "/_stcore/upload_file/not-a-session/some-id", b"x")

    assert visit(server, script) == 400


def test_a_visitor_who_empties_the_caches_takes_no_queue_from_others(server, clear_caches):
    before = long_jobs.job_queue(), batches.batch_queue(), painting.stylizer()
    streamlit.cache_data.clear()
    streamlit.cache_resource.clear()
    assert before == (long_jobs.job_queue(), batches.batch_queue(), painting.stylizer())

    async def script(session):
        await session.send(BackMsg(clear_cache=True))
        await session.run()
        return paintings(session)

    assert len(visit(server, script)) == 1


@pytest.mark.slow
def test_uploads_beyond_the_limit_are_told_on_the_page(monkeypatch):
    monkeypatch.setitem(os.environ, "IMPASTO_VISIT_MEGABYTES", "1")

    async def script(session):
        await session.upload("photo_0", "small.png", encoded(make_photo(200, 150)))
        small = paintings(session)
        await session.upload("photo_0", "large.bmp", encoded(make_photo(800, 700), "BMP"))
        return len(small), session.texts

    with running_server() as (url, _):
        small, texts = visit(url, script)
    assert small == 1
    assert any("was not taken" in text and "1 MB" in text for text in texts)


def uploaded_bytes(url: str) -> int:
    """Bytes of the uploads that the server holds, by its own metrics."""
    lines = requests.get(f"{url}/_stcore/metrics", timeout=10).text.splitlines()
    return sum(int(float(line.rsplit(" ", 1)[1])) for line in lines if "UploadedFileManager" in line)


@pytest.mark.slow
@pytest.mark.parametrize("is_silent", [False, True])
def test_a_session_that_vanishes_frees_what_it_holds_within_a_minute(is_silent, record_property):
    photo = encoded(make_photo(2000, 1500), "BMP")

    async def script(session):
        await session.upload("photo_0", "photo.bmp", photo)
        assert uploaded_bytes(session.url) >= len(photo)
        if is_silent:  # as a phone that has no network any more
            session.stop_reading()
        else:
            await session.close()
        began = time.monotonic()
        while uploaded_bytes(session.url) and time.monotonic() - began < 120:
            await asyncio.sleep(1)
        return time.monotonic() - began

    with running_server() as (url, _):
        seconds = visit(url, script)
    record_property("seconds", round(seconds))
    assert seconds < 60
