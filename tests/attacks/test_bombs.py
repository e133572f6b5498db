"""Little that becomes much: packed bodies, endless answers and JSON without a bottom, in and out, with real sockets."""

from __future__ import annotations

import asyncio
import base64
import gzip
import io
import threading
import time
import tracemalloc
import zipfile
from contextlib import suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from fastapi.testclient import TestClient
from support.signal_deliveries import delivery

from adapters.api.app import create_api
from adapters.exchange import ddas
from adapters.exchange.case_system_client import UNREADABLE, CaseSystemError, _codes, _content
from adapters.exchange.clients import new_client
from adapters.exchange.subscriber_authorization import NO_TOKEN, ClientCredentials
from adapters.exchange.webhook_addresses import webhook_client
from adapters.exchange.webhooks import _has_it
from adapters.runtime import bounded_answers
from adapters.runtime.bounded_answers import LARGEST_ANSWER
from deployments.door import provider
from deployments.door.claims import NotLetInError
from deployments.door.provider import Provider

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from adapters.office import Office

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
HERE = ("127.0.0.0/8",)
UNPACKED = 300_000_000
DEEP = b"[" * 200_000


@pytest.fixture(scope="module")
def packed() -> bytes:
    """A few hundred kilobytes that are three hundred megabytes."""
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=9) as file:
        for _ in range(UNPACKED // 1_000_000):
            file.write(b" " * 1_000_000)
    return out.getvalue()


@pytest.fixture(scope="module")
def bombs(packed: bytes) -> Iterator[str]:
    """The address of somebody who answers with a bomb: packed, endless or deep, with any status."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _, status, kind, *_ = self.path.split("/")
            self.send_response(int(status))
            self.send_header("Content-Type", "application/json")
            if kind == "packed":  # whatever the other side says that it takes
                self.send_header("Content-Encoding", "gzip")
            self.end_headers()
            try:
                for _ in range(1_000 if kind == "endless" else 1):
                    self.wfile.write({"packed": packed, "deep": DEEP}.get(kind, b"[" + b" " * 300_000))
            except OSError:
                return  # hung up on

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def most_memory(work: Callable[[], object]) -> int:
    """Return how many bytes some work held at most."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


KINDS = ["packed", "endless", "deep"]


# --- what others answer us ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_zaaksysteem_that_answers_with_a_bomb_is_not_read(bombs: str, kind: str) -> None:
    """Its answer is one sentence for who manages; nothing is unpacked, and reading has an end."""

    def asked() -> None:
        with webhook_client(HERE, 10) as line, pytest.raises((CaseSystemError, httpx.ReadError)) as refused:
            _content(line.get(f"{bombs}/200/{kind}"))
        if isinstance(refused.value, CaseSystemError):
            assert str(refused.value) == UNREADABLE

    assert most_memory(asked) < 5 * LARGEST_ANSWER
    if kind != "endless":
        with webhook_client(HERE, 10) as line:
            assert list(_codes(line.get(f"{bombs}/400/{kind}"))) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_subscriber_that_refuses_with_a_bomb_only_refused(bombs: str, kind: str) -> None:
    """Of a refusal the first piece is looked at, as it came."""

    def refused() -> None:
        with webhook_client(HERE, 10) as line, line.stream("POST", f"{bombs}/400/{kind}") as answer:
            assert not _has_it(answer)

    assert most_memory(refused) < LARGEST_ANSWER


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_of_tokens_that_answers_with_a_bomb_gives_none(bombs: str, kind: str) -> None:
    """It counts as a server that gives no token."""
    asking = ClientCredentials(
        soort="oauth2",
        token_url=f"{bombs}/200/{kind}",
        client_id="wij",
        geheim="geheim",  # type: ignore[arg-type]
    )

    def asked() -> None:
        with pytest.raises(NO_TOKEN):
            asking.header(HERE)

    assert most_memory(asked) < 5 * LARGEST_ANSWER


@pytest.mark.parametrize("kind", KINDS)
def test_a_login_service_that_answers_with_a_bomb_lets_nobody_in(bombs: str, kind: str) -> None:
    """It counts as a service that does not answer, whatever it was asked for."""
    provider = Provider(f"{bombs}/200/{kind}", "routekaart", "geheim")

    def asked() -> None:
        with pytest.raises(NotLetInError):
            asyncio.run(provider.endpoints())

    assert most_memory(asked) < 5 * LARGEST_ANSWER


# --- what others send us --------------------------------------------------------------------------------------------


@pytest.fixture
def api(office: Office) -> TestClient:
    """A client that may deliver and open."""
    rights = ("vroegsignalen", "open:M3", "ddas", "cloudevents", "notificaties", "lezen")
    key = new_client(office, "leverancier", ("*",), rights).api_key
    return TestClient(create_api(office), headers={"X-API-Key": key, "Content-Type": "application/json"})


PATHS = ("/v1/zaken", "/v1/vroegsignalen", "/v1/ddas/gegevens", "/v1/cloudevents", "/v1/notificaties")


def _is_refused(api: TestClient, path: str, body: bytes, headers: dict[str, str]) -> None:
    assert api.post(path, content=body, headers=headers).status_code == 415


@SQLITE
@pytest.mark.parametrize("path", PATHS)
def test_nothing_that_comes_in_is_unpacked(api: TestClient, packed: bytes, path: str) -> None:
    """A packed body is refused by its header, a ZIP by its content, and neither is ever opened."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("levering.json", b" " * 20_000_000)
    for encoding in ("gzip", "deflate", "br", "zstd", "gzip, gzip", "identity, gzip"):
        headers = {"Content-Encoding": encoding}
        used = most_memory(partial(_is_refused, api, path, packed, headers))
        assert used < UNPACKED // 10
    assert api.post(path, content=archive.getvalue()).status_code == 400
    zipped = {"Content-Type": "application/zip"}
    assert api.post(path, content=archive.getvalue(), headers=zipped).status_code == 415


@SQLITE
@pytest.mark.parametrize("path", PATHS)
def test_json_without_a_bottom_is_refused(api: TestClient, path: str) -> None:
    """Two hundred thousand brackets are bad input, and no fault of ours."""
    for body in (DEEP, b'{"a":' * 100_000, b'{"gegevens": ' + DEEP):
        assert api.post(path, content=body).status_code == 400


@SQLITE
def test_a_token_without_a_bottom_is_no_token(office: Office) -> None:
    """Its head and its claims are read before anybody knows who signed it."""
    api = TestClient(create_api(office), raise_server_exceptions=False)
    deep = base64.urlsafe_b64encode(b'{"alg":"HS256","x":' + b"[" * 9_000).decode().rstrip("=")
    plain = base64.urlsafe_b64encode(b'{"alg":"HS256"}').decode().rstrip("=")
    for token in (f"{deep}.{plain}.x", f"{plain}.{deep}.x"):
        answer = api.get("/v1/zaken", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401, answer.text


# --- what comes a byte at a time ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def drips() -> Iterator[str]:
    """The address of somebody who never ends: /head sends a header, /body a body, a byte at a time."""

    class Drips(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            if self.path == "/body":
                self.send_header("Content-Length", "1000000")
                self.end_headers()
            self.wfile.write(b"X: ")
            with suppress(OSError):
                while True:
                    self.wfile.write(b"x")
                    time.sleep(0.05)

        do_POST = do_GET  # noqa: N815 - the name of the library

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Drips)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("path", ["/head", "/body"])
def test_nobody_holds_us_with_a_byte_now_and_then(
    drips: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A subscriber, a zaaksysteem, a server of tokens, a login service: an answer is whole in time, or it is none."""
    monkeypatch.setattr(bounded_answers, "LONGEST_ANSWER_SECONDS", 0.5)
    monkeypatch.setattr(provider, "_LONGEST_SECONDS", 0.5)
    began = time.monotonic()
    with webhook_client(HERE, 10) as line, pytest.raises(httpx.TransportError):
        line.post(drips + path)
    with pytest.raises(NotLetInError):
        asyncio.run(Provider(drips + path, "routekaart", "geheim").endpoints())
    assert time.monotonic() - began < 9  # the time for one read is longer


# --- what is many times little --------------------------------------------------------------------------------------


@SQLITE
def test_a_delivery_of_very_many_signals_is_refused(api: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has a line in the report, which may be much longer than the signal."""
    monkeypatch.setattr(ddas, "MAX_SIGNALS", 3)
    content = delivery({}, {}, {}, {})
    answer = api.post("/v1/vroegsignalen", json=content)
    assert (answer.status_code, "lever het in delen" in answer.text) == (400, True)
