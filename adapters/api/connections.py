"""Leans on (uvicorn 0.35): the callbacks of `HttpToolsProtocol` and its `connections`, `flow` and `headers`.

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
    answer_seconds: ClassVar[float] = 30.0  # in each such period so many bytes of an answer must be taken
    most: ClassVar[int] = most_connections()

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._timer: asyncio.TimerHandle | None = None
        self._reading: asyncio.TimerHandle | None = None
        self._left = 0  # bytes of an answer that were not taken yet
        self.asking = True  # its headers are not complete: it waits for the other side
        self._size = 0
        self._body = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock for the headers, and make room when there are too many."""
        super().connection_made(transport)
        self._begin_waiting()
        if len(self.connections) > self.most:
            self._make_room()

    def _make_room(self) -> None:
        """Close the connection that has been waiting longest for its own request; else this one."""
        waiting = (one for one in self.connections if isinstance(one, BoundedProtocol) and one.is_idle)
        oldest = min(waiting, key=lambda one: one.since, default=self)
        oldest.transport.abort()

    @property
    def is_idle(self) -> bool:
        """Whether it is the other side that has to say something first."""
        return self.asking or (self.cycle is not None and self.cycle.response_complete)

    def _begin_waiting(self) -> None:
        self.asking, self._size, self.since = True, 0, self.loop.time()
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
        super().data_received(data)
        if self.asking and not self.transport.is_closing():
            self._size += len(data)
            if self._size > self.largest_headers:
                self._refuse(b"431 Request Header Fields Too Large")

    def on_message_begin(self) -> None:
        """Start the clock for the next request on a connection that was kept."""
        if not self.asking:
            self._begin_waiting()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Let a request through whose headers fit, and start the clock for its body."""
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > self.largest_headers:
            self._refuse(b"431 Request Header Fields Too Large")
            return
        self.asking, self._body = False, 0
        self._stop_timer()
        if not self.parser.should_upgrade():
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
        if not self.transport.is_closing():
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Stop the clock: now we are the one who is waited for."""
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
