"""Take in signals within one transaction, in rounds that each hold one signal of every person.

A refusal comes before anything is written for its signal, so each signal stands or falls by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from sqlmodel import Session, col, select

from adapters.cases.casework import EventReport, OpeningRequest, Receipt
from adapters.cases.store import load_case
from adapters.exchange.ddas_signal import ELEVEN_TEST_WARNING, BadSignal, Signal
from adapters.exchange.matching import Marked, MarksByKey, Match, Matched, Matcher, marks_of
from adapters.exchange.signal_record import (
    RESULTS,
    SignalReport,
    SignalResult,
    name_of,
    note_signal,
    opening_key,
    under_kept_names,
)
from adapters.exchange.signal_status import (
    NOT_CLOSED,
    close_running,
    correction,
    is_about_the_person,
    is_closed_at_sender,
    open_closed,
)
from adapters.storage.database import JournalRow, ProcessRow, TimerRow
from adapters.storage.exchange_tables import SignalRow
from milestones.case import closed, exactly, possible_now
from milestones.process import Event
from milestones.refusal import CaseRefusal
from milestones.vocabulary import FOLLOW_UP

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date

    from adapters.cases.case_office import CaseOffice
    from milestones.process import Snapshot

_CLOSING_EVENT = {Match.REPEAT: "herhaald", Match.KNOWN_TO_DEBT_HELP: "bekend_bij_shv"}
_NOTHING: tuple[str, ...] = ()
_Outcome: TypeAlias = "Receipt | CaseRefusal"


@dataclass(frozen=True, slots=True)
class _Placed:
    """A signal, and where it belongs."""

    signal: Signal
    marks: MarksByKey
    matched: Matched
    known: SignalRow | None = None
    """The row of a signal that came before, and is taken in anew."""

    @property
    def event_id(self) -> str:
        """The name of what becomes of it in the journal."""
        key = opening_key(self.signal)
        return key if self.known is None else _again(key, self.marks)

    @property
    def reference(self) -> str:
        """The case that it belongs to."""
        return self.matched.reference or ""


class SignalIntake:
    """Takes in signals within one transaction."""

    def __init__(self, session: Session, office: CaseOffice, secret: bytes, old: tuple[bytes, ...]) -> None:
        self._session = session
        self._office = office
        self._secret = secret
        self._old = old
        self._known: dict[tuple[str, str, str], SignalRow] = {}
        self._matcher = Matcher(session, office.settings.repeat_months)

    def reports_on(self, records: Sequence[Signal | BadSignal]) -> list[SignalReport]:
        """Take in records of a delivery and say what became of each, in their order.

        It goes in rounds, each with one signal of each person: where it belongs depends on the one before it.
        """
        reports = {record.position: report for record in records if (report := self._refused(record))}
        readable = [item for item in records if isinstance(item, Signal) and item.position not in reports]
        named = under_kept_names(self._session, readable, (self._secret, *self._old))
        waiting = [(record, marks_of(record, self._office.settings)) for record in named]
        self._look_up([signal for signal, _ in waiting])
        while waiting:
            one_each, waiting = _one_of_each_person(waiting)
            reports |= self._take_in(one_each)
        return [reports[record.position] for record in records]

    def _refused(self, record: Signal | BadSignal) -> SignalReport | None:
        if isinstance(record, BadSignal):
            return SignalReport(record.position, SignalResult.REFUSED, remarks=(record.reason,))
        if self._office.settings.refuse_invalid_bsn and ELEVEN_TEST_WARNING in record.warnings:
            return SignalReport(record.position, SignalResult.REFUSED, remarks=(ELEVEN_TEST_WARNING,))
        return None

    def _look_up(self, signals: Sequence[Signal]) -> None:
        """Find which of these signals came in before, in one question of the index of their names."""
        municipalities, suppliers, ids = zip(*map(name_of, signals), strict=True) if signals else ((), (), ())
        query = select(SignalRow).where(
            col(SignalRow.municipality).in_(set(municipalities)),
            col(SignalRow.supplier).in_(set(suppliers)),
            col(SignalRow.signal_id).in_(ids),
        )
        rows = self._session.exec(query).all()
        self._known = {(row.municipality, row.supplier, row.signal_id): row for row in rows}

    def _take_in(self, marked: Sequence[Marked]) -> dict[int, SignalReport]:
        """Take in signals of different people, all with the same few statements."""
        reports, new = {}, []
        for signal, marks in marked:
            known = self._known.get(name_of(signal))
            if known is not None and (report := self._known_before(signal, known, marks)) is not None:
                reports[signal.position] = report
            else:
                new.append((signal, marks))
        placed = []
        for (signal, marks), matched in zip(new, self._matcher.match(new), strict=True):
            known = self._known.get(name_of(signal))
            if matched.match is Match.REPEAT and known is not None and known.result == SignalResult.CLOSED:
                matched = Matched(Match.NEW)  # noqa: PLW2901 - it repeats nothing but what its sender took back
            item = _Placed(signal, marks, matched, known)
            if is_closed_at_sender(signal):
                reports[signal.position] = self._take_closed(item)
            else:
                placed.append(item)
        for matches, carry_out in (
            ((Match.NEW, Match.REPEAT), self._open),
            ((Match.JOIN,), self._join),
            ((Match.KNOWN_TO_DEBT_HELP,), self._tell_debt_help),
        ):
            group = [item for item in placed if item.matched.match in matches]
            for item, outcome in zip(group, carry_out(group) if group else (), strict=True):
                reports[item.signal.position] = self._noted(item, outcome)
        return reports

    def _noted(self, placed: _Placed, outcome: _Outcome) -> SignalReport:
        """Remember a signal that was taken in, and say what became of it."""
        signal, match = placed.signal, placed.matched.match
        if not isinstance(outcome, Receipt):
            return _refused(signal, outcome)
        result = RESULTS[match]
        self._note(placed, result, outcome)
        return SignalReport(signal.position, result, outcome.reference, _remarks(signal), first=result)

    def _note(self, placed: _Placed, result: SignalResult, receipt: Receipt) -> None:
        note_signal(
            self._session,
            self._office,
            placed.signal,
            placed.marks,
            result,
            receipt.reference,
            receipt.process,
            placed.known,
        )

    # --- closed at the sender, and corrected ----------------------------------------------------------------

    def _take_closed(self, placed: _Placed) -> SignalReport:
        """Take in a signal that its sender has closed: nobody pursues it, and what ended is told where it counts."""
        signal, match = placed.signal, placed.matched.match
        remarks, of_case = _remarks(signal), _NOTHING
        try:
            with self._session.begin_nested():
                receipt = None
                if match is Match.JOIN and is_about_the_person(signal):
                    receipt = close_running(
                        self._session,
                        self._office,
                        signal,
                        placed.reference,
                        placed.matched.process,
                        placed.event_id,
                    )
                    if receipt is None:
                        of_case = (NOT_CLOSED,)
                if receipt is None:
                    in_debt_help = match is Match.KNOWN_TO_DEBT_HELP
                    receipt = open_closed(
                        self._session,
                        self._office,
                        signal,
                        placed.event_id,
                        person=placed.marks.present.person,
                        reference=placed.reference if in_debt_help else None,
                    )
        except CaseRefusal as refusal:
            return _refused(signal, refusal)
        self._note(placed, SignalResult.CLOSED, receipt)
        return SignalReport(
            signal.position, SignalResult.CLOSED, receipt.reference, remarks, SignalResult.CLOSED, of_case
        )

    def _known_before(self, signal: Signal, known: SignalRow, marks: MarksByKey) -> SignalReport | None:
        """Say what became of a signal that came before, or None for one to take in anew.

        The same is a repeat. Another amount, date or status is a correction of the zaak that runs; when that ended,
        or when the sender opens what it had closed, the signal is taken in as it is now.
        """
        remarks, process = _remarks(signal), self._process(known)
        changed = _changed(signal, known, marks)
        if changed and not _same_person(known, marks):
            other = "Dit ID is al gebruikt voor een ander signaal."
            return SignalReport(signal.position, SignalResult.REFUSED, remarks=(*remarks, other))
        was_closed = known.result == SignalResult.CLOSED
        reopened = was_closed and not is_closed_at_sender(signal)
        if (
            not changed
            and not reopened
            and (was_closed or not is_closed_at_sender(signal) or process is None)
        ):
            return _as_before(signal, known, remarks)
        if reopened or process is None:
            return None
        return self._correct(_Placed(signal, marks, _where(known), known), changed, remarks)

    def _process(self, known: SignalRow) -> Snapshot | None:
        """Return the vroegsignaalzaak of a signal while it runs."""
        case, _ = load_case(self._session, known.case_reference)
        process = case.named(known.process)
        return None if closed(process) else process

    def _correct(self, placed: _Placed, changed: tuple[str, ...], remarks: tuple[str, ...]) -> SignalReport:
        """Take a correction over in the zaak that runs, with its trace in the journal."""
        signal, known = placed.signal, placed.known
        where = (placed.reference, placed.matched.process)
        result, receipt, news, of_case = SignalResult.CORRECTED, None, False, _NOTHING
        try:
            with self._session.begin_nested():
                if changed:
                    older = _older(placed, self._starts_of_t10([placed.reference]))
                    data = {"gewijzigd": list(changed), **older}
                    receipt = correction(self._session, self._office, *where, placed.event_id, data)
                    news = receipt.new
                    if signal.crisis and _no_crisis_yet(receipt):
                        self._report([placed], "crisissignaal", suffix=":crisis")
                if is_closed_at_sender(signal):
                    receipt = close_running(
                        self._session, self._office, signal, *where, event_id=placed.event_id
                    )
                    result = SignalResult.CLOSED if receipt is not None else result
                    if receipt is None:
                        of_case = (NOT_CLOSED,)
                        name, data = f"{placed.event_id}:status", {"gewijzigd": ["status"]}
                        receipt = correction(self._session, self._office, *where, name, data)
                    news = news or receipt.new
        except CaseRefusal as refusal:
            return _refused(signal, refusal)
        if not news and known is not None:
            return replace(_as_before(signal, known, remarks), of_case=of_case)
        assert receipt is not None  # noqa: S101 - something was changed, or was closed
        self._note(placed, result, replace(receipt, process=placed.matched.process))
        return SignalReport(signal.position, result, receipt.reference, remarks, result, of_case)

    def _open(self, group: Sequence[_Placed]) -> Sequence[_Outcome]:
        """Open a vroegsignaalzaak for each signal; one that repeats another closes at once."""
        openings = [
            OpeningRequest(
                code="M2",
                municipality=placed.signal.municipality_code,
                on=placed.signal.signal_date,
                event_id=placed.event_id,
                person_key=placed.marks.present.person,
                then=_after_opening(placed.signal, placed.matched.match),
                data=self._received_today(),
            )
            for placed in group
        ]
        return self._office.casework.open_all(openings, self._session)

    def _received_today(self) -> dict[str, object]:
        """Return the day on which the college received the signal: T01 counts from it (Wgs art. 4 lid 1 onder b)."""
        return {"signaal_ontvangen_op": self._office.clock.today()}

    def _join(self, group: Sequence[_Placed]) -> Sequence[_Outcome]:
        """Add signals to zaken that run; T10 keeps counting from the oldest signal."""
        counted_from = self._starts_of_t10([placed.reference for placed in group])
        outcomes = self._report(group, "signaal_toegevoegd", lambda placed: _older(placed, counted_from))
        crises = [
            number
            for number, (placed, outcome) in enumerate(zip(group, outcomes, strict=True))
            if placed.signal.crisis and isinstance(outcome, Receipt) and _no_crisis_yet(outcome)
        ]
        if crises:
            told = self._report([group[number] for number in crises], "crisissignaal", suffix=":crisis")
            for number, outcome in zip(crises, told, strict=True):
                outcomes[number] = outcome
        return outcomes

    def _report(
        self,
        group: Sequence[_Placed],
        event: str,
        data: Callable[[_Placed], dict[str, object]] = lambda _: {},
        suffix: str = "",
    ) -> list[_Outcome]:
        reports = [
            EventReport(
                reference=placed.reference,
                process=exactly(placed.matched.process),
                event=event,
                data=data(placed),
                event_id=f"{placed.event_id}{suffix}",
            )
            for placed in group
        ]
        return self._office.casework.report_all(reports, self._session)

    def _starts_of_t10(self, references: Sequence[str]) -> dict[tuple[str, str], date]:
        """Return from which day T10 counts in these cases, by case and process."""
        query = (
            select(ProcessRow.case_reference, ProcessRow.name, col(TimerRow.anchor))
            .join(TimerRow, col(ProcessRow.id) == col(TimerRow.process_id))
            .where(
                col(ProcessRow.case_reference).in_(references),
                TimerRow.term == FOLLOW_UP,
                col(TimerRow.stopped).is_(None),
            )
        )
        return {(reference, name): anchor for reference, name, anchor in self._session.exec(query)}

    def _tell_debt_help(self, group: Sequence[_Placed]) -> Sequence[_Outcome]:
        return [self._tell_one(placed) for placed in group]

    def _tell_one(self, placed: _Placed) -> _Outcome:
        """Note a signal with the traject of its person, and close it there: the counsellor who knows him acts."""
        signal = placed.signal
        try:
            with self._session.begin_nested():
                receipt = self._office.casework.open(
                    "M2",
                    municipality=signal.municipality_code,
                    reference=placed.reference,
                    on=signal.signal_date,
                    # Forgotten after T11 and sent again: the journal knows the id of the first time.
                    event_id=None if self._in_journal(placed) else placed.event_id,
                    then=_after_opening(signal, placed.matched.match),
                    data=self._received_today(),
                    session=self._session,
                )
                return self._tell_traject(signal, receipt)
        except CaseRefusal as refusal:
            return refusal

    def _in_journal(self, placed: _Placed) -> bool:
        query = select(JournalRow.id).where(
            JournalRow.case_reference == placed.reference, JournalRow.event_id == placed.event_id
        )
        return self._session.exec(query).first() is not None

    def _tell_traject(self, signal: Signal, receipt: Receipt) -> Receipt:
        """Let nazorg know of the signal, unless M2 has told it already: there it is a terugval."""
        for process in receipt.case.processes:
            if process.name != receipt.process and "signaal_ontvangen" in possible_now(process):
                told = self._office.casework.report(
                    receipt.reference,
                    "signaal_ontvangen",
                    process=exactly(process.name),
                    on=max(signal.signal_date, process.opened_on),
                    event_id=f"{opening_key(signal)}:nazorg",
                    session=self._session,
                )
                return replace(receipt, case=told.case)
        return receipt


def _one_of_each_person(marked: Sequence[Marked]) -> tuple[list[Marked], list[Marked]]:
    """Part the first signal of every person, and those of nobody in particular, from the others."""
    seen: set[tuple[str, str]] = set()
    first: list[Marked] = []
    others: list[Marked] = []
    for signal, marks in marked:
        person = (signal.municipality_code, marks.present.person or f"signaal {signal.position}")
        (others if person in seen else first).append((signal, marks))
        seen.add(person)
    return first, others


def _older(placed: _Placed, counted_from: Mapping[tuple[str, str], date]) -> dict[str, object]:
    """Return the date of a signal when it is before that from which T10 counts."""
    on, start = placed.signal.signal_date, counted_from.get((placed.reference, placed.matched.process))
    return {"oudste_signaaldatum": on} if start is not None and on < start else {}


def _no_crisis_yet(receipt: Receipt) -> bool:
    process = receipt.case.named(receipt.process)
    return process.facts.get("bedreigende_situatie") is not True and "crisissignaal" in possible_now(process)


def _after_opening(signal: Signal, match: Match) -> tuple[Event, ...]:
    if match in _CLOSING_EVENT:
        return (Event(_CLOSING_EVENT[match], signal.signal_date),)
    return (Event("crisissignaal", signal.signal_date),) if signal.crisis else ()


def _remarks(signal: Signal) -> tuple[str, ...]:
    if signal.bsn is None:
        return (*signal.warnings, "Geen BSN: een mens moet dit signaal aan een persoon koppelen.")
    return signal.warnings


def _refused(signal: Signal, refusal: CaseRefusal) -> SignalReport:
    """Report a signal that its case refused: why, only who may read the case hears."""
    return SignalReport(
        signal.position, SignalResult.REFUSED, remarks=_remarks(signal), of_case=(str(refusal),)
    )


def _as_before(signal: Signal, known: SignalRow, remarks: tuple[str, ...]) -> SignalReport:
    first = SignalResult(known.result)
    return SignalReport(signal.position, SignalResult.KNOWN, known.case_reference, remarks, first=first)


def _again(key: str, marks: MarksByKey) -> str:
    return f"{key}:{marks.present.content[:12]}"


def _where(known: SignalRow) -> Matched:
    return Matched(Match.JOIN, known.case_reference, known.process)


def _same_person(known: SignalRow, marks: MarksByKey) -> bool:
    return known.person_key is not None and known.person_key in marks.all("person")


def _changed(signal: Signal, known: SignalRow, marks: MarksByKey) -> tuple[str, ...]:
    """Return what a sender changed of a signal, by the names of DDAS; nothing when it says the same."""
    if known.content in marks.all("content"):
        return ()
    changes = {
        "bedrag": (known.arrears or "") not in (marks.all("arrears") or [""]),
        "signaaldatum": known.signal_date != signal.signal_date,
        "signaalpartner": (known.partner or "") not in (marks.all("partner") or [""]),
    }
    return tuple(name for name, other in changes.items() if other) or ("anders",)
