import asyncio
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from pages.shared import upload_limits
from pages.shared.limits import Limits
from pages.shared.upload_limits import MEGABYTE, UploadLimits

PATH = "/_stcore/upload_file/{}/a-file"


class Server:
    """Streamlit's server behind the limits: it holds what arrives."""

    def __init__(self, monkeypatch, *, free: float = 4e9, **limits: int) -> None:
        self.held: Counter[str] = Counter()
        monkeypatch.setattr(upload_limits, "limits", lambda: Limits(**limits))
        monkeypatch.setattr(upload_limits, "free_memory", lambda: free)
        manager = SimpleNamespace(file_storage={})
        runtime = SimpleNamespace(
            uploaded_file_mgr=manager, is_active_session=lambda session: session != "nobody"
        )
        monkeypatch.setattr(upload_limits.runtime, "get_instance", lambda: runtime)
        self._files = manager.file_storage
        self._app = UploadLimits(self._take)

    async def _take(self, scope, receive, send) -> None:
        body, message = b"", {"more_body": True}
        while message["more_body"]:
            message = await receive()
            body += message["body"]
        session = scope["path"].split("/")[3]
        files = self._files.setdefault(session, {})
        files[len(files)] = SimpleNamespace(data=body)
        await send({"type": "http.response.start", "status": 204, "headers": []})

    def put(self, session: str, megabytes: float, *, is_cut: bool = False) -> str:
        """Upload a file; returns why it was refused, if it was."""
        status = self.status_of(session, megabytes, is_cut=is_cut)
        assert status == (408 if is_cut else 204)
        return upload_limits._refusals.pop(session, "")

    def status_of(self, session: str, megabytes: float, *, is_cut: bool) -> int:
        body = bytes(int(megabytes * MEGABYTE))
        scope = {"type": "http", "method": "PUT", "path": PATH.format(session)}
        scope["headers"] = [(b"content-length", str(len(body)).encode())]
        halves, sent = [body[: len(body) // 2], body[len(body) // 2 :]], []

        async def receive():
            if is_cut and len(halves) == 1:
                await asyncio.sleep(60)  # the rest never comes
            return {"type": "http.request", "body": halves.pop(0), "more_body": bool(halves)}

        async def send(message):
            sent.append(message)

        with ThreadPoolExecutor(1) as threads:
            threads.submit(lambda: asyncio.run(self._app(scope, receive, send))).result()
        return sent[0]["status"]


def test_a_visit_has_a_limit_and_others_are_served(monkeypatch):
    server = Server(monkeypatch, visit_megabytes=5)
    assert server.put("cat", 3) == ""
    assert "6 MB together, and the most for one visit is 5 MB" in server.put("cat", 3)
    assert server.put("cat", 2) == ""
    assert server.put("dog", 5) == ""


def test_all_visits_together_have_a_limit(monkeypatch):
    server = Server(monkeypatch, visit_megabytes=5, upload_megabytes=8)
    assert [server.put(session, 4) for session in ("cat", "dog")] == ["", ""]
    assert "all visitors" in server.put("cow", 1)


def test_a_host_without_memory_takes_no_upload(monkeypatch):
    assert "too little memory is free" in Server(monkeypatch, free=310e6).put("cat", 5)


def test_uploads_of_nobody_are_left_to_streamlit(monkeypatch):
    server = Server(monkeypatch, visit_megabytes=1)
    assert server.put("nobody", 3) == ""


@pytest.mark.parametrize("megabytes", [3, 9], ids=["taken", "refused"])
def test_an_upload_that_no_longer_arrives_is_given_up_and_makes_room(monkeypatch, megabytes):
    monkeypatch.setattr(upload_limits, "STALLED_S", 0.1)
    server = Server(monkeypatch, visit_megabytes=5)
    server.put("cat", megabytes, is_cut=True)
    assert server.put("cat", 4) == ""


@pytest.mark.parametrize("headers", [[], [(b"content-length", b"-5")]])
def test_an_upload_of_unknown_size_counts_as_the_largest(headers):
    assert upload_limits._length({"headers": headers}) == 50 * 2**20
