"""Who holds what: the caseload of a person, giving it to somebody else, and absence with a deputy.

A person is a code, such as "mw-17". Who has a process stands in its journal (`houder_gewijzigd`); where nobody was
named, the fixed contact person of the case's begeleiding holds it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlmodel import col, select

from adapters.cases.person_code import check_person
from adapters.storage.database import ProcessRow, reading, writing
from adapters.storage.oversight_tables import AbsenceRow
from milestones.case import exactly
from milestones.process import NotPossible
from milestones.steering import ASSIGNED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

    from sqlalchemy import Engine
    from sqlmodel import Session

    from adapters.cases.casework import Casework, Receipt
    from milestones.case import Case
    from milestones.process import Snapshot

GUIDANCE = "BEGELEIDING"


@dataclass(frozen=True, slots=True)
class Away:
    """Somebody is away today; `deputy` is the code of who stands in, if there is one."""

    deputy: str | None


@dataclass(frozen=True, slots=True)
class AwayToday:
    """Who is away on a day: what the file of recipients says, and what was declared in each municipality."""

    in_file: Mapping[str, Away]
    declared: Mapping[str, Mapping[str, Away]]

    def at(self, municipality: str) -> Mapping[str, Away]:
        """Return who is away in a municipality, by code of the person."""
        return {**self.in_file, **self.declared.get(municipality, {})}


@dataclass(frozen=True, slots=True)
class Held:
    """A process in somebody's caseload."""

    process_id: int
    reference: str
    process: str


def contact_in(case: Case) -> str | None:
    """Return the fixed contact person of a case, from its begeleiding."""
    guidance = case.open_process(GUIDANCE)
    found = guidance.facts.get("contactpersoon") if guidance else None
    return found if isinstance(found, str) else None


def holder_of(case: Case, process: Snapshot) -> str | None:
    """Return who holds a process."""
    named = process.facts.get("houder")
    return named if isinstance(named, str) else contact_in(case)


class Caseload:
    """Caseloads and absences of one case database."""

    def __init__(self, engine: Engine, casework: Casework) -> None:
        self._engine = engine
        self._casework = casework

    # --- who holds what ---------------------------------------------------------------------------------------

    def held_by(self, person: str, municipality: str) -> list[Held]:
        """Return the open processes that somebody holds by name, and those of the cases whose contact he is."""
        named = col(ProcessRow.facts)["houder"].as_string()
        contact = col(ProcessRow.facts)["contactpersoon"].as_string()
        open_here = (col(ProcessRow.closed).is_(False), col(ProcessRow.municipality) == municipality)
        with reading(self._engine) as session:
            cases = select(ProcessRow.case_reference).where(
                *open_here, col(ProcessRow.code) == GUIDANCE, contact == person
            )
            rows = session.exec(
                select(ProcessRow.id, ProcessRow.case_reference, ProcessRow.name)
                .where(
                    *open_here,
                    (named == person) | (named.is_(None) & col(ProcessRow.case_reference).in_(cases)),
                )
                .order_by(col(ProcessRow.id))
            ).all()
        return [Held(identity or 0, reference, name) for identity, reference, name in rows]

    def assign(
        self,
        reference: str,
        process: str,
        person: str | None,
        reason: str,
        key: str | None = None,
        session: Session | None = None,
    ) -> Receipt:
        """Hand one process to somebody, or to nobody; a repeat with the same key changes nothing.

        With `session` it becomes part of a transaction of the caller.
        """
        data = {"reden": reason} | ({"houder": check_person(person)} if person else {})
        return self._casework.report(
            reference, ASSIGNED, process=exactly(process), data=data, event_id=key, session=session
        )

    def reassign(
        self, person: str, to: str, municipality: str, reason: str, key: str
    ) -> Iterator[tuple[Held, str | None]]:
        """Hand a whole caseload to somebody else; yields each process with the refusal, if there was one.

        Each process is a transaction of its own: a repeat with the same key goes on where it stopped.
        """
        check_person(person)
        self._casework.check_worker(to, municipality)
        if person == to:
            raise NotPossible("Geef de zaken aan een andere medewerker dan die ze nu heeft.")
        for held in self.held_by(person, municipality):
            try:
                self.assign(held.reference, held.process, to, reason, f"{key}:{held.process}")
            except NotPossible as refusal:
                yield held, refusal.reason
            else:
                yield held, None

    # --- absence ----------------------------------------------------------------------------------------------

    def declare_absence(
        self, person: str, municipality: str, from_on: date, until_on: date, deputy: str | None
    ) -> None:
        """Note that somebody is away, both days included; an overlapping absence is replaced."""
        for one in (person, deputy):
            if one is not None:
                self._casework.check_worker(one, municipality)
        if deputy == person:
            raise NotPossible("Een medewerker kan zichzelf niet vervangen.")
        if until_on < from_on:
            raise NotPossible("De laatste dag van de afwezigheid ligt voor de eerste.")
        if until_on < self._casework.clock.today():
            raise NotPossible("Deze afwezigheid is al voorbij.")
        with writing(self._engine) as session:
            for old in session.exec(
                select(AbsenceRow).where(
                    AbsenceRow.person == person,
                    AbsenceRow.municipality == municipality,
                    col(AbsenceRow.until_on) >= from_on,
                    col(AbsenceRow.from_on) <= until_on,
                )
            ):
                session.delete(old)
            session.add(
                AbsenceRow(
                    municipality=municipality,
                    person=person,
                    from_on=from_on,
                    until_on=until_on,
                    deputy=deputy,
                    declared_at=self._casework.clock.now(),
                )
            )


def deputy_for(person: str | None, away: Mapping[str, Away]) -> str | None:
    """Return who stands in for somebody today: the first deputy in line who is there himself."""
    seen: set[str] = set()
    current = person
    while current is not None and current in away and current not in seen:
        seen.add(current)
        current = away[current].deputy
    return None if current in seen or current == person else current
