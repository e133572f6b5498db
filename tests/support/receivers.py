"""Real receivers on loopback for tests: a mail server and a web address that can be told to misbehave."""

from __future__ import annotations

import json
import random
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

from support.stack import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# What a receiver does with one message.
TAKE, REFUSE, TAKE_AND_REFUSE, HANG = "neemt aan", "weigert", "neemt aan maar zegt nee", "zwijgt"
STUCK = "zwijgt tot het mag"  # and then takes it


@dataclass
class Mailbox:
    """What arrived: the receiver's address, the title and the text, in order. `behave` chooses per message."""

    behave: Callable[[], str] = lambda: TAKE
    arrived: list[tuple[str, str, str]] = field(default_factory=list)
    freed: threading.Event = field(default_factory=threading.Event)
    ids: list[str] = field(default_factory=list)  # of what arrived, for machines
    calls: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, to: str, title: str, text: str, id_: str) -> str:
        """Note one call and say what was done with it."""
        done = self.behave()
        if done == STUCK:
            self.freed.wait(9)
            done = TAKE
        with self._lock:
            self.calls += 1
            if done in (TAKE, TAKE_AND_REFUSE):
                self.arrived.append((to, title, text))
                self.ids.append(id_)
        if done == HANG:
            time.sleep(1.5)
        return done

    def sent_to(self, to: str) -> list[tuple[str, str]]:
        """Return the titles and texts that one address got."""
        return [(title, text) for address, title, text in self.arrived if address == to]


def one_in(number: int, kinds: tuple[str, ...], seed: int = 7) -> Callable[[], str]:
    """Misbehave once in so many messages, by chance."""
    chance = random.Random(seed)  # noqa: S311 - a test that can be repeated
    return lambda: chance.choice(kinds) if chance.random() < 1 / number else TAKE


@contextmanager
def mail_server(box: Mailbox, largest: int | None = None) -> Iterator[str]:
    """Run a mail server, perhaps one that takes so many bytes; give an Apprise address that only lacks the receiver."""

    class Handler:
        async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
            message = message_from_bytes(envelope.content, policy=policy.default)
            body = message.get_body(("plain", "html"))
            text = body.get_content() if body else ""
            told = str(message["Subject"]), text, str(message["X-Routekaart-Bericht"])
            done = [box.take(to, *told) for to in envelope.rcpt_tos]
            return "250 OK" if all(item == TAKE for item in done) else "451 later"

    class Limited(Controller):
        def factory(self) -> SMTP:
            return SMTP(self.handler, data_size_limit=largest, enable_SMTPUTF8=True)

    port = free_port()
    made = Controller if largest is None else Limited
    controller = made(Handler(), hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield f"mailto://127.0.0.1:{port}?from=zaken@example.org&mode=insecure&format=text&to="
    finally:
        controller.stop()


@contextmanager
def web_address(box: Mailbox) -> Iterator[str]:
    """Run a web server that takes Apprise's JSON; give the start of an address that only lacks the receiver."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            id_ = self.headers["X-Routekaart-Bericht"]
            done = box.take(self.path.strip("/"), said["title"], said["message"], id_)
            self.send_response(200 if done == TAKE else 503)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"json://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
