"""Which vroegsignaalzaak a signal belongs to (domain 4.3), without knowing who the person is.

A person is recognised by a keyed hash. A signal of somebody whose vroegsignaalzaak still runs joins it. One
of somebody in a running traject or in nazorg is closed as "al bekend": the counsellor who knows him acts.
One that repeats an earlier signal of the same partner, not higher, is closed as "herhaalde melding". Any
other opens a vroegsignaalzaak.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from sqlalchemy import or_, select, update
from sqlmodel import Session, col

from adapters.runtime.persons import keyed_hash, person_keys_for
from adapters.storage.database import CaseRow, ProcessRow
from adapters.storage.exchange_tables import SignalRow
from adapters.storage.facts import FactText
from milestones.case import NO_HELP

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from adapters.exchange.ddas_signal import Signal
    from adapters.runtime.persons import PersonKey
    from adapters.runtime.settings import Settings

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
    key: bytes = field(default=b"", repr=False)  # under which they were made; it is not kept


@dataclass(frozen=True, slots=True)
class MarksByKey:
    """The marks under the present key, which are kept, and under earlier ones, which are only recognised."""

    present: Marks
    earlier: tuple[Marks, ...]

    def all(self, name: str) -> list[str]:
        """Return one kind of mark under every key."""
        found = (getattr(marks, name) for marks in (self.present, *self.earlier))
        return [mark for mark in found if mark is not None]


Marked: TypeAlias = "tuple[Signal, MarksByKey]"


def marks_of(signal: Signal, settings: Settings) -> MarksByKey:
    """Make the hashes of a signal, under each key that its municipality has."""
    present, *earlier = (_marks(signal, key) for key in person_keys_for(settings, signal.municipality_code))
    return MarksByKey(present, tuple(earlier))


def _marks(signal: Signal, key: PersonKey) -> Marks:
    secret = key.derived
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
        return Marks(content, key=secret)
    person = key.of(signal.bsn)
    if signal.partner_type is None:
        return Marks(content, person, key=secret)
    partner = keyed_hash(secret, "partner", signal.bsn, signal.partner_type)
    arrears = None if signal.amount is None else _arrears(secret, partner, signal.amount)
    return Marks(content, person, partner, arrears, secret)


def _arrears(secret: bytes, partner: str, amount: int) -> str:
    return keyed_hash(secret, "bedrag", partner, amount)


class Matcher:
    """Decide where signals belong, within one transaction and with the same few questions for all of them."""

    def __init__(self, session: Session, repeat_months: int) -> None:
        self._session = session
        self._repeat_period = timedelta(days=repeat_months * _DAYS_IN_MONTH)

    def match(self, marked: Sequence[Marked]) -> list[Matched]:
        """Return what to do with each of these signals, which are of different people."""
        for municipality in {signal.municipality_code for signal, _ in marked}:
            here = [marks for signal, marks in marked if signal.municipality_code == municipality]
            self._renew_pseudonyms(here, municipality)
        found = self._in_running_processes(marked)
        undecided = [pair for pair, matched in zip(marked, found, strict=True) if matched is None]
        earlier = self._earlier_signals(undecided)
        return [
            matched or Matched(Match.REPEAT if self._repeats(pair, earlier) else Match.NEW)
            for pair, matched in zip(marked, found, strict=True)
        ]

    def _renew_pseudonyms(self, marks: Sequence[MarksByKey], municipality: str) -> None:
        """Make anew what was made under an earlier key: now that the BSN is here, that can be done."""
        renewed = {
            earlier.person: person.present.person
            for person in marks
            for earlier in person.earlier
            if earlier.person is not None
        }
        if not renewed:
            return
        for table, name in ((CaseRow, "person_key"), (CaseRow, "partner_key"), (SignalRow, "person_key")):
            column, place = getattr(table, name), col(table.municipality)
            outdated = self._session.execute(
                select(column).where(column.in_(list(renewed)), place == municipality).distinct()
            ).scalars()
            for key in outdated.all():
                self._session.execute(
                    update(table).where(column == key, place == municipality).values({name: renewed[key]})
                )

    def _in_running_processes(self, marked: Sequence[Marked]) -> list[Matched | None]:
        """Return the vroegsignaalzaak of each person that runs, or else his traject; None where neither is."""
        people = [marks.present.person for _, marks in marked if marks.present.person is not None]
        query = (
            select(
                col(CaseRow.municipality), col(CaseRow.person_key), col(CaseRow.partner_key),
                col(ProcessRow.case_reference), col(ProcessRow.name), col(ProcessRow.code),
            )
            .join(ProcessRow, col(ProcessRow.case_reference) == col(CaseRow.reference))
            .where(
                or_(col(CaseRow.person_key).in_(people), col(CaseRow.partner_key).in_(people)),
                col(ProcessRow.closed).is_(False),
                # After the decision that ends the help a signal is a new zaak, also while bezwaar runs (domain 4.9).
                FactText(col(ProcessRow.facts), "uitstroomreden").is_(None),
            )
            .order_by(col(ProcessRow.id))
        )  # fmt: skip
        zaken: dict[tuple[str, str | None], Matched] = {}
        trajects: dict[tuple[str, str | None], Matched] = {}
        # The youngest process counts, and that comes last.
        for municipality, person, partner, reference, name, code in self._session.execute(query):
            if code == "M2":
                zaken[municipality, person] = Matched(Match.JOIN, reference, name)
            elif code not in NO_HELP:
                known = Matched(Match.KNOWN_TO_DEBT_HELP, reference)
                trajects |= {(municipality, person): known, (municipality, partner): known}
        names = [(signal.municipality_code, marks.present.person) for signal, marks in marked]
        return [None if name[1] is None else zaken.get(name) or trajects.get(name) for name in names]

    def _earlier_signals(self, marked: Sequence[Marked]) -> dict[tuple[str, str], list[tuple[date, str]]]:
        """Return the dates and the arrears of earlier signals of these people, by municipality and by partner."""
        people = [marks.present.person for _, marks in marked if marks.present.arrears is not None]
        found: dict[tuple[str, str], list[tuple[date, str]]] = {}
        if not people or not self._repeat_period:
            return found
        query = select(
            col(SignalRow.municipality),
            col(SignalRow.partner),
            col(SignalRow.signal_date),
            col(SignalRow.arrears),
        ).where(col(SignalRow.person_key).in_(people), col(SignalRow.arrears).is_not(None))
        for municipality, partner, on, arrears in self._session.execute(query):
            found.setdefault((municipality, partner or ""), []).append((on, arrears or ""))
        return found

    def _repeats(self, pair: Marked, earlier: Mapping[tuple[str, str], list[tuple[date, str]]]) -> bool:
        """Whether an earlier signal of the same partner was about arrears at least as high."""
        signal, marks = pair
        last = signal.signal_date
        known = {
            arrears
            for partner in marks.all("partner")
            for on, arrears in earlier.get((signal.municipality_code, partner), ())
            if last - self._repeat_period <= on <= last
        }
        if not known or signal.amount is None:
            return False
        amounts = range(signal.amount, signal.amount + _MOST_LOWER + 1)
        return any(
            _arrears(mark.key, mark.partner or "", amount) in known
            for mark in (marks.present, *marks.earlier)
            for amount in amounts
        )
