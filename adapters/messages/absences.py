"""Who is away, and who stands in: the file of recipients and what was declared in Prefect, as one answer.

Both count. Where both speak of the same person on the same day, the declaration wins: somebody made it for this
absence. A deputy who was declared and is not in the file cannot get a message; then the one of the file does.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import bindparam
from sqlmodel import col, select

from adapters.cases.caseload import Away, AwayToday
from adapters.messages.recipients import Absence
from adapters.messages.wishes import with_wishes
from adapters.storage.oversight_tables import AbsenceRow

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from sqlmodel import Session

    from adapters.messages.recipients import Book


_DECLARED = select(AbsenceRow.municipality, AbsenceRow.person, AbsenceRow.deputy).where(
    col(AbsenceRow.from_on) <= bindparam("day"), col(AbsenceRow.until_on) >= bindparam("day")
)
_DECLARED_HERE = _DECLARED.where(col(AbsenceRow.municipality) == bindparam("municipality"))


def who_is_away(session: Session, book: Book, municipality: str, day: date) -> Mapping[str, Away]:
    """Return who is away on a day in a municipality, by code of the person."""
    rows = session.execute(_DECLARED_HERE, {"day": day, "municipality": municipality})
    return _in_file(book, day) | {person: Away(deputy) for _, person, deputy in rows}


def away_today(session: Session, book: Book, day: date) -> AwayToday:
    """Return who is away on a day in every municipality, with one question."""
    declared: dict[str, dict[str, Away]] = {}
    for municipality, person, deputy in session.execute(_DECLARED, {"day": day}):
        declared.setdefault(municipality, {})[person] = Away(deputy)
    return AwayToday(_in_file(book, day), declared)


def _in_file(book: Book, day: date) -> dict[str, Away]:
    return {code: Away(person.vervanger) for code, person in book.with_absences if person.is_away(day)}


def book_of_the_day(session: Session, book: Book, municipality: str, day: date) -> Book:
    """Return the recipients as they are on a day: who is away is marked so, and wishes are those of the page."""
    people = dict(book.people)
    for code, away in who_is_away(session, book, municipality, day).items():
        if (person := people.get(code)) is not None:
            deputy = away.deputy if away.deputy in people else person.vervanger
            people[code] = person.model_copy(
                update={"afwezig": (Absence(van=day, tot=day),), "vervanger": deputy}
            )
    return with_wishes(session, replace(book, people=people))
