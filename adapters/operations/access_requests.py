"""Somebody asks what is held of him (AVG art. 15): T60 says until when, and the coordinator hears in time.

Who asked is not kept: the request is a number. T60 is not verified (domain 3.1), and is never shown as law.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlmodel import col, select

from adapters.messages.announcements import Announcement, announce
from adapters.operations.destruction import known_actor
from adapters.storage.database import reading, writing
from adapters.storage.destruction_tables import AccessRequestRow
from milestones.calendar import Length
from milestones.dutch import dutch_date
from milestones.process import InvalidData, NotPossible
from milestones.terms import EXPIRY, ladder
from milestones.vocabulary import DATA_REQUEST

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from adapters.office import Office
    from milestones.terms import Term

_ROLE = "coordinator"


def note_request(office: Office, municipality: str, asked_on: date | None = None) -> AccessRequestRow:
    """Write down that somebody asked, today or on an earlier day; give the request with its last day."""
    who, day = known_actor(), asked_on or office.clock.today()
    if day > office.clock.today():
        raise InvalidData("Een verzoek kan niet in de toekomst zijn gedaan.")
    row = AccessRequestRow(
        municipality=municipality, asked_on=day, due=_due(office, municipality, day), noted_by=who
    )
    with writing(office.engine) as session:
        session.add(row)
        session.flush()
        session.refresh(row)
        session.expunge(row)
    return row


def extend_request(office: Office, number: int) -> date:
    """Extend a request and return its new last day; a second time is NotPossible."""
    known_actor()
    with writing(office.engine) as session:
        row = session.get(AccessRequestRow, number, with_for_update=True)
        if row is None or row.answered_on is not None:
            raise NotPossible(f"Er is geen open verzoek {number}.")
        if row.extended:
            raise NotPossible(f"Verzoek {number} is al verlengd; dat kan eenmaal.")
        if office.clock.today() > row.due:
            raise NotPossible(f"De tijd voor verzoek {number} is al voorbij; verlengen kan niet meer.")
        row.extended, row.warned = True, []
        row.due = due = _due(office, row.municipality, row.asked_on, extended=True)
        session.add(row)
        return due


def answered(office: Office, number: int) -> None:
    """Write down that a request was answered today; a second time is NotPossible."""
    who = known_actor()
    with writing(office.engine) as session:
        row = session.get(AccessRequestRow, number, with_for_update=True)
        if row is None or row.answered_on is not None:
            raise NotPossible(f"Er is geen open verzoek {number}.")
        row.answered_on, row.answered_by = office.clock.today(), who
        session.add(row)


def open_requests(office: Office) -> Sequence[AccessRequestRow]:
    """Return the requests that wait for an answer, what ends first at the top."""
    query = select(AccessRequestRow).where(col(AccessRequestRow.answered_on).is_(None))
    with reading(office.engine) as session:
        return session.exec(query.order_by(col(AccessRequestRow.due), col(AccessRequestRow.id))).all()


def warn(office: Office) -> int:
    """Tell the coordinator of each request whose next warning is due; each warning once. Give how many were told."""
    told, today = 0, office.clock.today()
    for row in open_requests(office):
        rules = office.rules_for(row.municipality)
        rungs = ladder(_term(office, row.municipality), row.asked_on, row.due, rules.calendar)
        reached = [rung.name for rung in rungs if rung.on <= today and rung.name not in row.warned]
        if not reached or not announce(office, _announcement(row, over=EXPIRY in reached)):
            continue
        with writing(office.engine) as session:
            kept = session.get_one(AccessRequestRow, row.id)
            kept.warned = [*kept.warned, *reached]
            session.add(kept)
        told += 1
    return told


def _announcement(row: AccessRequestRow, *, over: bool) -> Announcement:
    until = dutch_date(row.due)
    what = (
        f"had op {until} een antwoord moeten hebben"
        if over
        else f"moet uiterlijk {until} een antwoord hebben"
    )
    return Announcement(
        f"inzage-{row.id}-{row.due.isoformat()}-{'over' if over else 'bijna'}",
        _ROLE,
        row.municipality,
        "routekaart: een inwoner wacht op inzage",
        f"Verzoek {row.id} om inzage {what}. Kijk op de pagina Inzage en vernietiging.",
    )


def _term(office: Office, municipality: str) -> Term:
    return office.rules_for(municipality).policy.term(DATA_REQUEST)


def _due(office: Office, municipality: str, asked_on: date, *, extended: bool = False) -> date:
    term, calendar = _term(office, municipality), office.rules_for(municipality).calendar
    length = term.length_for()
    if extended and term.extension is not None and term.extension.step is not None:
        length = Length(length.amount + term.extension.step.amount, length.unit)
    return calendar.deadline(asked_on, length, term.basis).due
