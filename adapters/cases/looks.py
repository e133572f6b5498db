"""Who looked at a case: a log of its own, to which rows are only added.

A look is written before anything is shown: what cannot be logged is not shown. Whoever looks again within ten
minutes, as a screen that polls does, has looked once.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any

from sqlalchemy import func
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, delete, select

from adapters.runtime.actor import acting, shown_actor
from adapters.runtime.clock import AMSTERDAM
from adapters.runtime.privacy import may_tell_of_a_person
from adapters.storage.database import reading, table_of, writing
from adapters.storage.oversight_tables import LookRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import Engine

    from adapters.runtime.clock import Clock

ONE_LOOK_SECONDS = 600
_MOST_REMEMBERED = 10_000
_PURPOSE = re.compile(r"[A-Za-z][A-Za-z0-9 .-]{0,59}")
_ONCE = ("case_reference", "actor_kind", "actor_code", "actor_way", "slot")


@dataclass
class Looks:
    """Writes and reads who looked."""

    engine: Engine
    clock: Clock
    _written: OrderedDict[tuple[Any, ...], None] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def note(self, reference: str, municipality: str, purpose: str | None = None) -> None:
        """Write that who acts now looks at a case; `purpose` is what for, as he says it."""
        self.note_all([(reference, municipality)], purpose)

    def note_all(self, cases: Iterable[tuple[str, str]], purpose: str | None = None) -> None:
        """Write that who acts now looks at cases, each with its gemeentecode, in one statement.

        All write in one order: of two that wait for each other's row PostgreSQL refuses one.
        """
        actor, now = acting(), self.clock.now()
        rows = [
            {
                "case_reference": reference,
                "municipality": municipality,
                "actor_kind": str(actor.kind),
                "actor_code": actor.code or "",
                "actor_way": "" if actor.way is None else str(actor.way),
                "slot": int(now.timestamp()) // ONE_LOOK_SECONDS,
                "purpose": purpose,
                "at": now,
            }
            for reference, municipality in cases
        ]
        fresh = {
            once: row for row in rows if (once := tuple(row[name] for name in _ONCE)) not in self._written
        }
        if not fresh:
            return
        dialect = postgresql if self.engine.dialect.name == "postgresql" else sqlite
        with writing(self.engine) as session:
            session.connection().execute(
                dialect.insert(table_of(LookRow)).on_conflict_do_nothing(index_elements=_ONCE),
                [fresh[once] for once in sorted(fresh)],
            )
        with self._lock:
            self._written |= dict.fromkeys(fresh)
            while len(self._written) > _MOST_REMEMBERED:
                self._written.popitem(last=False)

    def found(
        self,
        reference: str | None = None,
        person: str | None = None,
        municipalities: Sequence[str] | None = None,
        skip: int = 0,
        most: int = 1000,
    ) -> tuple[Sequence[LookRow], int]:
        """Return who looked at a case, or what somebody looked at, the newest first, and how many looks there are."""
        asked: list[Any] = []
        if reference is not None:
            asked.append(LookRow.case_reference == reference)
        if person is not None:
            asked.append(LookRow.actor_code == person)
        if municipalities is not None:
            asked.append(col(LookRow.municipality).in_(municipalities))
        query = select(LookRow).where(*asked).order_by(col(LookRow.id).desc()).offset(skip).limit(most)
        with reading(self.engine) as session:
            number = session.exec(select(func.count()).select_from(LookRow).where(*asked)).one()
            return session.exec(query).all(), number

    def forget(self, days: int) -> int:
        """Remove looks of longer ago; return how many."""
        before: datetime = self.clock.now() - timedelta(days=days)
        with writing(self.engine) as session:
            return session.exec(delete(LookRow).where(col(LookRow.at) < before)).rowcount


def is_purpose(text: str) -> bool:
    """Whether a text can say what somebody looks for: a few words or a code, and nothing about a person."""
    return _PURPOSE.fullmatch(text) is not None and not may_tell_of_a_person(text)


def look_as_json(row: LookRow) -> dict[str, Any]:
    """Return a look as people and programs read it."""
    return {
        "op": row.at.astimezone(AMSTERDAM).isoformat(timespec="seconds"),
        "zaak": row.case_reference,
        "gemeente": row.municipality,
        "door": shown_actor(row.actor_kind, row.actor_code or None, row.actor_way or None),
        "doel": row.purpose,
    }
