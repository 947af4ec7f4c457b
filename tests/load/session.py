"""A visitor's browser without a browser: the app's own protocol over a websocket and HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import uuid
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from urllib.parse import urlparse

import requests
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.Common_pb2 import FileUploaderState, UploadedFileInfo
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed


class Session:
    """One visit. `open` it, then `run` the page's script, which a tap or an upload does as well.

    Args:
        url: Address of the app.
        threads: Threads for HTTP requests.
        patience_s: After which it is an error that nothing comes.
    Attributes:
        elements: Elements of the page by their place, as the last run left them.
        token: Name of the session.
        last_answer: The last answer to an HTTP request.
    """

    def __init__(self, url: str, threads: Executor, *, patience_s: float = 120.0) -> None:
        self.url = url
        self.patience_s = patience_s
        self.elements: dict[tuple[int, ...], Element] = {}
        self.last_answer: requests.Response | None = None
        self._threads = threads
        self._http = requests.Session()
        self.token = ""
        self._page = ""
        self._pages: dict[str, str] = {}
        self._states: dict[str, WidgetState] = {}
        self._answers: dict[str, asyncio.Future] = {}
        self._finished = asyncio.Event()
        self._seen: set[tuple[int, ...]] = set()
        self._on_element: Callable[[Element], None] = lambda element: None

    async def open(self) -> None:
        """Connect, and wait for the first run to end."""
        await self._request("GET", "/_stcore/health")
        token = self._http.cookies["_streamlit_xsrf"]
        address = f"ws{self.url.removeprefix('http')}/_stcore/stream"
        self._socket = await connect(
            address,
            subprotocols=["streamlit", token],
            origin=self.url,
            max_size=None,
            open_timeout=self.patience_s,
            ping_interval=None,
        )
        self._reader = asyncio.create_task(self._read())
        await self.run()

    async def close(self) -> None:
        """Leave, as a closed tab does."""
        self._reader.cancel()
        with contextlib.suppress(asyncio.CancelledError, ConnectionClosed):
            await self._reader
        await self._socket.close()
        self._http.close()

    def stop_reading(self) -> None:
        """Answer nothing any more, not even the server's pings."""
        self._reader.cancel()  # which would go on with reading once it has taken what is there
        connection = self._socket.transport
        connection.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        connection.pause_reading()

    async def send(self, message: BackMsg) -> None:
        """Send any message of the protocol."""
        await self._socket.send(message.SerializeToString())

    async def run(
        self, trigger: str = "", on_element: Callable[[Element], None] = lambda element: None
    ) -> None:
        """Run the page's script to its end.

        Args:
            trigger: Key of the button that is pressed.
            on_element: Called with every element that comes.
        """
        self._finished.clear()
        self._on_element = on_element
        message = BackMsg(rerun_script=ClientState(page_script_hash=self._page))
        states = message.rerun_script.widget_states.widgets
        states.extend(self._states.values())
        if trigger:
            states.append(WidgetState(id=self.find(trigger).button.id, trigger_value=True))
        await self._socket.send(message.SerializeToString())
        await self._wait(self._finished.wait())

    async def go_to(self, page: str) -> None:
        """Change to a page by its address."""
        self._page, self._states = self._pages[page], {}
        await self.run()

    async def upload(
        self, key: str, name: str, data: bytes, on_element: Callable[[Element], None] = lambda element: None
    ) -> None:
        """Give a file to an uploader, and wait for the run to end."""
        request = BackMsg()
        request.file_urls_request.request_id = uuid.uuid4().hex
        request.file_urls_request.file_names.append(name)
        request.file_urls_request.session_id = self.token
        answer = await self._ask(request, request.file_urls_request.request_id)
        urls = answer.file_urls_response.file_urls[0]
        await self._request("PUT", urls.upload_url, files={name: (name, data)})
        info = UploadedFileInfo(file_id=urls.file_id, name=name, size=len(data), file_urls=urls)
        state = WidgetState(
            id=self.find(key).file_uploader.id,
            file_uploader_state_value=FileUploaderState(uploaded_file_info=[info]),
        )
        self._states[state.id] = state
        await self.run(on_element=on_element)

    def choose(self, key: str, option: str) -> None:
        """Choose an option of a segmented control, for the next run."""
        group = self.find(key).button_group
        state = WidgetState(id=group.id)
        state.string_array_value.data.append(option)
        self._states[group.id] = state

    async def download(self, key: str) -> bytes:
        """Press a download button whose file is made on request; returns the file."""
        request = BackMsg()
        request.backend_operation_request.request_id = uuid.uuid4().hex
        request.backend_operation_request.session_id = self.token
        file_id = self.find(key).download_button.deferred_file_id
        request.backend_operation_request.deferred_file.file_id = file_id
        answer = await self._ask(request, request.backend_operation_request.request_id)
        response = answer.backend_operation_response
        if response.error_msg:
            raise RuntimeError(response.error_msg)
        return (await self._request("GET", response.deferred_file.url)).content

    def find(self, key: str) -> Element:
        """The element with a key."""
        found = self.find_all(key, is_prefix=False)
        if not found:
            raise LookupError(f"the page has no element {key}: {self.texts}")
        return found[0]

    def find_all(self, key: str, *, is_prefix: bool = True) -> list[Element]:
        """The elements whose keys begin with a prefix, or are the key."""
        found = []
        for element in self.elements.values():
            content = getattr(element, element.WhichOneof("type"))
            own = key_of(getattr(content, "id", ""))
            if own == key or (is_prefix and own.startswith(key)):
                found.append(element)
        return found

    @property
    def texts(self) -> list[str]:
        """Texts of the alerts."""
        kinds = [element for element in self.elements.values() if element.WhichOneof("type") == "alert"]
        return [element.alert.body for element in kinds]

    async def _read(self) -> None:
        async for data in self._socket:
            self._take(ForwardMsg.FromString(data))
        raise ConnectionError("the server has closed the connection")

    def _take(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self.token = message.new_session.initialize.session_id
            if not message.metadata.run.fragment_ids:
                self._seen = set()
        elif kind == "navigation":
            self._pages = {page.url_pathname: page.page_script_hash for page in message.navigation.app_pages}
            self._page = message.navigation.page_script_hash
        elif kind == "delta" and message.delta.HasField("new_element"):
            place, element = tuple(message.metadata.delta_path), message.delta.new_element
            self.elements[place] = element
            self._seen.add(place)
            self._on_element(element)
        elif kind == "script_finished" and message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
            self.elements = {place: self.elements[place] for place in self._seen}
            self._finished.set()
        elif kind == "file_urls_response":
            self._answers.pop(message.file_urls_response.response_id).set_result(message)
        elif kind == "backend_operation_response":
            self._answers.pop(message.backend_operation_response.request_id).set_result(message)

    async def _ask(self, request: BackMsg, token: str) -> ForwardMsg:
        self._answers[token] = asyncio.get_running_loop().create_future()
        await self._socket.send(request.SerializeToString())
        return await self._wait(self._answers[token])

    async def _wait(self, what: Awaitable) -> object:
        """Wait for something, or for the end of the connection."""
        waiting = asyncio.ensure_future(what)
        await asyncio.wait(
            {waiting, self._reader}, timeout=self.patience_s, return_when=asyncio.FIRST_COMPLETED
        )
        if waiting.done():
            return waiting.result()
        waiting.cancel()
        if self._reader.done():
            raise ConnectionError("the connection has ended") from self._reader.exception()
        raise TimeoutError(f"no answer within {self.patience_s} s; the page says {self.texts}")

    async def _request(self, method: str, path: str, **options: object) -> requests.Response:
        def send() -> requests.Response:
            token = self._http.cookies.get("_streamlit_xsrf", "")
            address, headers = f"{self.url}{urlparse(path).path}", {"X-Xsrftoken": token}
            answer = self._http.request(method, address, headers=headers, timeout=self.patience_s, **options)
            self.last_answer = answer
            answer.raise_for_status()
            return answer

        return await asyncio.get_running_loop().run_in_executor(self._threads, send)

    async def request_status(self, method: str, path: str, data: bytes) -> int:
        """Status of the answer to a request with a file, sent with the visitor's cookie and token."""
        with contextlib.suppress(requests.HTTPError):
            await self._request(method, path, files={"f": ("f", data)})
        return self.last_answer.status_code


def key_of(element_id: str) -> str:
    """The key in the name of an element: `download` in `$$ID-0123abcd-download`."""
    return element_id.split("-", 2)[2] if element_id.startswith("$$ID-") else ""


def component_data(element: Element, name: str) -> dict | None:
    """The data of an element if it is the component of that name."""
    if element.WhichOneof("type") != "bidi_component" or name not in element.bidi_component.component_name:
        return None
    return json.loads(element.bidi_component.json)
