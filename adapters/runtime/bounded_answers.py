"""What others answer has an end: not packed, so that little does not become much, and no longer than we ever need.

Nor does it take longer than a minute in all: a byte now and then would hold who waits for it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
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
        read, until = 0, time.monotonic() + LONGEST_ANSWER_SECONDS
        for piece in self._stream:
            read += len(piece)
            if read > LARGEST_ANSWER:
                raise httpx.ReadError(_TOO_LARGE, request=self._request)
            if time.monotonic() > until:
                raise httpx.ReadTimeout(_TOO_LARGE, request=self._request)
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
