"""The stream of a file that a supplier sent: JSON events in flat memory, whatever is in it.

No sentence made here repeats a value or an unknown name out of the file: either may be personal data.
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

import ijson  # type: ignore[import-untyped]

from milestones.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOT_JSON = "Het bestand is geen JSON, of het breekt halverwege af."
_NOT_UTF8 = "Het bestand is niet opgeslagen als UTF-8."
_ENDLESS = "Het bestand bevat een tekst of een getal zonder einde."
_UNREADABLE = "Het bestand bestaat niet of kan niet worden gelezen."


class NotADelivery(Refusal, ValueError):  # noqa: N818 - the name says what the file is
    """A file that cannot be read as a delivery of vroegsignalen; its text is one Dutch sentence."""


Events: TypeAlias = "Iterator[tuple[str, Any]]"
OPENING = frozenset(("start_map", "start_array"))
ENDS_OF_PARTS = frozenset(("end_map", "end_array"))


@contextmanager
def json_events(path: Path) -> Iterator[tuple[Events, tuple[int, int]]]:
    """Open a file as a stream of JSON events, and turn every failure of it into `NotADelivery`."""
    # The texts of these errors quote the file, so none of them is chained.
    try:
        with path.open("rb") as file:
            stat = os.fstat(file.fileno())
            # not ijson.parse or items: their cost grows with the square of the depth of nesting
            yield (
                ijson.basic_parse(ReadableFile(file), buf_size=ReadableFile.BLOCK),
                (stat.st_size, stat.st_mtime_ns),
            )
    except ijson.JSONError as error:
        sentence = _NOT_UTF8 if "invalid bytes in UTF8" in str(error)[:60] else NOT_JSON
        raise NotADelivery(sentence) from None
    except UnicodeDecodeError:
        raise NotADelivery(_NOT_UTF8) from None
    except OSError:
        raise NotADelivery(_UNREADABLE) from None


class ReadableFile:
    """Hand a file to the parser without the numbers that would make it give up on the whole file.

    NaN and Infinity are no JSON but are often written, and very long numbers break ijson. Each becomes
    1e999, which the parser can carry and which spoils only the signal that it stands in. The parser keeps a
    text in memory until it ends, so a file with one that goes on and on is refused.
    """

    BLOCK = 64 * 1024
    LONGEST = 1024 * 1024
    _MORE = 256
    _PART_OF_NUMBER = frozenset(b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+-.\\")
    _DIGITS_TO_ZERO = bytes.maketrans(b"123456789E", b"000000000e")
    _EXTREME = rb"-?(?:NaN|Infinity|[0-9.]{31,}(?:[eE][+-]?[0-9]+)?|[0-9.]+[eE][+-]?[0-9]{4,})"
    _FAR_EXPONENT = re.compile(rb"0e0000+(?:[\s,\]}]|\Z)")
    _TEXT_OR_EXTREME = re.compile(rb'("(?:[^"\\]++|\\.)*+(?:"|\\?\Z))|' + _EXTREME, re.DOTALL)
    _REST_OF_TEXT = re.compile(rb'(?:[^"\\]++|\\.)*+"?', re.DOTALL)
    _ESCAPED = re.compile(rb"\\.", re.DOTALL)

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._in_text = False
        self._text_so_far = 0
        start = file.read(4)
        if start.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in start:
            raise NotADelivery(_NOT_UTF8)
        self._ahead = start.removeprefix(b"\xef\xbb\xbf")

    def read(self, size: int) -> bytes:
        """Return about `size` bytes, never ending inside a number or an escaped character."""
        if size == 0:
            return b""  # ijson asks for nothing to learn whether it gets bytes or text
        block = bytearray(self._ahead + self._file.read(size))
        self._ahead = b""
        while block and block[-1] in self._PART_OF_NUMBER and (more := self._file.read(self._MORE)):
            block += more
            self._check(len(block))
        if self._may_hold_extremes(block):
            block = self._without_extremes(block)
        quotes = (self._ESCAPED.sub(b"", block) if b"\\" in block else block).count(b'"')
        self._in_text ^= quotes % 2 == 1
        self._text_so_far = self._text_so_far + len(block) if self._in_text and not quotes else 0
        self._check(self._text_so_far)
        return bytes(block)

    def _check(self, length: int) -> None:
        if length > self.LONGEST:
            raise NotADelivery(_ENDLESS)

    def _may_hold_extremes(self, block: bytearray) -> bool:
        """Tell it fast for the ordinary block, as every byte of a file comes by here."""
        digits = block.translate(self._DIGITS_TO_ZERO, b"+-.")
        return (
            b"0" * 31 in digits
            or b"NaN" in block
            or b"Infinity" in block
            or self._FAR_EXPONENT.search(digits) is not None
        )

    def _without_extremes(self, block: bytearray) -> bytearray:
        rest = self._REST_OF_TEXT.match(block) if self._in_text else None
        start = rest.end() if rest else 0
        return block[:start] + self._TEXT_OR_EXTREME.sub(lambda found: found[1] or b"1e999", block[start:])


def skip(events: Events, kind: str) -> None:
    """Pass over the value that began with `kind`."""
    depth = 1 if kind in OPENING else 0
    if not depth:
        return
    for inner, _ in events:
        if inner in OPENING:
            depth += 1
        elif inner in ENDS_OF_PARTS:
            depth -= 1
            if not depth:
                return


@lru_cache(maxsize=256)
def meaning_of(name: str) -> str:
    """Return a name without what differs per version: case, `_` and `-`."""
    return name.replace("_", "").replace("-", "").casefold()
