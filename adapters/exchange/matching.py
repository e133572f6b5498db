"""Which vroegsignaalzaak a signal belongs to (domain 4.3), without knowing who the person is.

A person is recognised by a keyed hash. A signal of somebody whose vroegsignaalzaak still runs joins it. One
of somebody in a running traject or in nazorg is closed as "al bekend": the counsellor who knows him acts.
One that repeats an earlier signal of the same partner, not higher, is closed as "herhaalde melding". Any
other opens a vroegsignaalzaak.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import update
from sqlmodel import Session, col, select

from adapters.database import CaseRow, ProcessRow
from adapters.exchange.persons import keyed_hash, person_key
from adapters.exchange.tables import SignalRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.exchange.ddas import Signal

# Before these there is no running traject: only a question, or a signal.
_BEFORE_A_TRAJECT = ("M1", "M2")
_DAYS_IN_MONTH = 31
# How much lower the arrears may have become: each amount is one hash to compare.
_MOST_LOWER = 5_000


class Match(StrEnum):
    """What to do with a signal."""

    NEW = "geopend"
    JOIN = "toegevoegd"
    REPEAT = "herhaald"
    KNOWN_TO_DEBT_HELP = "al in hulp"


@dataclass(frozen=True, slots=True)
class Matched:
    """The decision, and the case that it points at."""

    match: Match
    reference: str | None = None
    process: str = "M2"


@dataclass(frozen=True, slots=True)
class Marks:
    """All that we keep of a signal to recognise it and its person again: hashes under one key."""

    content: str
    person: str | None = None
    partner: str | None = None
    arrears: str | None = None


@dataclass(frozen=True, slots=True)
class MarksByKey:
    """The marks under the present key, which are kept, and under earlier ones, which are only recognised."""

    present: Marks
    earlier: tuple[Marks, ...]

    def all(self, name: str) -> list[str]:
        """Give one kind of mark under every key."""
        found = (getattr(marks, name) for marks in (self.present, *self.earlier))
        return [mark for mark in found if mark is not None]


def marks_of(signal: Signal, secret: bytes, old: Sequence[bytes]) -> MarksByKey:
    """Make the hashes of a signal."""
    return MarksByKey(_marks(signal, secret), tuple(_marks(signal, key) for key in old))


def _marks(signal: Signal, secret: bytes) -> Marks:
    content = keyed_hash(
        secret,
        signal.bsn,
        signal.signal_date,
        signal.origin_date,
        signal.partner_type,
        signal.amount,
        signal.crisis,
    )
    if signal.bsn is None:
        return Marks(content)
    person = person_key(signal.bsn, secret)
    if signal.partner_type is None:
        return Marks(content, person)
    partner = keyed_hash(secret, "partner", signal.bsn, signal.partner_type)
    arrears = None if signal.amount is None else _arrears(secret, partner, signal.amount)
    return Marks(content, person, partner, arrears)


def _arrears(secret: bytes, partner: str, amount: int) -> str:
    return keyed_hash(secret, "bedrag", partner, amount)


class Matcher:
    """Decide where signals belong, within one transaction."""

    def __init__(self, session: Session, secrets: Sequence[bytes], repeat_months: int) -> None:
        self._session = session
        self._secrets = secrets
        self._repeat_period = timedelta(days=repeat_months * _DAYS_IN_MONTH)

    def people_with_a_case(self, all_marks: Sequence[MarksByKey]) -> set[str]:
        """Give which of these people have a case already, by their marks, in one question."""
        people = {person for marks in all_marks for person in marks.all("person")}
        found = self._session.exec(
            select(CaseRow.person_key).where(col(CaseRow.person_key).in_(people)).distinct()
        )
        return {person for person in found if person is not None}

    def match(self, signal: Signal, marks: MarksByKey) -> Matched:
        """Give what to do with a signal."""
        if marks.present.person is None:
            return Matched(Match.NEW)
        cases = self._cases_of(signal.municipality_code, marks)
        if not cases:
            return Matched(Match.NEW)
        rows = self._session.exec(
            select(ProcessRow)
            .where(col(ProcessRow.case_reference).in_(cases), col(ProcessRow.closed).is_(False))
            .order_by(col(ProcessRow.id).desc())
        ).all()
        for row in rows:
            if row.code == "M2":
                return Matched(Match.JOIN, row.case_reference, row.name)
        for row in rows:
            if row.code not in _BEFORE_A_TRAJECT:
                return Matched(Match.KNOWN_TO_DEBT_HELP, row.case_reference)
        return Matched(Match.REPEAT if self._repeats(signal, marks) else Match.NEW)

    def _cases_of(self, municipality: str, marks: MarksByKey) -> list[str]:
        query = select(CaseRow.reference, CaseRow.person_key).where(
            CaseRow.municipality == municipality, col(CaseRow.person_key).in_(marks.all("person"))
        )
        found = self._session.exec(query).all()
        outdated = [key for _, key in found if key != marks.present.person]
        if outdated:  # made under an earlier key; now that the BSN is here it can be renewed
            renewed = {"person_key": marks.present.person}
            self._session.execute(
                update(CaseRow).where(col(CaseRow.person_key).in_(outdated)).values(renewed)
            )
            self._session.execute(
                update(SignalRow).where(col(SignalRow.person_key).in_(outdated)).values(renewed)
            )
        return [reference for reference, _ in found]

    def _repeats(self, signal: Signal, marks: MarksByKey) -> bool:
        """Whether an earlier signal of the same partner was about arrears at least as high."""
        if marks.present.partner is None or signal.amount is None or not self._repeat_period:
            return False
        since: date = signal.signal_date - self._repeat_period
        earlier = self._session.exec(
            select(SignalRow.arrears).where(
                SignalRow.municipality == signal.municipality_code,
                col(SignalRow.partner).in_(marks.all("partner")),
                col(SignalRow.signal_date) >= since,
                col(SignalRow.signal_date) <= signal.signal_date,
            )
        ).all()
        known = {arrears for arrears in earlier if arrears is not None}
        if not known:
            return False
        amounts = range(signal.amount, signal.amount + _MOST_LOWER + 1)
        keys = zip(self._secrets, (marks.present, *marks.earlier), strict=True)
        return any(
            _arrears(secret, mark.partner or "", amount) in known
            for secret, mark in keys
            for amount in amounts
        )
