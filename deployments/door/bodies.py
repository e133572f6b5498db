"""Bodies of requests: read here, and passed on in one piece."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, MutableMapping

    Scope = MutableMapping[str, Any]
    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]

LARGEST_BODY = 1_000_000
_KIND = "__prefect_kind"
_GONE = object()


class PackedError(ValueError):
    """Values that only Prefect itself would unpack: the door cannot see what they say."""


def unpacked(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a form as Prefect will read them, with nothing left for it to unpack.

    Both UIs pack JSON that somebody types. A template or a variable becomes something else behind the door, so that
    nobody could look at it here. Raises PackedError.
    """
    try:
        plain = _unpacked(dict(values))
    except RecursionError:
        raise PackedError from None
    if plain is _GONE:
        return {}
    if not isinstance(plain, dict):
        raise PackedError
    return plain


def _unpacked(value: Any) -> Any:
    if isinstance(value, list):
        return [plain for one in value if (plain := _unpacked(one)) is not _GONE]
    if not isinstance(value, dict):
        return value
    if _KIND not in value:
        return {name: plain for name, one in value.items() if (plain := _unpacked(one)) is not _GONE}
    if value[_KIND] not in ("none", "json"):
        raise PackedError
    if "value" not in value:
        return _GONE
    inner = value["value"]
    if value[_KIND] == "json" and isinstance(inner, str):
        try:
            inner = json.loads(inner)
        except ValueError:
            raise PackedError from None
    return _unpacked(inner)


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
