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
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from adapters.cases.case_writing import Change, Input, write_changes
from adapters.cases.opening_data import checked_opening
from adapters.cases.store import (
    KeptProcess,
    UnknownCaseError,
    load_case,
    load_for_event,
    load_kept,
    lock_case,
    lock_cases,
)
from adapters.runtime.actor import ActorKind, acting
from adapters.runtime.checkpoints import Checkpoint, reach
from adapters.runtime.counters import OPENED, tell_refused
from adapters.runtime.plain_values import to_json
from adapters.storage.database import (
    CaseRow,
    JournalRow,
    OpeningRow,
    ProcessRow,
    TimerRow,
    reading,
    writing,
)
from milestones.case import Case, Step, apply, process_for, start
from milestones.definitions import definition_of, known_versions
from milestones.policy import Rules
from milestones.process import Event, NotPossible, RungDue
from milestones.refusal import Refusal

if TYPE_CHECKING:
    from adapters.runtime.clock import Clock
    from milestones.snapshot import Snapshot

RulesFor = Callable[[str], Rules]
AfterSteps = Callable[[Session, CaseRow, Case, Sequence[Step]], None]

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford: nothing that looks like something else
_REFERENCE = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$")
_OWN_FORM = re.compile(rf"FZ-[0-9]{{4}}-[{_ALPHABET}]{{7}}")
_EVENT_ID_LENGTH = 200
_READER = "beoordelaar"
_LOOKED_AT = 5  # due rungs for each case that is asked for: some are of one case, or of a newer release


def nothing_more(session: Session, case_row: CaseRow, case: Case, steps: Sequence[Step]) -> None:
    """Do nothing after the steps of a term."""


class ConflictError(Refusal, ValueError):
    """The same id came before with another content."""


@dataclass(frozen=True)
class Receipt:
    """What became of an input: the case after it, and whether it was news."""

    reference: str
    municipality: str
    case: Case
    new: bool = True
    process: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningRequest:
    """A mijlpaal to open in a new case of its own, one of many; see `Casework.open`."""

    code: str
    municipality: str
    on: date
    event_id: str
    person_key: str | None = None
    then: tuple[Event, ...] = ()
    data: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """An event in a case that is there, one of many; see `Casework.report`."""

    reference: str
    process: str
    event: Event
    event_id: str


class Casework:
    """Open cases, report events, and fire terms, for one case database.

    `after_steps` is called in the transaction of each term that fired, with the case after it and its steps.
    """

    def __init__(
        self, engine: Engine, clock: Clock, rules_for: RulesFor, after_steps: AfterSteps = nothing_more
    ) -> None:
        self.engine = engine
        self.clock = clock
        self.rules_for = rules_for
        self._after_steps = after_steps

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
                row = session.get_one(CaseRow, known.case_reference)
                case, _ = load_case(session, row.reference)
                return Receipt(row.reference, row.municipality, case, new=False)
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
            case, kept = load_case(session, case_row.reference) if existing else (Case(), {})
            opening = OpeningRow(
                key=key or "", fingerprint=fingerprint, case_reference=case_row.reference, accepted_at=at
            )
            change = self._start(
                case_row,
                kept,
                case,
                OpeningRequest(
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
            write_changes(session, [change])
            receipt = Receipt(case_row.reference, case_row.municipality, change.after, process=change.process)
        reach(Checkpoint.AFTER_COMMIT, receipt.reference)
        return receipt

    def open_all(self, openings: Sequence[OpeningRequest], session: Session) -> list[Receipt | NotPossible]:
        """Open many mijlpalen, each in a new case, with a few statements; give for each a receipt or a refusal.

        It becomes part of a transaction of the caller, who knows repeats himself.
        """
        at = self.clock.now()
        made: list[Change | NotPossible] = []
        for opening, reference in zip(openings, self._new_references(session, len(openings)), strict=True):
            case_row = CaseRow(
                reference=reference,
                municipality=opening.municipality,
                person_key=opening.person_key,
                opened_at=at,
            )
            try:
                data = checked_opening(opening.code, opening.data)
                made.append(self._start(case_row, {}, Case(), opening, data, at))
            except NotPossible as refusal:
                tell_refused(OPENED)
                made.append(refusal)
        write_changes(session, [item for item in made if isinstance(item, Change)])
        return [
            item
            if isinstance(item, NotPossible)
            else Receipt(
                item.case_row.reference, item.case_row.municipality, item.after, process=item.process
            )
            for item in made
        ]

    def _start(
        self,
        case_row: CaseRow,
        kept: dict[str, KeptProcess],
        case: Case,
        opening: OpeningRequest,
        data: Mapping[str, object],
        at: datetime,
    ) -> Change:
        """Decide an opening and the events that follow at once; writes nothing."""
        rules, today = self.rules_for(case_row.municipality), at.date()
        after, steps = start(case, opening.code, opening.on, today, rules, data)
        process, id_ = steps[0].process, opening.event_id or None
        inputs = [Input(case, after, steps, id_)]
        for event in opening.then:
            before = after
            after, steps = apply(before, process, event, today, rules)
            inputs.append(Input(before, after, steps, f"{id_ or process}:{event.name}"))
        return Change(case_row, kept, tuple(inputs), rules, at)

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
        sees: Callable[[str], bool] | None = None,
        session: Session | None = None,
    ) -> Receipt:
        """Report an event. The same id twice is one transition; the same id with other content is a conflict.

        `only_in` is the state in which a question was asked; once the process left it, the answer is NotPossible.
        A case of a gemeente that is not among what `sees` allows is an unknown one, before anything of it is read.
        `quiet` and `session` are those of `open`. Raises UnknownCaseError, NotPossible, InvalidData or
        ConflictError; then nothing was written.
        """
        given = Event(event, on or self.clock.today(), dict(data or {}))
        if event_id is not None and len(event_id) > _EVENT_ID_LENGTH:
            raise NotPossible(f"Het id is langer dan {_EVENT_ID_LENGTH} tekens.")
        with _refusals_told(event, reference), self._within(session) as session:  # noqa: PLR1704
            case_row, id_ = lock_case(session, reference), event_id or str(uuid.uuid4())
            if sees is not None and not sees(case_row.municipality):
                raise UnknownCaseError(reference)
            case, kept, known = load_for_event(session, reference, id_)
            if known:
                repeat = _known(session, reference, id_)
                _same_content(repeat, process, event, given.on if on else None, given.data)
                return Receipt(reference, case_row.municipality, case, new=False, process=repeat.process)
            at = self.clock.now()
            rules = self.rules_for(case_row.municipality)
            name = process or process_for(case, event)
            if only_in is not None and case.process(name).state != only_in:
                raise NotPossible(f"{name} staat niet meer op {only_in}.")
            after, steps = apply(case, name, _signed(given, case.process(name)), at.date(), rules)
            given_input = Input(case, after, steps, id_)
            write_changes(session, [Change(case_row, kept, (given_input,), rules, at, quiet)])
            told = next(step.process for step in steps if not step.derived)
            receipt = Receipt(reference, case_row.municipality, after, process=told)
        reach(Checkpoint.AFTER_COMMIT, reference)
        return receipt

    def report_all(self, reports: Sequence[Reported], session: Session) -> list[Receipt | NotPossible]:
        """Report many events, in the order given and with a few statements; give for each a receipt or a refusal.

        The same id twice is one transition. A refusal leaves its case as the event before it left it. All becomes
        part of a transaction of the caller.
        """
        references = list(dict.fromkeys(given.reference for given in reports))
        locked, found = lock_cases(session, references, wait=True), load_kept(session, references)
        told = _told(session, references, [given.event_id for given in reports])
        cases = {reference: case for reference, (case, _) in found.items()}
        inputs: dict[str, list[Input]] = {}
        at = self.clock.now()
        answers: list[Receipt | NotPossible] = []
        for given in reports:
            before, municipality = cases[given.reference], locked[given.reference].municipality
            if (given.reference, given.event_id) in told:
                answers.append(
                    Receipt(given.reference, municipality, before, new=False, process=given.process)
                )
                continue
            try:
                rules = self.rules_for(municipality)
                after, steps = apply(before, given.process, given.event, at.date(), rules)
            except NotPossible as refusal:
                tell_refused(given.event.name, given.reference)
                answers.append(refusal)
                continue
            cases[given.reference] = after
            inputs.setdefault(given.reference, []).append(Input(before, after, steps, given.event_id))
            answers.append(Receipt(given.reference, municipality, after, process=given.process))
        changes = [
            Change(row, found[reference][1], tuple(inputs[reference]), self.rules_for(row.municipality), at)
            for reference, row in locked.items()
            if reference in inputs
        ]
        if changes:
            write_changes(session, changes)
        return answers

    # --- terms ------------------------------------------------------------------------------------------------

    def fire_due(self, reference: str) -> int:
        """Fire every rung of a case that is due, in order, each once; give how many fired."""
        with writing(self.engine) as session:
            return self._fire(session, [lock_case(session, reference)])

    def fire_due_together(self, references: Sequence[str]) -> int:
        """Fire what is due in many cases, in the order given and in one transaction; give how many rungs fired.

        A case that somebody else is changing is left for the next time. An error undoes all of it.
        """
        with writing(self.engine) as session:
            locked = lock_cases(session, references)
            return self._fire(session, [locked[reference] for reference in references if reference in locked])

    def _fire(self, session: Session, case_rows: Sequence[CaseRow]) -> int:
        references = [case_row.reference for case_row in case_rows]
        found, known = load_kept(session, references), _rung_ids(session, references)
        at = self.clock.now()
        changes = [
            Change(case_row, kept, inputs, rules, at)
            for case_row in case_rows
            for case, kept in [found[case_row.reference]]
            for rules in [self.rules_for(case_row.municipality)]
            if (inputs := tuple(_due_inputs(case, at.date(), rules, known[case_row.reference])))
        ]
        if changes:
            write_changes(session, changes)
        for change in changes:
            for given in change.inputs:
                self._after_steps(session, change.case_row, given.after, given.steps)
        return sum(len(change.inputs) for change in changes)

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
        """Return cases that have a rung due today or before, the oldest first: one range of one index.

        What only a newer release knows is left out here and not in the question: a database that has no statistics
        yet would start from the processes, of which there are many.
        """
        query = (
            select(ProcessRow.case_reference, ProcessRow.code, ProcessRow.version)
            .join(TimerRow, col(TimerRow.process_id) == col(ProcessRow.id))
            .where(col(TimerRow.next_on) <= self.clock.today())
            .order_by(col(TimerRow.next_on))
            .limit(limit * _LOOKED_AT)
        )
        known = set(known_versions())
        with reading(self.engine) as session:
            found = [
                reference for reference, code, version in session.exec(query) if (code, version) in known
            ]
        return list(dict.fromkeys(found))[:limit]

    # --- writing ----------------------------------------------------------------------------------------------

    @contextmanager
    def _within(self, session: Session | None) -> Iterator[Session]:
        """Yield the transaction of the caller, or one of our own that is committed at the end."""
        if session is not None:
            yield session
            return
        with writing(self.engine) as own:
            yield own

    # --- reading ----------------------------------------------------------------------------------------------

    def case_in(self, session: Session, reference: str) -> Case:
        """Return a case as it stands within a transaction of the caller."""
        return load_case(session, reference)[0]

    def case(self, reference: str) -> CaseView:
        """Return a case as it stands with its journal; an unknown reference is an UnknownCaseError."""
        with reading(self.engine) as session:
            row = session.get(CaseRow, reference)
            if row is None:
                raise UnknownCaseError(reference)
            case, _ = load_case(session, reference)
            processes = session.exec(
                select(ProcessRow).where(ProcessRow.case_reference == reference).order_by(col(ProcessRow.id))
            ).all()
            journal = session.exec(
                select(JournalRow)
                .where(JournalRow.case_reference == reference)
                .order_by(col(JournalRow.number))
            ).all()
            rows = {process.name: process for process in processes}
            return CaseView(reference, row.municipality, case, tuple(journal), rows)


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


@contextmanager
def _refusals_told(reported: str, reference: str | None = None) -> Iterator[None]:
    """Log and count a refusal that passes. An unknown case is no NotPossible, so the reference is a real one."""
    try:
        yield
    except (NotPossible, ConflictError):
        tell_refused(reported, reference)
        raise


def is_own_form(reference: str) -> bool:
    """Whether a reference looks like one that we make ourselves."""
    return _OWN_FORM.fullmatch(reference) is not None


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


def _due_inputs(case: Case, today: date, rules: Rules, known: set[str]) -> Iterator[Input]:
    """Yield the rungs of a case that are due, in order, each decided on the case as the one before left it."""
    while True:
        due = [
            (rung.on, index, term.key, rung.name)
            for index, process in enumerate(case.processes)
            for term, rung in process.pending(today)
        ]
        if not due:
            return
        on, index, key, rung = min(due)
        name = case.processes[index].name
        after, steps = apply(case, name, RungDue(key, rung), today, rules)
        yield Input(case, after, _marked(steps, on, today), _rung_id(known, f"{name}:{key}:{rung}:{on}"))
        case = after


def _rung_ids(session: Session, references: Sequence[str]) -> dict[str, set[str]]:
    """Return for each case the ids of the rungs that its journal has."""
    query = select(JournalRow.case_reference, JournalRow.event_id).where(
        col(JournalRow.case_reference).in_(references), col(JournalRow.rung).is_not(None)
    )
    found: dict[str, set[str]] = {reference: set() for reference in references}
    for reference, event_id in session.exec(query):
        if event_id is not None:
            found[reference].add(event_id)
    return found


def _rung_id(known: set[str], usual: str) -> str:
    """Return the id of a rung; a warning that is given again on the same day has a number behind it.

    A suspension of no days at all gives the warnings of that day anew. With the same id the second one could
    never be written, and the case would keep its other terms waiting.
    """
    number, id_ = 1, usual
    while id_ in known:
        number += 1
        id_ = f"{usual}#{number}"
    known.add(id_)
    return id_


def _signed(event: Event, process: Snapshot) -> Event:
    """Return an event with the roles of who acts, and his code where the event asks who judged."""
    actor, definition = acting(), definition_of(process)
    asked = definition.knows(event.name) and any(
        item.name == _READER for item in definition.event(event.name).fields
    )
    known = actor.kind is ActorKind.PERSON and actor.code is not None
    data = {_READER: actor.code, **event.data} if asked and known else event.data
    return replace(event, data=data, by=actor.roles)


def _known(session: Session, reference: str, event_id: str) -> JournalRow:
    return session.exec(
        select(JournalRow).where(JournalRow.case_reference == reference, JournalRow.event_id == event_id)
    ).one()


def _told(
    session: Session, references: Sequence[str], event_ids: Sequence[str]
) -> set[tuple[str, str | None]]:
    """Return which of these ids the journals of these cases have."""
    query = select(JournalRow.case_reference, JournalRow.event_id).where(
        col(JournalRow.case_reference).in_(references), col(JournalRow.event_id).in_(event_ids)
    )
    return {(reference, event_id) for reference, event_id in session.exec(query)}


def _same_content(
    row: JournalRow, process: str | None, event: str, on: date | None, data: Mapping[str, object]
) -> None:
    """Refuse a repeated id that comes with another content."""
    kept = _comparable(row.data)
    if _READER not in data:  # it was filled in here, with the code of who acted then
        kept.pop(_READER, None)
    same = (
        row.event == event
        and (process is None or row.process == process or row.process.startswith(f"{process}#"))
        and (on is None or row.on == on)
        and kept == _comparable(to_json(data))
    )
    if not same:
        raise ConflictError("Dit id is al gebruikt voor een andere gebeurtenis.")


def _comparable(data: Mapping[str, object]) -> dict[str, object]:
    """Return data with dates as text, so that what was sent and what was kept can be compared."""
    return {
        name: value["datum"] if isinstance(value, dict) and set(value) == {"datum"} else value
        for name, value in data.items()
        if value is not None and value != ""
    }


def _fingerprint(code: str, reference: str | None, on: date | None, data: Mapping[str, object]) -> str:
    """Return a hash over what an opening says, to tell a repeat from another opening with the same key."""
    content = [code, reference, on.isoformat() if on else None, to_json(data)]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
