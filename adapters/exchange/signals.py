"""Take in the vroegsignalen of a DDAS delivery: each signal once, in the zaak that it belongs to.

Signals are written in batches, because a transaction for each would make a large delivery wait for the disk
most of the time. A refusal comes before anything is written for its signal, so inside a batch each signal
stands or falls by itself. A signal is reported as taken in only after its batch was committed.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from adapters.cases.casework import Opening
from adapters.database import ProcessRow, SettingRow, TimerRow, reading, writing
from adapters.exchange.ddas import ELEVEN_TEST_WARNING, BadSignal, Delivery, Signal, read_signals
from adapters.exchange.matching import MarksByKey, Match, Matched, Matcher, marks_of
from adapters.exchange.tables import SignalRow
from milestones.case import possible_now
from milestones.process import Event, NotPossible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from adapters.cases.casework import Receipt
    from adapters.office import Office

BATCH = 200
_LONGEST_NAME = 120  # leaves room in an event id for what follows from a signal
_IMPORT_LOCK = "vroegsignalen"
_Marked: TypeAlias = tuple[Signal, MarksByKey]


class SignalResult(StrEnum):
    """What became of one signal."""

    OPENED = "geopend"
    JOINED = "toegevoegd"
    REPEATED = "herhaalde melding"
    IN_DEBT_HELP = "al in schuldhulp"
    KNOWN = "al bekend"
    REFUSED = "geweigerd"


_RESULTS = {
    Match.NEW: SignalResult.OPENED,
    Match.JOIN: SignalResult.JOINED,
    Match.REPEAT: SignalResult.REPEATED,
    Match.KNOWN_TO_DEBT_HELP: SignalResult.IN_DEBT_HELP,
}
_CLOSING_EVENT = {Match.REPEAT: "herhaald", Match.KNOWN_TO_DEBT_HELP: "bekend_bij_shv"}


@dataclass(frozen=True, slots=True)
class SignalReport:
    """One line of the report of an import; names a signal by its place, and nobody by name.

    `first` is what became of the signal when it first came in; a repeat says "al bekend" in `result`.
    """

    position: int
    result: SignalResult
    reference: str | None = None
    remarks: tuple[str, ...] = ()
    first: SignalResult | None = None


def import_signals(path: Path, delivery: Delivery, office: Office) -> Iterator[SignalReport]:
    """Take in every signal of a delivery and report on each, in the order of the file.

    Raises NotADelivery for a file that changed since it was checked.
    """
    records = read_signals(path, today=office.clock.today(), delivery=delivery)
    return take_in_all(records, office)


def take_in_all(records: Iterator[Signal | BadSignal], office: Office) -> Iterator[SignalReport]:
    """Take in these signals, batch by batch."""
    secret, old = office.settings.person_secret(), office.settings.old_person_secrets()
    make_import_lock(office)
    while batch := list(islice(records, BATCH)):
        with writing(office.engine) as session:
            hold_import_lock(session)
            reports = _Intake(session, office, secret, old).reports_on(batch)
        yield from reports


def make_import_lock(office: Office) -> None:
    """Make the row that lets one import at a time decide where a person's signals belong."""
    with reading(office.engine) as session:
        if session.get(SettingRow, _IMPORT_LOCK) is not None:
            return
    # Two first imports at the same moment both find no row; the second then finds that of the first.
    with suppress(IntegrityError), writing(office.engine) as session:
        session.add(SettingRow(name=_IMPORT_LOCK, value={}))


def hold_import_lock(session: Session) -> None:
    """Keep other imports waiting until this transaction ends: two would open two zaken for one person."""
    session.exec(select(SettingRow).where(SettingRow.name == _IMPORT_LOCK).with_for_update()).one()


class _Intake:
    """Takes in signals within one transaction."""

    def __init__(self, session: Session, office: Office, secret: bytes, old: tuple[bytes, ...]) -> None:
        self._session = session
        self._office = office
        self._secret = secret
        self._old = old
        self._known: dict[tuple[str, str, str], SignalRow] = {}
        self._matcher = Matcher(session, (secret, *old), office.settings.repeat_months)

    def reports_on(self, records: Sequence[Signal | BadSignal]) -> list[SignalReport]:
        """Take in records of a delivery and say what became of each, in their order.

        Whoever has no case yet gets one, all with the same few statements; then the others follow one by one.
        """
        reports = {record.position: report for record in records if (report := self._refused(record))}
        marked = [
            (record, marks_of(record, self._secret, self._old))
            for record in records
            if isinstance(record, Signal) and record.position not in reports
        ]
        self._look_up([signal for signal, _ in marked])
        new = self._without_a_case(marked)
        reports |= self._open_all(new)
        taken = {signal.position for signal, _ in new}
        for signal, marks in marked:
            if signal.position not in taken:
                reports[signal.position] = self._report_on(signal, marks)
        return [reports[record.position] for record in records]

    def _refused(self, record: Signal | BadSignal) -> SignalReport | None:
        if isinstance(record, BadSignal):
            return SignalReport(record.position, SignalResult.REFUSED, remarks=(record.reason,))
        if self._office.settings.refuse_invalid_bsn and ELEVEN_TEST_WARNING in record.warnings:
            return SignalReport(record.position, SignalResult.REFUSED, remarks=(ELEVEN_TEST_WARNING,))
        return None

    def _look_up(self, signals: Sequence[Signal]) -> None:
        """Find which of these signals came in before, in one question."""
        ids = [signal.signal_id for signal in signals]
        rows = self._session.exec(select(SignalRow).where(col(SignalRow.signal_id).in_(ids))).all()
        self._known = {(row.municipality, row.supplier, row.signal_id): row for row in rows}

    def _without_a_case(self, marked: Sequence[_Marked]) -> list[_Marked]:
        """Give the first signal of everyone who has no case, and those of nobody in particular."""
        seen = self._matcher.people_with_a_case([marks for _, marks in marked])
        names = set(self._known)
        found = []
        for signal, marks in marked:
            people = set(marks.all("person"))
            if _name_of(signal) not in names and not people & seen:
                found.append((signal, marks))
            seen |= people
            names.add(_name_of(signal))
        return found

    def _open_all(self, marked: Sequence[_Marked]) -> dict[int, SignalReport]:
        openings = [
            Opening(
                code="M2",
                municipality=signal.municipality_code,
                on=signal.signal_date,
                event_id=opening_key(signal),
                person_key=marks.present.person,
                then=_after_opening(signal, Match.NEW),
            )
            for signal, marks in marked
        ]
        reports = {}
        receipts = self._office.casework.open_all(openings, self._session)
        for (signal, marks), receipt in zip(marked, receipts, strict=True):
            if isinstance(receipt, NotPossible):
                reports[signal.position] = _refusal(signal, str(receipt))
                continue
            self._note(signal, marks, Match.NEW, receipt.reference, receipt.process)
            reports[signal.position] = SignalReport(
                signal.position,
                SignalResult.OPENED,
                receipt.reference,
                _remarks(signal),
                first=SignalResult.OPENED,
            )
        return reports

    def _report_on(self, signal: Signal, marks: MarksByKey) -> SignalReport:
        """Take in one signal and say what became of it."""
        if (known := self._known.get(_name_of(signal))) is not None:
            return _report_known(signal, known, marks, _remarks(signal))
        try:
            matched = self._matcher.match(signal, marks)
            receipt, process = self._apply(signal, marks, matched)
        except (NotPossible, ValueError) as refusal:
            return _refusal(signal, str(refusal))
        self._note(signal, marks, matched.match, receipt.reference, process)
        result = _RESULTS[matched.match]
        return SignalReport(signal.position, result, receipt.reference, _remarks(signal), first=result)

    def _note(self, signal: Signal, marks: MarksByKey, match: Match, reference: str, process: str) -> None:
        row = note_signal(self._session, self._office, signal, marks, match, reference, process)
        self._known[_name_of(signal)] = row

    def _apply(self, signal: Signal, marks: MarksByKey, matched: Matched) -> tuple[Receipt, str]:
        if matched.match is Match.JOIN and matched.reference is not None:
            return self._join(signal, matched.reference, matched.process), matched.process
        receipt = self._office.casework.open(
            "M2",
            municipality=signal.municipality_code,
            reference=matched.reference,
            on=signal.signal_date,
            person_key=marks.present.person,
            event_id=opening_key(signal),
            then=_after_opening(signal, matched.match),
            session=self._session,
        )
        if matched.match is Match.KNOWN_TO_DEBT_HELP:
            receipt = self._tell_traject(signal, receipt)
        return receipt, receipt.process or matched.process

    def _join(self, signal: Signal, reference: str, process: str) -> Receipt:
        """Add a signal to the running vroegsignaalzaak; T10 keeps counting from the oldest signal."""
        casework, today = self._office.casework, self._office.clock.today()
        counted_from = self._session.exec(
            select(col(TimerRow.anchor))
            .join(ProcessRow, col(ProcessRow.id) == col(TimerRow.process_id))
            .where(
                ProcessRow.case_reference == reference,
                ProcessRow.name == process,
                TimerRow.term == "T10",
                col(TimerRow.stopped).is_(None),
            )
        ).first()
        older = counted_from is not None and signal.signal_date < counted_from
        receipt = casework.report(
            reference,
            "signaal_toegevoegd",
            process=process,
            on=today,
            data={"oudste_signaaldatum": signal.signal_date} if older else {},
            event_id=opening_key(signal),
            session=self._session,
        )
        joined = receipt.case.process(process)
        if (
            signal.crisis
            and joined.facts.get("bedreigende_situatie") is not True
            and "crisissignaal" in possible_now(joined)
        ):
            receipt = casework.report(
                reference,
                "crisissignaal",
                process=process,
                on=today,
                event_id=f"{opening_key(signal)}:crisis",
                session=self._session,
            )
        return receipt

    def _tell_traject(self, signal: Signal, receipt: Receipt) -> Receipt:
        """Let nazorg know of the signal, unless M2 has told it already: there it is a terugval."""
        for process in receipt.case.processes:
            if process.name != receipt.process and "signaal_ontvangen" in possible_now(process):
                told = self._office.casework.report(
                    receipt.reference,
                    "signaal_ontvangen",
                    process=process.name,
                    on=max(signal.signal_date, process.opened_on),
                    event_id=f"{opening_key(signal)}:nazorg",
                    session=self._session,
                )
                return type(receipt)(receipt.reference, told.case, new=receipt.new, process=receipt.process)
        return receipt


def _after_opening(signal: Signal, match: Match) -> tuple[Event, ...]:
    if match in _CLOSING_EVENT:
        return (Event(_CLOSING_EVENT[match], signal.signal_date),)
    return (Event("crisissignaal", signal.signal_date),) if signal.crisis else ()


def _name_of(signal: Signal) -> tuple[str, str, str]:
    return (signal.municipality_code, signal.supplier or "", signal.signal_id)


def _remarks(signal: Signal) -> tuple[str, ...]:
    if signal.bsn is None:
        return (*signal.warnings, "Geen BSN: een mens moet dit signaal aan een persoon koppelen.")
    return signal.warnings


def _refusal(signal: Signal, reason: str) -> SignalReport:
    return SignalReport(signal.position, SignalResult.REFUSED, remarks=(*_remarks(signal), reason))


def opening_key(signal: Signal) -> str:
    """Give what makes a signal the same one when it comes again."""
    name = f"{signal.supplier}:{signal.signal_id}"
    if len(name) > _LONGEST_NAME:
        name = hashlib.sha256(name.encode()).hexdigest()
    return f"ddas:{signal.municipality_code}:{name}"


def known_signal(session: Session, signal: Signal) -> SignalRow | None:
    """Give the signal with this id, when it came in before."""
    return session.exec(
        select(SignalRow).where(
            SignalRow.municipality == signal.municipality_code,
            SignalRow.supplier == (signal.supplier or ""),
            SignalRow.signal_id == signal.signal_id,
        )
    ).first()


def note_signal(
    session: Session,
    office: Office,
    signal: Signal,
    marks: MarksByKey,
    match: Match,
    reference: str,
    process: str,
) -> SignalRow:
    """Remember a signal and the vroegsignaalzaak that it belongs to."""
    row = SignalRow(
        municipality=signal.municipality_code,
        supplier=signal.supplier or "",
        signal_id=signal.signal_id,
        content=marks.present.content,
        person_key=marks.present.person,
        partner=marks.present.partner,
        arrears=marks.present.arrears,
        signal_date=signal.signal_date,
        result=_RESULTS[match],
        case_reference=reference,
        process=process,
        accepted_at=office.clock.now(),
    )
    session.add(row)
    return row


def _report_known(
    signal: Signal, known: SignalRow, marks: MarksByKey, remarks: tuple[str, ...]
) -> SignalReport:
    if known.content not in marks.all("content"):
        other = "Dit ID is al gebruikt voor een ander signaal."
        return SignalReport(signal.position, SignalResult.REFUSED, remarks=(*remarks, other))
    first = SignalResult(known.result)
    return SignalReport(signal.position, SignalResult.KNOWN, known.case_reference, remarks, first=first)
