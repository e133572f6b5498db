"""Somebody who sends too much, too slowly, or over too many connections, with real sockets: the others still get in."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import uvicorn
from prefect.server.utilities.subscriptions import accept_prefect_socket
from starlette.websockets import WebSocket, WebSocketDisconnect
from support.doors import CREDENTIAL, make_door, staff_file
from websockets import ConnectionClosed, InvalidStatus, Subprotocol
from websockets.sync.client import ClientConnection, connect

from adapters.api.connections import BoundedProtocol
from deployments.door.strangers import Strangers

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST = 60


async def _app(scope: Any, receive: Any, send: Any) -> None:
    """Read the whole body, and answer how long it was."""
    if scope["type"] != "http":
        return
    size = 0
    while True:
        part = await receive()
        size += len(part.get("body", b""))
        if not part.get("more_body"):
            break
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": str(size).encode()})


LARGE = 30_000_000


async def _large(scope: Any, receive: Any, send: Any) -> None:
    """Answer at length: in parts, or at once when asked."""
    del receive
    if scope["type"] != "http":
        return
    parts = 1 if scope["path"] == "/at-once" else 300
    await send({"type": "http.response.start", "status": 200, "headers": [(b"connection", b"close")]})
    for _ in range(parts):
        await send({"type": "http.response.body", "body": b"x" * (LARGE // parts), "more_body": True})
    await send({"type": "http.response.body"})


class _Impatient(BoundedProtocol):
    """The same with small numbers, so that no test waits long."""

    headers_seconds = 1.0
    body_seconds = 0.5
    answer_seconds = 0.5
    most = MOST


@contextmanager
def _serving(protocol: type[BoundedProtocol] = _Impatient, app: Any = _app) -> Iterator[int]:
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", lifespan="off", http=protocol)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = server.force_exit = True
        thread.join(20)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A server that is closed after these tests."""
    with _serving() as found:
        yield found


def _answer(connection: socket.socket) -> bytes:
    """Return what comes until the other side closes."""
    found = b""
    connection.settimeout(30)
    try:
        while part := connection.recv(65536):
            found += part
    except ConnectionError:
        pass
    return found


def _lives(port: int) -> bool:
    return httpx.get(f"http://127.0.0.1:{port}/", timeout=30).text == "0"


def _taken(port: int, begin: bytes, block: bytes, most: int) -> int:
    """Send a beginning and then blocks until the connection is closed; return how many bytes of these went out."""
    sent = 0
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(begin)
        with suppress(ConnectionError):
            while sent < most:
                connection.sendall(block)
                sent += len(block)
    return sent


def test_one_header_of_200_megabytes_is_refused_at_the_first_bytes(port: int) -> None:
    """The connection is closed long before all of it was sent."""
    assert _taken(port, b"GET / HTTP/1.1\r\nHost: a\r\nX-Large: ", b"x" * 65536, 200_000_000) < 20_000_000
    assert _lives(port)


@pytest.mark.parametrize("headers", [{"X-Large": "x" * 40_000}, {f"X-{n}": "y" * 100 for n in range(400)}])
def test_large_headers_are_refused_with_their_status(port: int, headers: dict[str, str]) -> None:
    """One large header, or many small ones: 431. An ordinary token of some kilobytes is let through."""
    assert httpx.get(f"http://127.0.0.1:{port}/", headers=headers).status_code == 431
    assert httpx.get(f"http://127.0.0.1:{port}/", headers={"Authorization": "x" * 8000}).status_code == 200


def test_a_long_address_is_refused(port: int) -> None:
    """What counts are all bytes before the body."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n")
        assert _answer(connection).startswith(b"HTTP/1.1 431")


@pytest.mark.parametrize(
    "begin",
    [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: a\r\nX: "],
    ids=["nothing", "a half line", "no end of headers"],
)
def test_headers_that_do_not_come_end_the_connection(port: int, begin: bytes) -> None:
    """Whatever was sent already."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(begin)
        assert b"408" in _answer(connection)


def test_a_body_that_hardly_comes_ends_the_connection(port: int) -> None:
    """A byte now and then is not enough."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n")
        try:
            for _ in range(100):
                connection.sendall(b"x")
                time.sleep(0.05)
        except ConnectionError:
            return
        assert b"408" in _answer(connection)


UPGRADES = ["Upgrade: h2c", "Upgrade: websocket", "Upgrade: websocket\r\nSec-WebSocket-Key: x"]


@pytest.mark.parametrize("asks", UPGRADES)
@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize("body", ["Content-Length: 1000", "Transfer-Encoding: chunked", "X: y"])
def test_who_asks_for_another_protocol_does_not_stay(port: int, method: str, asks: str, body: str) -> None:
    """He is answered or refused, whatever body he says will come."""
    head = f"{method} / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\n{asks}\r\n{body}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(head.encode())
        assert _answer(connection).startswith(b"HTTP/1.1 ")


@pytest.mark.parametrize(
    ("begin", "goes_on"),
    [(b"0\r\nX: ", b"x"), (b"0\r\n", b"X: y\r\n"), (b"1;x=", b"x"), (b"1\r\nz\r\n1;", b"x")],
    ids=["one trailer", "trailers", "a first length", "a next length"],
)
def test_what_stands_around_a_body_has_an_end(port: int, begin: bytes, goes_on: bytes) -> None:
    """The trailers after it and what its pieces say beside their length: refused as soon as headers would be."""
    head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert _taken(port, head + begin, goes_on * 20_000, 50_000_000) < 20_000_000
    assert _lives(port)


def test_a_large_body_that_keeps_coming_is_read(port: int) -> None:
    """Longer than a period, in parts: a delivery of a supplier goes on as long as it comes."""

    def parts() -> Iterator[bytes]:
        for _ in range(15):
            yield b"x" * 20_000
            time.sleep(0.05)

    assert httpx.post(f"http://127.0.0.1:{port}/", content=parts(), timeout=30).text == "300000"


def test_a_connection_that_is_kept_answers_again_and_again(port: int) -> None:
    """Bounds are of a request, not of a connection."""
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        for _ in range(3):
            assert client.post("/", content=b"x" * 5000).text == "5000"
            time.sleep(0.6)


def test_the_owner_gets_in_beside_1005_slow_connections() -> None:
    """Who has been waiting longest makes room; a request that arrives at once is answered, each time."""

    class Patient(BoundedProtocol):
        headers_seconds = 600.0
        most = MOST

    with _serving(Patient) as port, ExitStack() as ends:
        for number in range(1005):
            slow = ends.enter_context(socket.create_connection(("127.0.0.1", port)))
            slow.sendall(b"GET / HTTP/1.1\r\nX-Slow: ")
            if number % 201 == 0:
                assert _lives(port)
        assert _lives(port)


def test_requests_in_hand_are_not_closed_for_others() -> None:
    """Only who still has to say what he wants makes room."""
    with _serving() as port, ExitStack() as ends:
        body = ends.enter_context(socket.create_connection(("127.0.0.1", port)))
        body.sendall(
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8192\r\nConnection: close\r\n\r\n" + b"x" * 8000
        )
        for _ in range(MOST * 2):
            slow = ends.enter_context(socket.create_connection(("127.0.0.1", port)))
            slow.sendall(b"GET")
        body.sendall(b"x" * 192)
        assert b"8192" in _answer(body)


@pytest.mark.parametrize("asks", ["X: y", *UPGRADES])
def test_the_owner_gets_in_beside_bodies_that_hardly_come(asks: str) -> None:
    """Whose body comes slowest makes room, also before he breaks a bound of his own; a large one that comes stays."""

    class Patient(BoundedProtocol):
        body_seconds = 600.0
        grace_seconds = 0.2
        most = MOST

    head = f"POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n{asks}\r\nContent-Length: 9000\r\n\r\nx"
    with _serving(Patient) as port, ExitStack() as ends:
        slow = [ends.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(MOST - 1)]
        body = ends.enter_context(socket.create_connection(("127.0.0.1", port)))
        body.sendall(
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9000\r\nConnection: close\r\n\r\n" + b"x" * 8000
        )
        for one in slow:
            one.sendall(head.encode())
        time.sleep(0.5)
        for _ in range(5):
            assert _lives(port)
        body.sendall(b"x" * 1000)
        assert b"9000" in _answer(body)


@pytest.mark.parametrize("path", ["/in-parts", "/at-once"])
def test_an_answer_that_is_hardly_taken_is_cut(path: str) -> None:
    """A byte now and then is not enough, also where the answer was given whole; the others are answered."""
    with _serving(app=_large) as port, socket.socket() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        reader.connect(("127.0.0.1", port))
        reader.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        for _ in range(40):
            reader.recv(1)
            time.sleep(0.05)
        assert len(_answer(reader)) < LARGE
        assert len(httpx.get(f"http://127.0.0.1:{port}{path}", timeout=30).content) == LARGE


def test_an_answer_that_is_taken_slowly_comes_whole() -> None:
    """Longer than a period, as long as it goes on."""
    with _serving(app=_large) as port, httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        size = 0
        with client.stream("GET", "/in-parts") as answer:
            for number, part in enumerate(answer.iter_bytes(1_000_000)):
                size += len(part)
                time.sleep(0.1 if number % 2 else 0)
        assert size == LARGE


def test_the_servers_that_we_start_are_bounded() -> None:
    """The API and the server of Prefect use it."""
    for file in ("cli/service_commands.py", "prefect_server.py"):
        text = (Path(__file__).parents[2] / "deployments" / file).read_text(encoding="utf-8")
        assert text.count("uvicorn.run(") == text.count("http=BoundedProtocol,") == 1, file


# --- web sockets ----------------------------------------------------------------------------------------------


class _Prefect:
    """Takes a web socket as Prefect does, a few at a time, and says what it hears."""

    def __init__(self) -> None:
        self.asked = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked += 1
        if (let_in := await accept_prefect_socket(WebSocket(scope, receive, send))) is not None:
            with suppress(WebSocketDisconnect):
                while True:
                    await let_in.send_text(await let_in.receive_text())


def test_sockets_that_say_nothing_keep_nobody_out(tmp_path: Path) -> None:
    """Who shows the credential is heard beside however many that do not; none of these comes as far as Prefect."""
    prefect = _Prefect()
    door = replace(
        make_door(tmp_path, staff_file(tmp_path)), app=prefect, strangers=Strangers(seconds=1.0, most=10)
    )
    words = ("[" * 100_000, "[]", "{", '{"type": "auth"}', '{"type": "auth", "token": "x"}')
    with _serving(BoundedProtocol, door) as port, ExitStack() as ends:

        def socket_of_a_machine() -> ClientConnection:
            address = f"ws://127.0.0.1:{port}/api/events/in"
            return ends.enter_context(connect(address, subprotocols=[Subprotocol("prefect")], origin=None))

        others = [socket_of_a_machine() for _ in range(40)]
        owner = socket_of_a_machine()
        owner.send(json.dumps({"type": "auth", "token": CREDENTIAL.auth_string}))
        assert json.loads(owner.recv(20))["type"] == "auth_success"
        for word in words:
            others.append(socket_of_a_machine())
            others[-1].send(word)
        for gone in others:
            with pytest.raises(ConnectionClosed):
                gone.recv(20)
        owner.send("still here")
        assert owner.recv(20) == "still here"
        with pytest.raises(InvalidStatus):
            connect(f"ws://127.0.0.1:{port}/api/events/in", origin=None)
    assert prefect.asked == 1
