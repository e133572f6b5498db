"""A webhook goes to the outside or to a network that the municipality names, whatever an address looks like."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from support.other_systems import Receiver

from adapters.exchange.webhook_addresses import (
    CheckedTransport,
    ForbiddenAddressError,
    literal,
    may_go_to,
    webhook_client,
)
from adapters.exchange.webhooks import SubscriptionError, subscribe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapters.office import Office

INSIDE = (
    "127.0.0.1", "127.1", "0x7f000001", "2130706433", "0177.0.0.1", "0", "0.0.0.0",  # noqa: S104
    "10.0.0.8", "172.16.3.4", "192.168.1.1", "100.64.0.1", "169.254.169.254", "0xa9fea9fe", "224.0.0.1",
    "255.255.255.255", "::1", "::", "fe80::1", "fd00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:a9fe:a9fe",
    "64:ff9b::7f00:1", "2002:7f00:1::1",
)  # fmt: skip


@pytest.mark.parametrize("host", INSIDE)
def test_an_address_inside_is_refused_in_any_spelling(office: Office, host: str) -> None:
    """Loopback, private, link-local and reserved addresses are refused when the subscription is made."""
    office.settings = office.settings.model_copy(update={"webhook_networks": ()})
    shown = f"[{host}]" if ":" in host else host
    with pytest.raises(SubscriptionError):
        subscribe(office, "dashboard", f"https://{shown}/in")
    assert literal(host) is not None


def test_a_network_that_is_named_is_allowed_and_link_local_never() -> None:
    """A municipality names its own network; no list lets a webhook reach the metadata of a cloud."""
    ten, metadata = literal("10.20.3.4"), literal("169.254.169.254")
    assert ten is not None
    assert metadata is not None
    assert may_go_to(ten, ("10.20.0.0/16",))
    assert not may_go_to(ten, ("10.21.0.0/16",))
    assert not may_go_to(metadata, ("169.254.0.0/16", "0.0.0.0/0"))


def names(monkeypatch: pytest.MonkeyPatch, *answers: str) -> list[str]:
    """Let a name have one address after another, as DNS that changes does; give what was asked."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def answer(host: Any, port: Any, *given: Any, **more: Any) -> Any:
        if host != "wisselt.example":
            return real(host, port, *given, **more)
        asked.append(host)
        return real(answers[min(len(asked), len(answers)) - 1], port, *given, **more)

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return asked


def test_a_name_that_leads_inside_is_not_called(monkeypatch: pytest.MonkeyPatch, receiver: Receiver) -> None:
    """A name in DNS with an address of this machine is refused at the call, and nothing is sent."""
    names(monkeypatch, "127.0.0.1")
    with webhook_client((), 2.0) as client, pytest.raises(ForbiddenAddressError):
        client.post(f"http://wisselt.example:{receiver.server_port}/ontvang")
    assert receiver.received == []


def test_a_name_that_changes_after_the_check_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, receiver: Receiver
) -> None:
    """The name is looked up once: the call goes to the address that was checked, not to the next answer."""
    asked = names(monkeypatch, "203.0.113.7", "127.0.0.1")
    called: list[httpx.Request] = []

    class Line(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            called.append(request)
            return httpx.Response(204)

    monkeypatch.setattr("adapters.exchange.webhook_addresses.may_go_to", lambda *_: True)
    with httpx.Client(transport=CheckedTransport((), Line())) as client:
        client.post("https://wisselt.example/in")
    assert asked == ["wisselt.example"]
    assert called[0].url.host == "203.0.113.7"
    assert called[0].headers["host"] == "wisselt.example"
    assert called[0].extensions["sni_hostname"] == "wisselt.example"


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """Run a server that gives this answer to the first who calls, and hold the line open."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            line, _ = server.accept()
            line.recv(65536)
            line.sendall(answer)
            ended.wait(20)
            line.close()

        ended = threading.Event()
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/in"
        ended.set()
        thread.join(5)


def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    """An answer that leads elsewhere is an answer: nobody goes there."""
    answer = f"HTTP/1.1 307 Elders\r\nLocation: {receiver.url}\r\nContent-Length: 0\r\n\r\n".encode()
    with answering(answer) as address, webhook_client(("127.0.0.0/8",), 2.0) as client:
        assert client.post(address).status_code == 307
    assert receiver.received == []


def test_the_body_of_an_answer_is_not_read() -> None:
    """A receiver whose answer never ends, or grows when it is unpacked, holds nobody up."""
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 999999999\r\n\r\n"
    with (
        answering(head) as address,
        webhook_client(("127.0.0.0/8",), 2.0) as client,
        client.stream("POST", address) as it,
    ):
        assert it.is_success
