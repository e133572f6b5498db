"""The one way to change a case: load it, let the mijlpalen decide, write all of it in one transaction.

What has been committed here is safe: journal, snapshot, timers, outbox and event id stand or fall together.
The flow runs in Prefect follow from it.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from sqlalchemy import Engine, or_
from sqlmodel import Session, col, select

from adapters.database import (
    CaseRow,
    JournalRow,
    OpeningRow,
    OutboxRow,
    ProcessRow,
    TimerRow,
    reading,
    writing,
)
from adapters.faults import FaultPoint, reach
from adapters.forgetting import forget_when_due
from adapters.opening_data import checked_opening
from adapters.outgoing import write_events
from adapters.store import (
    UnknownCaseError,
    append_journal,
    ask_attention,
    load_case,
    lock_case,
    save_case,
    to_json,
)
from milestones.case import Case, Step, apply, process_for, start, traject_is_open
from milestones.definitions import definition_of
from milestones.policy import Rules
from milestones.process import Event, Message, NotPossible, RungDue

if TYPE_CHECKING:
    from adapters.clock import Clock

RulesFor = Callable[[str], Rules]

_OUTBOX_NAMESPACE = uuid.UUID("5e6c1c1e-6f0c-4c53-9d80-3d0a2a1c1d5b")
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford: nothing that looks like something else
_REFERENCE = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$")
_EVENT_ID_LENGTH = 200


class ConflictError(ValueError):
    """The same id came before with another content."""


@dataclass(frozen=True)
class Receipt:
    """What became of an input: the case after it, and whether it was news."""

    reference: str
    case: Case
    new: bool = True
    process: str = ""


class Casework:
    """Open cases, report events, and fire terms, for one case database."""

    def __init__(self, engine: Engine, clock: Clock, rules_for: RulesFor) -> None:
        self.engine = engine
        self.clock = clock
        self.rules_for = rules_for

    # --- opening ----------------------------------------------------------------------------------------------

    def open(
        self,
        code: str,
        *,
        municipality: str,
        reference: str | None = None,
        on: date | None = None,
        data: Mapping[str, object] | None = None,
        person_key: str | None = None,
        partner_key: str | None = None,
        key: str | None = None,
        event_id: str | None = None,
        then: tuple[Event, ...] = (),
        quiet: bool = False,
        session: Session | None = None,
    ) -> Receipt:
        """Open a mijlpaal, in a new case or in the one with this reference.

        `on` is the date that counts for the law, today by default. `then` are events that follow at once, in
        the same transaction. A repeat with the same `key` changes nothing; `event_id` only names the opening
        in the journal, for a caller who knows repeats himself. `quiet` tells nobody: for history of another
        system. With `session` it becomes part of a transaction of the caller. Raises NotPossible, InvalidData
        or ConflictError; then nothing was written.
        """
        day = on or self.clock.today()
        if reference is not None:
            check_reference(reference)
        with self._within(session) as session:  # noqa: PLR1704
            data = checked_opening(code, data or {})
            fingerprint = _fingerprint(code, reference, on, data)
            if key is not None and (known := session.get(OpeningRow, key)):
                if known.fingerprint != fingerprint:
                    raise ConflictError("Dit id is al gebruikt om een andere zaak te openen.")
                return Receipt(known.case_reference, load_case(session, known.case_reference)[0], new=False)
            existing = session.get(CaseRow, reference, with_for_update=True) if reference else None
            # One moment for deciding and for the journal: at midnight two looks could give two dates.
            at = self.clock.now()
            if existing is not None and municipality not in (existing.municipality, "0000"):
                raise NotPossible(f"Zaak '{reference}' hoort bij een andere gemeente.")
            case_row = existing or CaseRow(
                reference=reference or self._new_reference(session),
                municipality=municipality,
                person_key=person_key,
                partner_key=partner_key,
                opened_at=at,
            )
            rules, today = self.rules_for(case_row.municipality), at.date()
            case, rows = load_case(session, case_row.reference) if existing else (Case(), {})
            after, steps = start(case, code, day, today, rules, data)
            process = steps[0].process
            inputs = [(case, after, steps, event_id or key)]
            for event in then:
                before = after
                after, steps = apply(before, process, event, today, rules)
                inputs.append((before, after, steps, f"{event_id or key or process}:{event.name}"))
            # Only now, when nothing can be refused any more, is anything written.
            session.add(case_row)
            session.flush()
            if key is not None:
                session.add(
                    OpeningRow(
                        key=key,
                        fingerprint=fingerprint,
                        case_reference=case_row.reference,
                        accepted_at=at,
                    )
                )
            for before, result, steps, id_ in inputs:
                self._write(session, case_row, before, result, rows, steps, rules, at, id_, quiet=quiet)
            receipt = Receipt(case_row.reference, after, process=process)
        reach(FaultPoint.AFTER_COMMIT, receipt.reference)
        return receipt

    def _new_reference(self, session: Session) -> str:
        """Make a reference that says nothing about a person and is easy to read out."""
        while True:
            code = "".join(secrets.choice(_ALPHABET) for _ in range(7))
            reference = f"FZ-{self.clock.today().year}-{code}"
            if session.get(CaseRow, reference) is None:
                return reference

    # --- events -----------------------------------------------------------------------------------------------

    def report(
        self,
        reference: str,
        event: str,
        *,
        process: str | None = None,
        on: date | None = None,
        data: Mapping[str, object] | None = None,
        event_id: str | None = None,
        only_in: str | None = None,
        quiet: bool = False,
        session: Session | None = None,
    ) -> Receipt:
        """Report an event. The same id twice is one transition; the same id with other content is a conflict.

        `only_in` is the state in which a question was asked; once the process left it, the answer is NotPossible.
        `quiet` and `session` are those of `open`. Raises UnknownCaseError, NotPossible, InvalidData or
        ConflictError; then nothing was written.
        """
        given = Event(event, on or self.clock.today(), dict(data or {}))
        if event_id is not None and len(event_id) > _EVENT_ID_LENGTH:
            raise NotPossible(f"Het id is langer dan {_EVENT_ID_LENGTH} tekens.")
        with self._within(session) as session:  # noqa: PLR1704
            case_row = lock_case(session, reference)
            case, rows = load_case(session, reference)
            if event_id is not None and (repeat := _known(session, reference, event_id)):
                _same_content(repeat, process, event, given.on if on else None, given.data)
                return Receipt(reference, case, new=False, process=repeat.process)
            at = self.clock.now()
            rules = self.rules_for(case_row.municipality)
            name = process or process_for(case, event)
            if only_in is not None and case.process(name).state != only_in:
                raise NotPossible(f"{name} staat niet meer op {only_in}.")
            after, steps = apply(case, name, given, at.date(), rules)
            id_ = event_id or str(uuid.uuid4())
            self._write(session, case_row, case, after, rows, steps, rules, at, id_, quiet=quiet)
        reach(FaultPoint.AFTER_COMMIT, reference)
        return Receipt(reference, after, process=next(step.process for step in steps if not step.derived))

    # --- terms ------------------------------------------------------------------------------------------------

    def fire_due(self, reference: str) -> int:
        """Fire every rung of a case that is due, in order, each once; give how many fired."""
        fired = 0
        with writing(self.engine) as session:
            case_row = lock_case(session, reference)
            case, rows = load_case(session, reference)
            at = self.clock.now()
            today = at.date()
            rules = self.rules_for(case_row.municipality)
            while True:
                due = [
                    (rung.on, index, term.key, rung.name)
                    for index, process in enumerate(case.processes)
                    for term, rung in process.pending(today)
                ]
                if not due:
                    return fired
                on, index, key, rung = min(due)
                name = case.processes[index].name
                after, steps = apply(case, name, RungDue(key, rung), today, rules)
                id_ = _rung_id(session, reference, f"{name}:{key}:{rung}:{on}")
                marked = _marked(steps, on, today)
                rows = self._write(session, case_row, case, after, rows, marked, rules, at, id_)
                forget_when_due(session, case_row, after, marked)
                case = after
                fired += 1

    def cases_with_due_terms(self, limit: int = 100) -> list[str]:
        """Give cases that have a rung due today or before, the oldest first: one range of one index."""
        query = (
            select(ProcessRow.case_reference)
            .join(TimerRow, col(TimerRow.process_id) == col(ProcessRow.id))
            .where(col(TimerRow.next_on) <= self.clock.today())
            .order_by(col(TimerRow.next_on))
            .limit(limit)
        )
        with reading(self.engine) as session:
            return list(dict.fromkeys(session.exec(query)))

    # --- writing ----------------------------------------------------------------------------------------------

    @contextmanager
    def _within(self, session: Session | None) -> Iterator[Session]:
        """Give the transaction of the caller, or one of our own that is committed at the end."""
        if session is not None:
            yield session
            return
        with writing(self.engine) as own:
            yield own

    def _write(
        self,
        session: Session,
        case_row: CaseRow,
        before: Case,
        after: Case,
        rows: dict[str, ProcessRow],
        steps: tuple[Step, ...],
        rules: Rules,
        at: datetime,
        event_id: str | None,
        *,
        quiet: bool = False,
    ) -> dict[str, ProcessRow]:
        """Write one input with all its steps: journal, snapshots, timers, outbox, events for other systems."""
        if _starts_traject(before, after):
            self._refuse_second_traject(session, case_row)
        rows = save_case(session, case_row, before, after, rows)
        journal = append_journal(session, case_row, steps, at, rules.policy.name, event_id)
        if quiet:
            session.flush()
            return rows
        write_events(session, case_row, before, after, steps, journal[0].number, at)
        for step, row in zip(steps, journal, strict=True):
            for index, message in enumerate((*step.messages, *_offered_again(step, after, rules))):
                process = rows[message.process]
                ask_attention(process)
                session.add(
                    OutboxRow(
                        id=str(uuid.uuid5(_OUTBOX_NAMESPACE, f"{case_row.reference}/{row.number}/{index}")),
                        process_id=process.id or 0,
                        case_reference=case_row.reference,
                        municipality=case_row.municipality,
                        process=message.process,
                        role=message.role,
                        kind=message.kind,
                        subject=message.subject,
                        term=message.term,
                        due=message.due,
                        rung=step.rung,
                        planned_on=step.on if step.rung else None,
                        created_at=at,
                    )
                )
        session.flush()
        reach(FaultPoint.BEFORE_COMMIT, case_row.reference)
        return rows

    def _refuse_second_traject(self, session: Session, case_row: CaseRow) -> None:
        """Refuse a traject for somebody who has one that is open (DDAS: at most one at a time)."""
        keys = [key for key in (case_row.person_key, case_row.partner_key) if key is not None]
        if not keys:
            return
        others = session.exec(
            select(CaseRow.reference)
            .join(ProcessRow, col(ProcessRow.case_reference) == col(CaseRow.reference))
            .where(
                or_(col(CaseRow.person_key).in_(keys), col(CaseRow.partner_key).in_(keys)),
                col(CaseRow.reference) != case_row.reference,
                col(CaseRow.municipality) == case_row.municipality,
                col(ProcessRow.closed).is_(False),
            )
            .distinct()
        ).all()
        for other in others:
            if traject_is_open(load_case(session, other)[0]):
                raise NotPossible(
                    f"Deze inwoner heeft al een lopend traject: {other} (DDAS: één traject tegelijk)."
                )

    # --- reading ----------------------------------------------------------------------------------------------

    def case_in(self, session: Session, reference: str) -> Case:
        """Give a case as it stands within a transaction of the caller."""
        return load_case(session, reference)[0]

    def case(self, reference: str) -> CaseView:
        """Give a case as it stands with its journal; an unknown reference is an UnknownCaseError."""
        with reading(self.engine) as session:
            row = session.get(CaseRow, reference)
            if row is None:
                raise UnknownCaseError(reference)
            case, processes = load_case(session, reference)
            journal = session.exec(
                select(JournalRow)
                .where(JournalRow.case_reference == reference)
                .order_by(col(JournalRow.number))
            ).all()
            return CaseView(reference, row.municipality, case, tuple(journal), processes)


@dataclass(frozen=True)
class CaseView:
    """A case as it stands, for showing."""

    reference: str
    municipality: str
    case: Case
    journal: tuple[JournalRow, ...]
    rows: Mapping[str, ProcessRow]

    @cached_property
    def is_closed(self) -> bool:
        """Whether every process has ended."""
        return all(row.closed for row in self.rows.values())


def _starts_traject(before: Case, after: Case) -> bool:
    """Whether a case without an open traject has one now."""
    return traject_is_open(after) and not traject_is_open(before)


def check_reference(reference: str) -> None:
    """Refuse a case reference that cannot be one, or that could be a BSN (NotPossible)."""
    if not _REFERENCE.match(reference):
        raise NotPossible(
            "Een zaakreferentie bestaat uit letters, cijfers, punten en streepjes (ten hoogste 60)."
        )
    digits = re.sub(r"\D", "", reference)
    if len(digits) in (8, 9) and not re.search(r"[A-Za-z]", reference):
        raise NotPossible(
            "Deze zaakreferentie lijkt op een BSN; gebruik een nummer dat geen persoon aanwijst."
        )


def _marked(steps: tuple[Step, ...], due: date, today: date) -> tuple[Step, ...]:
    """Say with a rung that fires after its day which day it was due, and how many days late it is."""
    if today <= due:
        return steps
    late = {"moest_op": due, "dagen_te_laat": (today - due).days}
    return tuple(replace(step, data=late) if step.rung else step for step in steps)


def _rung_id(session: Session, reference: str, usual: str) -> str:
    """Give the id of a rung; a warning that is given again on the same day has a number behind it.

    A suspension of no days at all gives the warnings of that day anew. With the same id the second one could
    never be written, and the case would keep its other terms waiting.
    """
    number, id_ = 1, usual
    while _known(session, reference, id_) is not None:
        number += 1
        id_ = f"{usual}#{number}"
    return id_


def _known(session: Session, reference: str, event_id: str) -> JournalRow | None:
    return session.exec(
        select(JournalRow).where(JournalRow.case_reference == reference, JournalRow.event_id == event_id)
    ).first()


def _same_content(
    row: JournalRow, process: str | None, event: str, on: date | None, data: Mapping[str, object]
) -> None:
    """Refuse a repeated id that comes with another content."""
    same = (
        row.event == event
        and (process is None or row.process == process or row.process.startswith(f"{process}#"))
        and (on is None or row.on == on)
        and _comparable(row.data) == _comparable(to_json(data))
    )
    if not same:
        raise ConflictError("Dit id is al gebruikt voor een andere gebeurtenis.")


def _comparable(data: Mapping[str, object]) -> dict[str, object]:
    """Give data with dates as text, so that what was sent and what was kept can be compared."""
    return {
        name: value["datum"] if isinstance(value, dict) and set(value) == {"datum"} else value
        for name, value in data.items()
        if value is not None and value != ""
    }


def _offered_again(step: Step, case: Case, rules: Rules) -> tuple[Message, ...]:
    """Give the message to the receiver of a hand-off that is offered anew; its row tells only fixed roles."""
    if step.event != "overdracht_aangeboden":
        return ()
    definition = definition_of(case.process(step.process))
    return (Message(rules.policy.role(definition.first_state.role), "overdracht", step.process),)


def _fingerprint(code: str, reference: str | None, on: date | None, data: Mapping[str, object]) -> str:
    """Give a hash over what an opening says, to tell a repeat from another opening with the same key."""
    content = [code, reference, on.isoformat() if on else None, to_json(data)]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
