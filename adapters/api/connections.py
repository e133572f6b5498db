"""Leans on (uvicorn 0.35): `HttpToolsProtocol` with its callbacks, `handle_websocket_upgrade`, `connections`, `flow`.

Bounds on connections, which uvicorn does not have with httptools: how large headers may be, how long they and a body
may take, and how many connections there are at a time. Who is slow makes room for who is new, so that however many
connections somebody keeps open, a request that arrives is answered.
"""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    import asyncio
    from typing import Any

_OTHER_FILES = 200  # what a process needs beside its connections: databases, logs, Prefect
_MOST, _FEWEST = 1_000, 100


def most_connections() -> int:
    """Return how many connections this process may have at a time: what its limit of open files leaves."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(_FEWEST, min(_MOST, soft - _OTHER_FILES))


class BoundedProtocol(HttpToolsProtocol):
    """A connection that is closed when its headers are too large, or when it lets us wait too long."""

    largest_headers: ClassVar[int] = 32_768  # bytes, names and values together
    headers_seconds: ClassVar[float] = 15.0
    body_seconds: ClassVar[float] = 20.0  # in each such period of a body so many bytes must come:
    fewest_bytes: ClassVar[int] = 4_096
    grace_seconds: ClassVar[float] = 1.0  # who is younger than this goes last
    answer_seconds: ClassVar[float] = 30.0  # in each such period so many bytes of an answer must be taken
    most: ClassVar[int] = most_connections()

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._timer: asyncio.TimerHandle | None = None
        self._reading: asyncio.TimerHandle | None = None
        self._left = 0  # bytes of an answer that were not taken yet
        self.asking = True  # its headers are not complete: it waits for the other side
        self._sending = False  # its body is not complete
        self._begun = False  # in what comes now a next request began
        self._size = 0
        self._body = self._whole_body = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock for the headers, and make room when there are too many."""
        super().connection_made(transport)
        self._begin_waiting()
        if len(self.connections) > self.most:
            self._make_room()

    def _make_room(self) -> None:
        """Close who has been waiting longest for his own request; else whose body comes slowest; else this one.

        Who came a moment ago goes last: his request may be on its way.
        """
        others = [one for one in self.connections if isinstance(one, BoundedProtocol) and one is not self]
        idle = [one for one in others if one.is_idle]
        settled = [one for one in idle if one.age > self.grace_seconds]
        slow = [one for one in others if one.is_slow]
        if slow and not settled:
            victim = min(slow, key=lambda one: one.speed)
        else:
            victim = max(idle, key=lambda one: one.age, default=self)
        victim.transport.abort()

    @property
    def is_idle(self) -> bool:
        """Whether it is the other side that has to say something first."""
        return self.asking or (self.cycle is not None and self.cycle.response_complete)

    @property
    def is_slow(self) -> bool:
        """Whether we wait for a body, and had some time to see how fast it comes."""
        return self._sending and not self.flow.read_paused and self.age > self.grace_seconds

    @property
    def age(self) -> float:
        """How many seconds ago its headers were complete, or it began to wait for them."""
        return self.loop.time() - self._since

    @property
    def speed(self) -> float:
        """How many bytes of a body come in a second."""
        return self._whole_body / self.age

    def _begin_waiting(self) -> None:
        self.asking, self._size, self._since = True, 0, self.loop.time()
        self._set_timer(self.headers_seconds, self._too_slow)

    def _set_timer(self, seconds: float, then: Any) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(seconds, then)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        self._refuse(b"408 Request Timeout")

    def _refuse(self, status: bytes) -> None:
        """Close the connection with a status, if there is a way to say it."""
        self._stop_timer()
        if not self.transport.is_closing():
            self.transport.write(
                b"HTTP/1.1 " + status + b"\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            )
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        """Read what came, as long as there is somebody to answer."""
        if self.transport.is_closing():
            return
        self._begun, body = False, self._whole_body
        super().data_received(data)
        if self.transport.is_closing() or self._begun or not (self.asking or self._sending):
            return
        # Between the pieces of a body and after its last there are lengths and trailers: as small as headers.
        self._size = 0 if self._whole_body > body else self._size + len(data)
        if self._size > self.largest_headers:
            self._refuse(b"431 Request Header Fields Too Large")

    def on_message_begin(self) -> None:
        """Start the clock for the next request on a connection that was kept."""
        if not self.asking:
            self._begun = True
            self._begin_waiting()
        super().on_message_begin()

    def handle_websocket_upgrade(self) -> None:
        """Leave the connection to who speaks on it from now on; what no web socket begins with would wait for ever."""
        self._stop_timer()
        names = {name for name, _ in self.headers}
        if self.scope["method"] != "GET" or names & {b"content-length", b"transfer-encoding"}:
            self._refuse(b"400 Bad Request")
        else:
            super().handle_websocket_upgrade()

    def on_headers_complete(self) -> None:
        """Let a request through whose headers fit, and start the clock for its body."""
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > self.largest_headers:
            self._refuse(b"431 Request Header Fields Too Large")
            return
        self.asking, self._sending = False, True
        self._size = self._body = self._whole_body = 0
        self._since = self.loop.time()
        self._set_timer(self.body_seconds, self._look_at_body)
        super().on_headers_complete()

    def _look_at_body(self) -> None:
        """Close a connection whose body hardly comes, unless it is we who do not read."""
        if self._body < self.fewest_bytes and not self.flow.read_paused:
            self._refuse(b"408 Request Timeout")
            return
        self._body = 0
        self._set_timer(self.body_seconds, self._look_at_body)

    def on_body(self, body: bytes) -> None:
        """Count what comes."""
        self._body += len(body)
        self._whole_body += len(body)
        if not self.transport.is_closing():
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Stop the clock: now we are the one who is waited for."""
        self._sending = False
        self._stop_timer()
        if not self.transport.is_closing():
            super().on_message_complete()

    # Who takes an answer a byte at a time holds a connection and what makes the answer.

    def pause_writing(self) -> None:
        """Start the clock for the reader: more of the answer waits than fits."""
        super().pause_writing()
        self._watch_reader()

    def resume_writing(self) -> None:
        """Stop that clock: he took it."""
        self._stop_watching()
        super().resume_writing()

    def on_response_complete(self) -> None:
        """Start the clock for what is left of an answer that was given."""
        super().on_response_complete()
        if self.transport.get_write_buffer_size():
            self._watch_reader()

    def _watch_reader(self) -> None:
        self._stop_watching()
        self._left = self.transport.get_write_buffer_size()
        self._reading = self.loop.call_later(self.answer_seconds, self._look_at_reader)

    def _look_at_reader(self) -> None:
        """Cut a connection whose answer is hardly taken."""
        left = self.transport.get_write_buffer_size()
        if left > self._left - self.fewest_bytes and left:
            self.transport.abort()
        elif left:
            self._watch_reader()

    def _stop_watching(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clocks."""
        self._stop_timer()
        self._stop_watching()
        super().connection_lost(exc)
