"""Every call that we make: to an address inside in any spelling, past a proxy, and after a redirect."""

from __future__ import annotations

import asyncio
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from pydantic import ValidationError
from sqlalchemy import create_engine

from adapters.exchange.case_system_client import CaseSystemError, _content
from adapters.exchange.case_system_file import CaseSystem
from adapters.exchange.subscriber_authorization import NO_TOKEN, ClientCredentials
from adapters.exchange.webhook_addresses import (
    CheckedTransport,
    ForbiddenAddressError,
    literal,
    may_go_to,
    webhook_client,
)
from adapters.exchange.webhooks import SubscriptionError, subscribe
from adapters.messages.channels import ChannelError, send_over
from adapters.messages.letters import Written
from adapters.office import Office
from adapters.runtime.clock import SystemClock
from adapters.runtime.settings import Settings
from deployments.door.claims import NotLetInError
from deployments.door.provider import Provider

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HERE = ("127.0.0.0/8",)
INSIDE = (
    "0x7f.1", "0177.1", "017700000001", "127.0.1", "127。0。0。1", "127．0．0．1", "[::127.0.0.1]", "[::7f00:1]",
    "[::ffff:0:127.0.0.1]", "[64:ff9b::127.0.0.1]", "[64:ff9b:1::7f00:1]", "[2002:a00:1::]", "[fec0::1]",
    "[5f00::1]", "[fe80::5efe:7f00:1]", "[2001:0:1:1:1:1:80ff:fffe]", "192.0.0.192", "168.63.129.16",
    "100.100.100.200", "[fd00:ec2::254]", "198.18.0.1", "240.0.0.1", "LOCALHOST",
)  # fmt: skip
NO_NAMES = (
    "①②⑦.0.0.1", "ⓛocalhost", "xn--127", "a b", "a\tb", "a@127.0.0.1", "127.0.0.1:80@voorbeeld.nl", "[::1", "",
    "[::1%25lo]", "%6cocalhost", "127.0.0.1%2f.voorbeeld.nl", "localhost%00.voorbeeld.nl", "voorbeeld.nl:0",
    "voorbeeld.nl:99999",
)  # fmt: skip


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """An office without a database: what is refused never asks one."""
    return Office(Settings(home=tmp_path, webhook_networks=()), create_engine("sqlite://"), SystemClock())


@pytest.mark.parametrize("host", INSIDE)
def test_no_spelling_of_an_address_inside_is_called(office: Office, host: str) -> None:
    """It is refused when a subscription is made and at the call, before a connection is made."""
    with pytest.raises(SubscriptionError):
        subscribe(office, "dashboard", f"https://{host}/in")
    with webhook_client((), 1.0) as line, pytest.raises(ForbiddenAddressError):
        line.post(f"https://{host}/in")


@pytest.mark.parametrize("host", NO_NAMES)
def test_a_name_that_is_none_is_no_subscription(office: Office, host: str) -> None:
    """What a client cannot write on the line is refused at once, and holds up no delivery later."""
    with pytest.raises(SubscriptionError):
        subscribe(office, "dashboard", f"https://{host}/in")


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "192.0.0.192", "168.63.129.16", "100.100.100.200", "fd00:ec2::254"]
)
def test_no_policy_lets_anybody_reach_the_secrets_of_a_cloud(address: str) -> None:
    """Also where a municipality names every network as its own."""
    found = literal(address)
    assert found is not None
    assert not may_go_to(found, ("0.0.0.0/0", "::/0"))


def test_a_name_is_looked_up_as_it_goes_over_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's own reading of a name with letters beyond ASCII is older than that of the web: faß.de is not fass.de."""
    asked: list[Any] = []

    def look_up(host: Any, *_: Any, **__: Any) -> Any:
        asked.append(host)
        raise OSError

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with webhook_client((), 1.0) as line, pytest.raises(httpx.ConnectError):
        line.post("https://faß.de/in")
    assert asked == ["xn--fa-hia.de"]


# --- a proxy --------------------------------------------------------------------------------------------------


class _Line(httpx.BaseTransport):
    """Somebody who takes every request."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Note who was asked."""
        self.asked.append(str(request.url))
        return httpx.Response(204)


@pytest.mark.parametrize(
    ("address", "bypassed"),
    [
        ("http://127.0.0.1/in", ""),
        ("https://127.1/in", "127.1"),
        ("https://localhost/in", "localhost"),
        ("https://10.0.0.8/in", ".voorbeeld.nl"),
    ],
)
def test_a_proxy_opens_no_way_past_the_check(
    monkeypatch: pytest.MonkeyPatch, address: str, bypassed: str
) -> None:
    """Neither another scheme than the one it is for, nor what goes past it, nor an address that it would look up."""
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", bypassed)
    line, proxy = _Line(), _Line()
    checked = CheckedTransport((), line)
    monkeypatch.setattr(checked, "_by_proxy", lambda _: proxy)
    with httpx.Client(transport=checked) as client, pytest.raises(ForbiddenAddressError):
        client.post(address)
    assert line.asked == proxy.asked == []


def test_a_name_goes_through_the_proxy_that_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """It looks the name up, and guards; nobody else is asked."""
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    line, proxy = _Line(), _Line()
    checked = CheckedTransport((), line)
    monkeypatch.setattr(checked, "_by_proxy", lambda _: proxy)
    with httpx.Client(transport=checked) as client:
        assert client.post("https://afnemer.example/in").status_code == 204
    assert (line.asked, proxy.asked) == ([], ["https://afnemer.example/in"])


# --- redirects ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[tuple[str, list[str]]]:
    """The address of somebody who sends everybody on (/weg/301), and who was asked for what lies there."""
    reached: list[str] = []

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _, first, status, *_ = f"{self.path}//".split("/")
            if first == "weg":
                self.send_response(int(status))
                self.send_header("Location", f"http://127.0.0.1:{self.server.server_address[1]}/binnen")
            else:
                reached.append(self.path)
                self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_POST = do_PUT = do_GET  # noqa: N815 - the name of the library

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", reached
    server.shutdown()
    server.server_close()


def _webhook(address: str) -> None:
    with webhook_client(HERE, 5.0) as line:
        assert line.post(address, json={}).is_redirect


def _zaaksysteem(address: str) -> None:
    with webhook_client(HERE, 5.0) as line, pytest.raises(CaseSystemError):
        _content(line.get(address, headers={"Authorization": "Bearer geheim"}))


def _token(address: str) -> None:
    asking = ClientCredentials.model_validate(
        {"soort": "oauth2", "token_url": address, "client_id": "wij", "geheim": "geheim"}
    )
    with pytest.raises(NO_TOKEN):
        asking.header(HERE)


def _login(address: str) -> None:
    with pytest.raises(NotLetInError):
        asyncio.run(Provider(address, "routekaart", "geheim").endpoints())


def _message(address: str) -> None:
    letter = Written("id-1", "Titel", "Een bericht", municipality="0518")
    for scheme in ("json", "form", "xml"):
        with pytest.raises(ChannelError):
            send_over(address.replace("http", scheme, 1), letter)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("call", [_webhook, _zaaksysteem, _token, _login, _message])
def test_nobody_is_followed_elsewhere(elsewhere: tuple[str, list[str]], call: Any, status: int) -> None:
    """Not a subscriber, a zaaksysteem, a server of tokens, a login service, nor who gets a message."""
    address, reached = elsewhere
    call(f"{address}/weg/{status}")
    assert reached == []


# --- secrets that go along ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:x@evil.example/token", "http://localhost:80@evil.example/", "http://localhost.evil.example/",
        "https://wij:geheim@tokens.example/", "http://127.0.0.1\\@evil.example/", "https://a\\@evil.example/",
        "http://tokens.example/", "ftp://tokens.example/", "https:///token", "https://?x", "HTTP://localhost/",
    ],
)  # fmt: skip
def test_a_secret_goes_over_tls_or_stays_on_this_machine(address: str) -> None:
    """No way to write an address hides to whom a secret goes, or that nothing guards it on the way."""
    with pytest.raises(ValidationError):
        ClientCredentials.model_validate(
            {"soort": "oauth2", "token_url": address, "client_id": "wij", "geheim": "geheim"}
        )
    with pytest.raises(ValidationError) as refused:
        CaseSystem.model_validate({"adres": address})
    assert ("adres",) in {one["loc"] for one in refused.value.errors()}
