"""Who sees a run of a case, its log or its page has looked at that case: the log of looks has it before he has."""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import structlog
from anyio import to_thread
from sqlalchemy.exc import SQLAlchemyError

from adapters.runtime.actor import Actor, ActorKind, Way, acts
from deployments.door.bodies import read_body, whole_body
from deployments.door.doorkeeper import LISTS_OF_PAGES, runs_named
from deployments.door.prefect_routes import API, Reach, route_of
from flows.case_page import PAGE_PREFIX, page_key

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping

    from adapters.cases.looks import Looks
    from deployments.door.sessions import Session

    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

_RUN = re.compile(rf"{API}/flow_runs/([0-9a-f-]{{36}})(?:/.*)?", re.IGNORECASE)
_READ_LIKE = frozenset({Reach.LOGS, Reach.EVENTS})
_PAGE = re.compile(rf"{API}/artifacts/[^/]+(?:/latest)?")
_MOST_REMEMBERED = 10_000

log = structlog.get_logger("routekaart.door")


class NotNotedError(Exception):
    """A look that could not be written: nothing is shown."""


@dataclass
class RunLooks:
    """Notes looks; `runs` reads runs of Prefect, and `municipality_of` says of which gemeente a case is."""

    looks: Callable[[], Looks]
    runs: Callable[[list[str]], Awaitable[list[dict[str, Any]]]]
    municipality_of: Callable[[str], Awaitable[str | None]]
    _known: OrderedDict[str, tuple[str, str] | None] = field(default_factory=OrderedDict)

    async def noted(self, scope: Mapping[str, Any], receive: Receive, session: Session) -> Receive:
        """Note the looks that a request is, and return its body to read on. Raises NotNotedError."""
        if (found := _RUN.fullmatch(scope["path"])) is not None:
            await self.note_runs([found[1]], session)
        route = route_of(scope["method"], scope["path"])
        if route is None or route[0].reach not in _READ_LIKE:
            return receive
        body, given = await read_body(receive)
        await self.note_runs(runs_named(route[0].reach, given or {}), session)
        return whole_body(body)

    async def note_runs(self, runs: Iterable[str], session: Session) -> None:
        """Note that somebody sees these runs. Raises NotNotedError."""
        await self._note(await self._cases_of({run.lower() for run in runs}), session)

    async def note_pages(self, answer: Any, session: Session) -> None:
        """Note the cases of the pages that Prefect answers. Raises NotNotedError."""
        pages = answer if isinstance(answer, list) else [answer]
        keys = {
            str(page.get("key")): str(page.get("flow_run_id"))
            for page in pages
            if isinstance(page, dict) and str(page.get("key")).startswith(PAGE_PREFIX)
        }
        found: set[tuple[str, str]] = set()
        others = set()
        for key, run in keys.items():
            reference = key.removeprefix(PAGE_PREFIX).upper()
            place = await self._place(reference) if page_key(reference) == key else None
            if place is None:
                others.add(run.lower())  # a reference of another form cannot be told from the key
            else:
                found.add((reference, place))
        await self._note(found | await self._cases_of(others), session)

    async def _place(self, reference: str) -> str | None:
        try:
            return await self.municipality_of(reference)
        except SQLAlchemyError as error:
            raise _not_noted(error) from None

    async def _note(self, cases: set[tuple[str, str]], session: Session) -> None:
        if not cases:
            return
        actor = Actor(ActorKind(session.kind), session.code, Way.FORM)

        def written() -> None:
            with acts(actor):
                self.looks().note_all(sorted(cases))

        try:
            await to_thread.run_sync(written)
        except SQLAlchemyError as error:
            raise _not_noted(error) from None

    async def _cases_of(self, runs: set[str]) -> set[tuple[str, str]]:
        """Return the cases of runs with their gemeentecodes; a run of something else has none. Raises NotNotedError."""
        unknown = sorted(runs - self._known.keys())
        for run in await self.runs(unknown) if unknown else ():
            reference, name = (run.get("parameters") or {}).get("zaak"), str(run["id"]).lower()
            if not isinstance(reference, str):
                self._known[name] = None  # and it never gets one
            elif (place := await self._place(reference)) is not None:
                self._known[name] = (reference, place)
        while len(self._known) > _MOST_REMEMBERED:
            self._known.popitem(last=False)
        return {case for run in runs if (case := self._known.get(run)) is not None}


def shows_pages(scope: Mapping[str, Any]) -> bool:
    """Whether Prefect answers this with pages."""
    if scope["method"] == "POST":
        return scope["path"] in LISTS_OF_PAGES
    return scope["method"] == "GET" and _PAGE.fullmatch(scope["path"]) is not None


def _not_noted(error: SQLAlchemyError) -> NotNotedError:
    log.warning("look_not_written", error=type(error).__name__)
    return NotNotedError()
