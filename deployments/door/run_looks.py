"""Who opens the page of a run has looked at its case: the log of looks has it before Prefect shows anything."""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import structlog
from anyio import to_thread
from sqlalchemy.exc import SQLAlchemyError

from adapters.runtime.actor import Actor, ActorKind, Way, acts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from adapters.cases.looks import Looks
    from deployments.door.sessions import Session

_RUN = re.compile(r"/api/flow_runs/([0-9a-f-]{36})", re.IGNORECASE)
_MOST_REMEMBERED = 10_000

log = structlog.get_logger("routekaart.door")


@dataclass
class RunLooks:
    """Notes looks; `run` reads a run of Prefect, and `municipality_of` says of which gemeente a case is."""

    looks: Callable[[], Looks]
    run: Callable[[str], Awaitable[dict[str, Any] | None]]
    municipality_of: Callable[[str], Awaitable[str | None]]
    _known: OrderedDict[str, tuple[str, str]] = field(default_factory=OrderedDict)

    async def noted(self, scope: Mapping[str, Any], session: Session) -> bool:
        """Note the look of who opens a run; whether it was written, or there was nothing to write."""
        found = _RUN.fullmatch(scope["path"]) if scope["method"] == "GET" else None
        if found is None:
            return True
        try:
            if (case := await self._case_of(found[1].lower())) is not None:
                await to_thread.run_sync(
                    self._note, Actor(ActorKind(session.kind), session.code, Way.FORM), case
                )
        except SQLAlchemyError as error:
            log.warning("look_not_written", error=type(error).__name__)
            return False
        return True

    def _note(self, actor: Actor, case: tuple[str, str]) -> None:
        with acts(actor):
            self.looks().note(*case)

    async def _case_of(self, run: str) -> tuple[str, str] | None:
        """Return the case of a run with its gemeentecode; a run of something else has none."""
        if run in self._known:
            return self._known[run]
        reference = ((await self.run(run) or {}).get("parameters") or {}).get("zaak")
        place = await self.municipality_of(reference) if isinstance(reference, str) else None
        if not isinstance(reference, str) or place is None:
            return None
        self._known[run] = (reference, place)
        while len(self._known) > _MOST_REMEMBERED:
            self._known.popitem(last=False)
        return self._known[run]
