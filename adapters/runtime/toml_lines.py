"""Where in a TOML file a value stands, so that an error can name the line.

`tomllib` gives values without places. This reads the same text once more, only for headers and keys; values
inside an inline table or a list are found at the line of the key that holds them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

Place = tuple[str | int, ...]

_HEADER = re.compile(r"^\s*(?P<open>\[\[?)\s*(?P<name>[^\]]+?)\s*\]\]?")
_KEY = re.compile(
    r"^\s*(?P<name>(?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|\"[^\"]*\"))*)\s*="
)
_PART = re.compile(r"[A-Za-z0-9_*-]+|\"[^\"]*\"|'[^']*'")


class TomlLines:
    """The line of each header and key of a TOML text."""

    def __init__(self, text: str) -> None:
        self._lines: dict[Place, int] = {}
        counts: dict[Place, int] = {}
        table: Place = ()
        for number, line in enumerate(text.splitlines(), start=1):
            if header := _HEADER.match(line):
                table = self._resolve(_parts(header["name"]), counts, new=header["open"] == "[[")
                self._lines.setdefault(table, number)
            elif key := _KEY.match(line):
                self._lines.setdefault((*table, *_parts(key["name"])), number)

    @staticmethod
    def _resolve(parts: Sequence[str], counts: dict[Place, int], *, new: bool) -> Place:
        """Return the place of a header; a part that is a list of tables means its latest table."""
        place: Place = ()
        for index, part in enumerate(parts):
            place = (*place, part)
            if new and index == len(parts) - 1:
                counts[place] = counts.get(place, -1) + 1
            if place in counts:
                place = (*place, counts[place])
        return place

    def of(self, place: Sequence[str | int]) -> int | None:
        """Return the line of a place, or of the nearest thing around or else inside it; None when nothing is known."""
        for end in range(len(place), 0, -1):
            if (line := self._lines.get(tuple(place[:end]))) is not None:
                return line
        inside = tuple(place[:1])
        return next((line for known, line in self._lines.items() if inside and known[:1] == inside), None)


def _parts(name: str) -> list[str]:
    return [part.strip("\"'") for part in _PART.findall(name)]
