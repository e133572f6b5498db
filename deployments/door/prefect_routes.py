"""Which right each route of Prefect asks of a person, and which of its runs a route shows: a table, read from a file.

What is not in the table is refused. A test compares it with what Prefect describes, so that a new route is seen.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from adapters.runtime.staff import Right

_TABLE = Path(__file__).with_name("prefect_routes.txt")
API = "/api"
SOCKETS = frozenset({f"{API}/events/out", f"{API}/logs/out"})
_NOBODY = "niemand"


class Reach(StrEnum):
    """Of which runs a route shows or changes something, and where in the request these are named."""

    NONE = "-"
    FILTERED = "runs"
    VIA_RUNS = "via-runs"  # something else than runs, which a question may look for by its runs
    ONE_RUN = "run"
    ANSWER = "antwoord"
    SET_STATE = "staat"
    START = "start"
    LISTED = "runs-id"
    LOGS = "logs"
    EVENTS = "events"
    TASK = "taak"
    PAGE = "pagina"
    QUERY = "vraag"
    ALL = "overal"


@dataclass(frozen=True, slots=True)
class PrefectRoute:
    """One row of the table: the rights of which one is enough; without any it is for machines alone."""

    method: str
    path: str
    rights: tuple[Right, ...]
    reach: Reach
    pattern: re.Pattern[str]


@cache
def prefect_routes() -> tuple[PrefectRoute, ...]:
    """Return the table."""
    rows = (line.split() for line in _TABLE.read_text(encoding="utf-8").splitlines())
    return tuple(
        PrefectRoute(
            method,
            path,
            () if rights == _NOBODY else tuple(map(Right, rights.split("|"))),
            Reach(reach),
            re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", API + path)),
        )
        for rights, reach, method, path in rows
    )


def route_of(method: str, path: str) -> tuple[PrefectRoute, dict[str, str]] | None:
    """Return the row of a request and what its path names; a fixed word goes before a name."""
    asked = "GET" if method == "HEAD" else method
    found = [
        (route, match.groupdict())
        for route in prefect_routes()
        if route.method == asked and (match := route.pattern.fullmatch(path))
    ]
    return min(found, key=lambda item: len(item[1])) if found else None
