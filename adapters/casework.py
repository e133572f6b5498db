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
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, or_
from sqlmodel import Session, SQLModel, col, select

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
from adapters.operations.counters import OPENED, tell_refused, tell_when_committed
from adapters.operations.releases import of_this_release
from adapters.outgoing import events_of, write_events
from adapters.store import (
    CaseRows,
    UnknownCaseError,
    ask_attention,
    journal_of,
    load_case,
    lock_case,
    save_cases,
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A mijlpaal to open in a new case of its own, one of many; see `Casework.open`."""

    code: str
    municipality: str
    on: date
    event_id: str
    person_key: str | None = None
    then: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class _Input:
    """One input of a case, decided: the case before and after it, and the steps between."""

    before: Case
    after: Case
    steps: tuple[Step, ...]
    event_id: str | None


@dataclass(frozen=True, slots=True)
class _Change:
    """All that one transaction writes of one case. `also` are rows that point at the case."""

    case_row: CaseRow
    rows: CaseRows
    inputs: tuple[_Input, ...]
    rules: Rules
    at: datetime
    quiet: bool = False
    also: tuple[SQLModel, ...] = ()

    @property
    def after(self) -> Case:
        """The case after the last input."""
        return self.inputs[-1].after

    @property
    def process(self) -> str:
        """The process that the first input is about."""
        return self.inputs[0].steps[0].process


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
        with _refusals_told(OPENED), self._within(session) as session:  # noqa: PLR1704
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
                reference=reference or self._new_references(session, 1)[0],
                municipality=municipality,
                person_key=person_key,
                partner_key=partner_key,
                opened_at=at,
            )
            case, rows = load_case(session, case_row.reference) if existing else (Case(), CaseRows())
            opening = OpeningRow(
                key=key or "", fingerprint=fingerprint, case_reference=case_row.reference, accepted_at=at
            )
            change = self._start(
                case_row,
                rows,
                case,
                Opening(
                    code=code,
                    municipality=municipality,
                    on=day,
                    event_id=event_id or key or "",
                    person_key=person_key,
                    then=then,
                ),
                data,
                at,
            )
            change = replace(change, quiet=quiet, also=(opening,) if key is not None else ())
            # Only now, when nothing can be refused any more but a second traject, is anything written.
            self._write_all(session, [change])
            receipt = Receipt(case_row.reference, change.after, process=change.process)
        reach(FaultPoint.AFTER_COMMIT, receipt.reference)
        return receipt

    def open_all(self, openings: Sequence[Opening], session: Session) -> list[Receipt | NotPossible]:
        """Open many mijlpalen, each in a new case, with a few statements; give for each a receipt or a refusal.

        It becomes part of a transaction of the caller, who knows repeats himself.
        """
        at = self.clock.now()
        made: list[_Change | NotPossible] = []
        for opening, reference in zip(openings, self._new_references(session, len(openings)), strict=True):
            case_row = CaseRow(
                reference=reference,
                municipality=opening.municipality,
                person_key=opening.person_key,
                opened_at=at,
            )
            try:
                data = checked_opening(opening.code, {})
                made.append(self._start(case_row, CaseRows(), Case(), opening, data, at))
            except NotPossible as refusal:
                tell_refused(OPENED)
                made.append(refusal)
        self._write_all(session, [item for item in made if isinstance(item, _Change)])
        return [
            item
            if isinstance(item, NotPossible)
            else Receipt(item.case_row.reference, item.after, process=item.process)
            for item in made
        ]

    def _start(
        self,
        case_row: CaseRow,
        rows: CaseRows,
        case: Case,
        opening: Opening,
        data: Mapping[str, object],
        at: datetime,
    ) -> _Change:
        """Decide an opening and the events that follow at once; writes nothing."""
        rules, today = self.rules_for(case_row.municipality), at.date()
        after, steps = start(case, opening.code, opening.on, today, rules, data)
        process, id_ = steps[0].process, opening.event_id or None
        inputs = [_Input(case, after, steps, id_)]
        for event in opening.then:
            before = after
            after, steps = apply(before, process, event, today, rules)
            inputs.append(_Input(before, after, steps, f"{id_ or process}:{event.name}"))
        return _Change(case_row, rows, tuple(inputs), rules, at)

    def _new_references(self, session: Session, count: int) -> list[str]:
        """Make references that say nothing about a person and are easy to read out."""
        year, found = self.clock.today().year, dict[str, None]()
        while len(found) < count:
            fresh = [
                f"FZ-{year}-" + "".join(secrets.choice(_ALPHABET) for _ in range(7))
                for _ in range(count - len(found))
            ]
            taken = set(session.exec(select(CaseRow.reference).where(col(CaseRow.reference).in_(fresh))))
            found |= dict.fromkeys(reference for reference in fresh if reference not in taken)
        return list(found)

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
        with _refusals_told(event, reference), self._within(session) as session:  # noqa: PLR1704
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

    def is_due(self, reference: str) -> bool:
        """Whether a case has a rung that is due today or before, without a lock."""
        query = (
            select(TimerRow.id)
            .join(ProcessRow, col(TimerRow.process_id) == col(ProcessRow.id))
            .where(ProcessRow.case_reference == reference, col(TimerRow.next_on) <= self.clock.today())
            .limit(1)
        )
        with reading(self.engine) as session:
            return session.exec(query).first() is not None

    def cases_with_due_terms(self, limit: int = 100) -> list[str]:
        """Give cases that have a rung due today or before, the oldest first: one range of one index."""
        query = (
            select(ProcessRow.case_reference)
            .join(TimerRow, col(TimerRow.process_id) == col(ProcessRow.id))
            .where(col(TimerRow.next_on) <= self.clock.today(), of_this_release())
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
        rows: CaseRows,
        steps: tuple[Step, ...],
        rules: Rules,
        at: datetime,
        event_id: str | None,
        *,
        quiet: bool = False,
    ) -> CaseRows:
        """Write one input with all its steps; give the rows of the case."""
        given = _Input(before, after, steps, event_id)
        self._write_all(session, [_Change(case_row, rows, (given,), rules, at, quiet)])
        return rows

    def _write_all(self, session: Session, changes: Sequence[_Change]) -> None:
        """Write cases with all their inputs: journal, snapshots, timers, outbox, events for other systems.

        However many cases there are, it takes about one statement for each table.
        """
        for change in changes:
            if any(_starts_traject(given.before, given.after) for given in change.inputs):
                self._refuse_second_traject(session, change.case_row)
        # The journal comes first, because a case row holds the last hash of its chain.
        journals = [[_journal(change, given) for given in change.inputs] for change in changes]
        with session.no_autoflush:
            new = [change.case_row for change in changes if change.case_row not in session]
            if new:
                session.add_all(new)
                session.flush()  # the other rows point at it
            save_cases(
                session,
                [(change.case_row, change.inputs[0].before, change.after, change.rows) for change in changes],
            )
        events: list[dict[str, Any]] = []
        for change, journal in zip(changes, journals, strict=True):
            session.add_all(change.also)
            for given, lines in zip(change.inputs, journal, strict=True):
                session.add_all(lines)
                tell_when_committed(session, change.case_row.reference, given.steps, given.event_id)
                if change.quiet:
                    continue
                events += events_of(
                    change.case_row, given.before, given.after, given.steps, lines[0].number, change.at
                )
                session.add_all(_effects(change, given, lines))
        write_events(session, events)
        session.flush()
        for change in changes:
            reach(FaultPoint.BEFORE_COMMIT, change.case_row.reference)

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


def _journal(change: _Change, given: _Input) -> list[JournalRow]:
    return journal_of(change.case_row, given.steps, change.at, change.rules.policy.name, given.event_id)


def _effects(change: _Change, given: _Input, lines: Sequence[JournalRow]) -> Iterator[OutboxRow]:
    """Give the messages that an input asks for; the process of each is to be woken."""
    case_row, old = change.case_row, {process.name: process for process in change.inputs[0].before.processes}
    for step, line in zip(given.steps, lines, strict=True):
        for index, message in enumerate((*step.messages, *_offered_again(step, given.after, change.rules))):
            process = change.rows[message.process]
            if change.after.process(message.process) is old.get(message.process):
                ask_attention(process)  # one that changed asks already
            yield OutboxRow(
                id=str(uuid.uuid5(_OUTBOX_NAMESPACE, f"{case_row.reference}/{line.number}/{index}")),
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
                created_at=change.at,
            )


@contextmanager
def _refusals_told(reported: str, reference: str | None = None) -> Iterator[None]:
    """Log and count a refusal that passes. An unknown case is no NotPossible, so the reference is a real one."""
    try:
        yield
    except (NotPossible, ConflictError):
        tell_refused(reported, reference)
        raise


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
