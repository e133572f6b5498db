"""Take over the vroegsignaalzaken of a municipality that moves in, as events with their own dates.

History tells nobody: the messages of closed zaken were sent long ago by another system. A zaak that still
runs does ask for attention, and so does a hand-over to M3. Of a zaak of which something cannot be read, a person
decides how it ended: it stays open, and the postbak says which field it was.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from sqlalchemy import update
from sqlmodel import Session, col, select

from adapters.exchange.ddas import read_signals
from adapters.exchange.ddas_history import HistoricCase, read_history
from adapters.exchange.ddas_signal import Signal
from adapters.exchange.matching import Match, Matcher, marks_of
from adapters.exchange.signal_record import (
    RESULTS,
    SignalReport,
    SignalResult,
    known_signal,
    note_signal,
    opening_key,
    under_kept_names,
)
from adapters.exchange.signal_status import CLOSING_REASONS
from adapters.exchange.signals import half_way_said, hold_import_lock, make_import_lock, take_in_all
from adapters.runtime.persons import keyed_hash
from adapters.storage.database import ProcessRow, writing
from adapters.storage.exchange_tables import PostbakRow
from milestones.counting import is_or_are, so_many
from milestones.event_fields import OTHER_RESULTS
from milestones.refusal import CaseRefusal
from milestones.vocabulary import FOLLOW_UP

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date
    from pathlib import Path

    from adapters.cases.case_office import CaseOffice
    from adapters.exchange.ddas import Delivery
    from adapters.exchange.ddas_signal import BadSignal

_BATCH = 25

# The event that stands for a result, and whether the resident must have been reached for it.
_BEFORE_MATCHING = {status: event for status, event in CLOSING_REASONS.items() if status not in OTHER_RESULTS}
_AFTER_CONTACT = {
    "Inwoner hoeft geen hulp vanuit vroegsignalering": "hulp_geweigerd",
    "(Budget)advies en/of quick fix": "quick_fix",
    "Vervolghulp en/of verwijzing financieel": "hulp_aanvaard",
}
_KIND = "ddas.vroegsignaalzaak"
_NO_CONTACT = "Definitief geen contact kunnen krijgen"
_CLOSING = frozenset((*_BEFORE_MATCHING, *_AFTER_CONTACT, *OTHER_RESULTS, _NO_CONTACT))


def take_over(path: Path, delivery: Delivery, office: CaseOffice) -> Iterator[SignalReport]:
    """Take over the zaken of a delivery, the oldest first, and then the signals that have no zaak yet."""
    today = office.clock.today()
    cases = list(read_history(path, delivery))
    place = {
        (case.municipality_code, id_): index for index, case in enumerate(cases) for id_ in case.signal_ids
    }
    _keep_lost(office, delivery, sum(not case.signal_ids for case in cases))
    signals: dict[int, list[Signal]] = {}
    for record in read_signals(path, today=today, delivery=delivery):
        if isinstance(record, Signal):
            index = place.get((record.municipality_code, record.signal_id))
            if index is not None:
                signals.setdefault(index, []).append(record)
    for members in signals.values():
        members.sort(key=lambda signal: signal.signal_date)
    ordered = iter(sorted(signals, key=lambda index: signals[index][0].signal_date))
    taken: set[int] = set()
    make_import_lock(office)
    while batch := list(islice(ordered, _BATCH)):
        reports: list[SignalReport] = []
        with half_way_said(len(taken)), writing(office.engine) as session:
            hold_import_lock(session)
            for index in batch:
                reports.extend(_TakeOver(session, office, cases[index], signals[index]).reports())
        taken.update(report.position for report in reports)
        yield from reports

    def others() -> Iterator[Signal | BadSignal]:
        for record in read_signals(path, today=today, delivery=delivery):
            if record.position not in taken:
                yield record

    yield from take_in_all(others(), office, len(taken))


def _keep_lost(office: CaseOffice, delivery: Delivery, count: int) -> None:
    """Put it before a person that zaken of a delivery do not say which signals they are about."""
    if count:
        reason = (
            f"{so_many(count, 'vroegsignaalzaak')} in een levering {is_or_are(count, 'noemt', 'noemen')} geen signalen "
            f"en {is_or_are(count)} niet overgenomen."
        )
        with writing(office.engine) as session:
            codes = {part.municipality_code for part in delivery.parts}
            _to_person(session, office, codes.pop() if len(codes) == 1 else None, reason, None)


def _to_person(
    session: Session, office: CaseOffice, municipality: str | None, reason: str, reference: str | None
) -> None:
    """Let a reason wait in the postbak, once."""
    mark = keyed_hash(office.settings.integration_secret(), _KIND, str(reference), reason)
    if session.exec(select(PostbakRow.id).where(PostbakRow.message_hash == mark)).first() is None:
        session.add(
            PostbakRow(
                municipality=municipality,
                message_hash=mark,
                kind=_KIND,
                source="DDAS",
                subject=reference,
                reason=reason[:200],
                candidates=[reference] if reference else [],
                received_at=office.clock.now(),
            )
        )


class _TakeOver:
    """Takes over one zaak with its signals, within one transaction."""

    def __init__(
        self, session: Session, office: CaseOffice, case: HistoricCase, signals: list[Signal]
    ) -> None:
        self._session = session
        self._office = office
        self._case = case
        secret, old = office.settings.person_secret(), office.settings.old_person_secrets()
        self._signals = under_kept_names(session, signals, (secret, *old))
        self._first = self._signals[0]
        self._remarks: list[str] = []
        self._number = 0
        self._quiet = case.result in _CLOSING and not case.unread
        self._marks = {signal.position: marks_of(signal, office.settings) for signal in self._signals}
        self._matcher = Matcher(session, office.settings.repeat_months)

    def reports(self) -> list[SignalReport]:
        """Take the zaak over; nothing when it is here already, or when its person has one that runs."""
        if any(known_signal(self._session, signal) for signal in self._signals):
            return []  # the ordinary intake says what is known and adds what is new
        (matched,) = self._matcher.match([(self._first, self._marks[self._first.position])])
        if matched.match is Match.JOIN:
            return []
        try:
            with self._session.begin_nested():
                reference = self._open()
                self._follow(reference)
        except CaseRefusal as refusal:
            return [
                SignalReport(signal.position, SignalResult.REFUSED, of_case=(str(refusal),))
                for signal in self._signals
            ]
        result = SignalResult.OPENED
        return [
            SignalReport(
                signal.position,
                result if signal is self._first else SignalResult.JOINED,
                reference,
                (*signal.warnings, *self._remarks) if signal is self._first else signal.warnings,
                first=result if signal is self._first else SignalResult.JOINED,
            )
            for signal in self._signals
        ]

    def _open(self) -> str:
        receipt = self._office.casework.open(
            "M2",
            municipality=self._first.municipality_code,
            on=self._first.signal_date,
            person_key=self._marks[self._first.position].present.person,
            event_id=opening_key(self._first),
            quiet=self._quiet,
            session=self._session,
        )
        for signal in self._signals:
            match = Match.NEW if signal is self._first else Match.JOIN
            if match is Match.JOIN:
                self._report(receipt.reference, "signaal_toegevoegd", signal.signal_date)
            if signal.crisis and self._case.result is None:
                self._report(receipt.reference, "crisissignaal", signal.signal_date)
            marks = self._marks[signal.position]
            note_signal(self._session, self._office, signal, marks, RESULTS[match], receipt.reference, "M2")
        return receipt.reference

    def _follow(self, reference: str) -> None:
        """Report what happened in the zaak, in the order of the dates."""
        case, result = self._case, self._case.result
        oldest = self._first.signal_date
        if result in _BEFORE_MATCHING and not case.attempts and not case.unread:
            self._report(reference, _BEFORE_MATCHING[result], case.matched_on or oldest)
            self._rest(reference)
            return
        if case.matched_on is not None:
            data: dict[str, object] = {"signaaldatum": oldest, "matchingsdatum": case.matched_on}
            self._report(reference, "gematcht", case.matched_on, data)
        dates = [attempt.on for attempt in case.attempts]
        started = case.picked_up_on or (dates[0] if dates else None)
        if started is not None:
            self._report(reference, "toegewezen", started)
        reached = False
        for attempt in case.attempts:
            if reached:
                self._remark("Een contactpoging na het eerste contact is niet overgenomen.")
                continue
            data = {"soort": attempt.kind, "dagdeel": attempt.day_part, "bereikt": attempt.reached}
            self._report(reference, "contactpoging_gedaan", attempt.on, data)
            reached = attempt.reached
        if case.unread:
            reason = f"In de historie van deze zaak is niet te lezen: {', '.join(case.unread)}."
            self._remark(f"{reason} Een mens beslist hoe het verder gaat.")
            _to_person(self._session, self._office, self._first.municipality_code, reason, reference)
        elif result is not None:
            last = max(dates, default=started or case.matched_on or oldest)
            self._close(reference, result, last, reached=reached)
            self._rest(reference)

    def _close(self, reference: str, result: str, on: date, *, reached: bool) -> None:
        if result in _AFTER_CONTACT:
            if not reached:
                self._report(reference, "bereikt", on)
            event = _AFTER_CONTACT[result]
            self._report(reference, event, on, quiet=event != "hulp_aanvaard")
        elif result == _NO_CONTACT:
            process = self._office.casework.case_in(self._session, reference).process("M2")
            term = process.running(FOLLOW_UP)
            over = term.due if term is not None and term.due is not None else on
            self._report(reference, "T10_verlopen", min(max(on, over), self._office.clock.today()))
        elif result in OTHER_RESULTS:
            self._report(reference, "afgesloten_met_resultaat", on, {"eindresultaat": result})
        elif result in _BEFORE_MATCHING:
            self._remark("Het resultaat past niet bij de contactpogingen; sluit de zaak met de hand.")
        else:
            self._remark("Het resultaat is geen waarde van DDAS; sluit de zaak met de hand.")

    def _report(
        self,
        reference: str,
        event: str,
        on: date,
        data: Mapping[str, object] | None = None,
        *,
        quiet: bool = True,
    ) -> None:
        """Report one event; what does not fit is a remark, so that the rest is still taken over."""
        self._number += 1
        given = {name: value for name, value in (data or {}).items() if value is not None}
        try:
            self._office.casework.report(
                reference,
                event,
                process="M2",
                on=max(on, self._first.signal_date),
                data=given,
                event_id=f"{opening_key(self._first)}:historie:{self._number}",
                quiet=quiet and self._quiet,
                session=self._session,
            )
        except CaseRefusal as refusal:
            self._remark(f"'{event}' is niet overgenomen: {refusal}")

    def _remark(self, sentence: str) -> None:
        if sentence not in self._remarks:
            self._remarks.append(sentence)

    def _rest(self, reference: str) -> None:
        """Keep closed history out of the Prefect UI: nobody has to do anything with it."""
        self._session.execute(
            update(ProcessRow)
            .where(col(ProcessRow.case_reference) == reference, col(ProcessRow.closed).is_(True))
            .values(attention=False, finished=True)
        )
