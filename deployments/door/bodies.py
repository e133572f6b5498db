"""Bodies of requests: read here, and passed on in one piece."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Scope = MutableMapping[str, Any]
    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]

LARGEST_BODY = 1_000_000


async def read_body(receive: Receive) -> tuple[bytes, dict[str, Any] | None]:
    """Return a body and what it says, if it is a JSON object."""
    body, more = b"", True
    while more and len(body) <= LARGEST_BODY:
        message = await receive()
        body += message.get("body", b"")
        more = message["type"] == "http.request" and message.get("more_body", False)
    try:
        given = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        given = None
    return body, given if isinstance(given, dict) else None


def whole_body(body: bytes) -> Receive:
    """Return what hands on a body in one piece."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return waiting.pop() if waiting else {"type": "http.disconnect"}

    return receive


def sized(scope: Scope, body: bytes) -> list[tuple[bytes, bytes]]:
    """Return the headers of a request that has this JSON as its body."""
    kept = [
        (name, value) for name, value in scope["headers"] if name not in (b"content-length", b"content-type")
    ]
    return [*kept, (b"content-length", str(len(body)).encode()), (b"content-type", b"application/json")]
