"""Bodies of requests: not too large, JSON in UTF-8, and no tricks that two readers would read differently."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, NoReturn

from starlette.requests import Request

from adapters.api.problems import Problem

if TYPE_CHECKING:
    from starlette.types import Receive, Scope

MOST_LEVELS = 20
_MOST_DIGITS = 18
# Also a text that never ends, and without looking back: half a megabyte of quotes may not take minutes.
_TEXTS = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)


class StrictRequest(Request):
    """A request whose body is read up to a limit and whose JSON is read strictly."""

    def __init__(self, scope: Scope, receive: Receive, largest: int) -> None:
        super().__init__(scope, receive)
        self._largest = largest

    async def body(self) -> bytes:
        """Return the body, or a Problem 413."""
        if not hasattr(self, "_body"):
            self._body = b"".join([part async for part in limited(self, self._largest)])
        return self._body

    async def json(self) -> Any:
        """Return the body as JSON, or a Problem 400."""
        return read_json(await self.body())


async def limited(request: Request, largest: int) -> Any:
    """Yield the parts of a body; a Problem 413 as soon as it is known to be too large."""
    too_large = Problem(413, f"De inhoud is groter dan {largest} bytes.")
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > largest:
        raise too_large
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > largest:
            raise too_large
        yield part


def read_json(body: bytes) -> Any:
    """Read JSON strictly: UTF-8, no double names, no deep nesting, no numbers beyond reason, no NUL."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        _refuse("De inhoud is niet in UTF-8.")
    if _levels(text) > MOST_LEVELS:
        _refuse(f"De inhoud heeft meer dan {MOST_LEVELS} lagen in elkaar.")
    try:
        value = json.loads(
            text,
            object_pairs_hook=_once,
            parse_int=_whole,
            parse_float=_fraction,
            parse_constant=lambda _: _refuse("De inhoud bevat een getal dat geen getal is."),
        )
    except (ValueError, RecursionError):
        _refuse("De inhoud is geen geldige JSON.")
    _check_texts(value)
    return value


def _levels(text: str) -> int:
    """Count how deep brackets are nested, outside of texts."""
    deepest = level = 0
    for character in re.findall(r"[\[{\]}]", _TEXTS.sub("", text)):
        level += 1 if character in "[{" else -1
        deepest = max(deepest, level)
    return deepest


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        _refuse("Een veld staat twee keer op dezelfde plek in de inhoud.")
    return found


def _whole(written: str) -> int:
    if len(written.lstrip("-")) > _MOST_DIGITS:
        _refuse("De inhoud bevat een te groot getal.")
    return int(written)


def _fraction(written: str) -> float:
    value = float(written)
    if not math.isfinite(value):
        _refuse("De inhoud bevat een te groot getal.")
    return value


def _check_texts(value: Any) -> None:
    """Refuse texts that a database cannot keep: half characters and NUL."""
    try:
        written = json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        _refuse("De inhoud bevat een half teken.")
    if b"\\u0000" in written:
        _refuse("De inhoud bevat een teken dat niet kan.")


def _refuse(detail: str) -> NoReturn:
    raise Problem(400, detail)
