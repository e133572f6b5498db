"""The day on which somebody wants to look at a case again: his own, seen by nobody else, no part of the case."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam
from sqlmodel import col, delete, select

from adapters.storage.database import CaseRow, reading, writing
from adapters.storage.one_of import OneOf
from adapters.storage.page_tables import FollowUpRow
from milestones.process import InvalidData

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from sqlalchemy import Engine
    from sqlmodel import Session

    from adapters.runtime.clock import Clock


_DUE = (
    select(col(FollowUpRow.case_reference), col(FollowUpRow.on))
    .where(col(FollowUpRow.person) == bindparam("person"), col(FollowUpRow.on) <= bindparam("day"))
    .order_by(col(FollowUpRow.on), col(FollowUpRow.case_reference))
)
_DUE_HERE = _DUE.join(CaseRow, col(CaseRow.reference) == col(FollowUpRow.case_reference)).where(
    OneOf(col(CaseRow.municipality), "sees")
)


class FollowUps:
    """Keeps and finds the follow-up days of people."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def keep(self, person: str, reference: str, on: date) -> None:
        """Keep the day on which a person looks at a case again, in the place of an earlier one.

        A day before today is InvalidData; then nothing is written.
        """
        now = self._clock.now()
        if on < now.date():
            raise InvalidData("Kies vandaag of een latere dag.")
        with writing(self._engine) as session:
            session.merge(FollowUpRow(person=person, case_reference=reference, on=on, made_at=now))

    def drop(self, person: str, reference: str) -> None:
        """Forget the day of a person for a case."""
        with writing(self._engine) as session:
            session.execute(
                delete(FollowUpRow).where(
                    col(FollowUpRow.person) == person, col(FollowUpRow.case_reference) == reference
                )
            )

    def due(
        self, session: Session, person: str, day: date, sees: frozenset[str] | None
    ) -> Sequence[tuple[str, date]]:
        """Return the cases that a person wanted to look at by this day, the first first.

        `sees` are the gemeentecodes whose cases exist for him, None for all.
        """
        given: dict[str, object] = {"person": person, "day": day}
        if sees is None:
            return [(reference, on) for reference, on in session.execute(_DUE, given)]
        return [(reference, on) for reference, on in session.execute(_DUE_HERE, given | {"sees": [*sees]})]

    def of(self, person: str) -> Mapping[str, date]:
        """Return the days of a person by case."""
        query = select(FollowUpRow).where(FollowUpRow.person == person)
        with reading(self._engine) as session:
            return {row.case_reference: row.on for row in session.exec(query)}
