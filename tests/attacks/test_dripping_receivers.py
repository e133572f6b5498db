"""A receiver that answers with a byte now and then holds no sender: a delivery has an end in all."""

from __future__ import annotations

import socketserver
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from adapters.messages import channels
from adapters.messages.channels import ChannelError, send_over
from adapters.messages.letters import Written
from adapters.runtime.deadlines import OutOfTimeError, within

if TYPE_CHECKING:
    from collections.abc import Iterator

LETTER = Written("id-1", "Titel", "Een bericht", municipality="0518")
SMTP = "mailto://127.0.0.1:{}?from=zaken@example.org&mode=insecure&to=a@example.org"


@contextmanager
def dripping(greeting: bytes) -> Iterator[tuple[int, threading.Event]]:
    """Run a server that never ends its first line; the event says that who called has hung up."""
    left, over = threading.Event(), threading.Event()

    class Drip(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.sendall(greeting)
            try:
                while not over.wait(0.05):
                    self.request.sendall(b"a")
            except OSError:
                left.set()

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Drip) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_address[1], left
        finally:
            over.set()
            server.shutdown()


@pytest.mark.parametrize(
    ("address", "greeting"),
    [
        (SMTP, b"220 "),
        (SMTP, b"220 x\r\n250-"),
        ("json://127.0.0.1:{}/x", b"HTTP/1.1 200 OK\r\nX-A: "),
        ("json://127.0.0.1:{}/x", b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n"),
    ],
)
def test_a_delivery_ends(address: str, greeting: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """By mail and over the web: it is tried again later, the line is hung up, and no thread stays behind."""
    monkeypatch.setattr(channels, "_SECONDS_IN_ALL", 0.5)
    with dripping(greeting) as (port, left):
        with pytest.raises(ChannelError) as refused:
            send_over(address.format(port), LETTER)
        assert (refused.value.hopeless, str(refused.value)) == (False, "het kanaal was niet op tijd klaar")
        assert left.wait(30)
    assert not [thread for thread in threading.enumerate() if thread.name == "routekaart-deadline"]


def test_work_that_is_done_in_time_gives_what_it_gives() -> None:
    """Its answer, its own error, and an OutOfTimeError for what goes on."""
    assert within(30, lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        within(30, lambda: 1 // 0)
    never = threading.Event()

    def waits() -> None:
        while not never.wait(0.01):
            pass

    with pytest.raises(OutOfTimeError):
        within(0.1, waits)
