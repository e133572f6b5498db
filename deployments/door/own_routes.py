"""Which right each route of our own asks: of people for the pages, of clients for the API. A table, read from a file.

The door refuses a page that is not in it, and whoever has none of its rights in any gemeente; the page itself then
looks at the gemeente of what is shown. For the API the table is what a test compares with what clients get.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.runtime.staff import Right

if TYPE_CHECKING:
    from adapters.runtime.staff import StaffMember

_TABLE = Path(__file__).with_name("own_routes.txt")


@dataclass(frozen=True, slots=True)
class OwnRoute:
    """One row: the rights of which one is enough, and which requests it is about."""

    rights: tuple[str, ...]
    method: str
    path: str
    pattern: re.Pattern[str]

    def open_to(self, member: StaffMember) -> bool:
        """Whether a person has one of the rights in some gemeente."""
        return any(member.may(right) for right in Right if right in self.rights)


@cache
def own_routes() -> tuple[OwnRoute, ...]:
    """Return the table."""
    rows = (line.split() for line in _TABLE.read_text(encoding="utf-8").splitlines())
    return tuple(
        OwnRoute(tuple(rights.split("|")), method, path, re.compile(re.sub(r"\{\w+\}", r"[^/]+", path)))
        for rights, method, path in rows
    )


def may_open(member: StaffMember, method: str, path: str) -> bool:
    """Whether a person may ask for a page; one that is not in the table is for nobody."""
    asked = "GET" if method == "HEAD" else method
    return any(
        route.open_to(member)
        for route in own_routes()
        if route.method == asked and route.pattern.fullmatch(path)
    )
