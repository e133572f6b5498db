"""Leans on (httpx 0.28, httpcore 1.0): `HTTPTransport._pool` and `ConnectionPool._network_backend`, to read in time.

What others answer has an end: not packed, so that little does not become much, no longer than we ever need, and whole
within a minute, also from who sends a byte now and then.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import httpcore
import httpx

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Iterator

LONGEST_ANSWER_SECONDS = 60.0
LARGEST_ANSWER = 5_000_000  # bytes: a page of a catalogue of zaaktypen stays far below it
NOT_PACKED = {"Accept-Encoding": "identity"}
_TOO_LARGE = "the answer does not end"


class _Bounded(httpx.SyncByteStream):
    """The body of an answer, up to its bound."""

    def __init__(self, stream: httpx.SyncByteStream, request: httpx.Request) -> None:
        self._stream = stream
        self._request = request

    def __iter__(self) -> Iterator[bytes]:
        read = 0
        for piece in self._stream:
            read += len(piece)
            if read > LARGEST_ANSWER:
                raise httpx.ReadError(_TOO_LARGE, request=self._request)
            yield piece

    def close(self) -> None:
        """Let the connection go."""
        self._stream.close()


class _BoundedAsync(httpx.AsyncByteStream):
    """The same, for who reads in an event loop."""

    def __init__(self, stream: httpx.AsyncByteStream, request: httpx.Request) -> None:
        self._stream = stream
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read = 0
        async for piece in self._stream:
            read += len(piece)
            if read > LARGEST_ANSWER:
                raise httpx.ReadError(_TOO_LARGE, request=self._request)
            yield piece

    async def aclose(self) -> None:
        """Let the connection go."""
        await self._stream.aclose()


def bound(answer: httpx.Response) -> None:
    """Bound an answer before it is read; a hook of a client. One that is packed all the same is not unpacked."""
    answer.headers.pop("content-encoding", None)
    if isinstance(answer.stream, httpx.SyncByteStream):
        answer.stream = _Bounded(answer.stream, answer.request)


async def bound_async(answer: httpx.Response) -> None:
    """Do the same for a client in an event loop."""
    answer.headers.pop("content-encoding", None)
    if isinstance(answer.stream, httpx.AsyncByteStream):
        answer.stream = _BoundedAsync(answer.stream, answer.request)


class _Hurried(httpcore.NetworkStream):
    """A connection on which an answer is whole within so many seconds after what was asked."""

    def __init__(self, stream: httpcore.NetworkStream, seconds: float) -> None:
        self._stream = stream
        self._seconds = seconds
        self._asked = time.monotonic()

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what came, as long as there is time."""
        left = self._asked + self._seconds - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout
        return self._stream.read(max_bytes, left if timeout is None else min(timeout, left))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Ask something, and start the clock."""
        self._stream.write(buffer, timeout)
        self._asked = time.monotonic()

    def close(self) -> None:
        """Let the connection go."""
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Go on encrypted."""
        return _Hurried(self._stream.start_tls(ssl_context, server_hostname, timeout), self._seconds)

    def get_extra_info(self, info: str) -> Any:
        """Return what the connection itself knows."""
        return self._stream.get_extra_info(info)


class _HurriedBackend(httpcore.SyncBackend):
    """Makes such connections."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def connect_tcp(self, *arguments: Any, **options: Any) -> httpcore.NetworkStream:
        """Connect."""
        return _Hurried(super().connect_tcp(*arguments, **options), self._seconds)


def hurried(transport: httpx.HTTPTransport) -> httpx.HTTPTransport:
    """Return the transport, whose answers are whole in time or end in a ReadTimeout."""
    transport._pool._network_backend = _HurriedBackend(LONGEST_ANSWER_SECONDS)  # noqa: SLF001 - httpx gives no other way
    return transport
