"""Write what was decided of cases: journal, snapshots, timers, outbox, and events for other systems.

All of it goes in one transaction of the caller. `adapters.cases.casework` decides what; this knows in which order rows
can be written, so that many cases take as few statements as one.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import or_
from sqlmodel import Session, SQLModel, col, select

from adapters.cases.journal import journal_of
from adapters.cases.outgoing import outgoing_events
from adapters.cases.saving import Saved, add_new, save
from adapters.cases.store import load_case
from adapters.runtime.actor import Actor, acting
from adapters.runtime.checkpoints import Checkpoint, reach
from adapters.runtime.counters import tell_when_committed
from adapters.storage.database import CaseRow, JournalRow, OutboxRow, ProcessRow, insert_rows
from adapters.storage.exchange_tables import OutgoingEventRow
from milestones.case import traject_is_open
from milestones.definitions import definition_of
from milestones.process import Message, NotPossible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from adapters.cases.store import KeptProcess
    from milestones.case import Case, Step
    from milestones.policy import Rules

_OUTBOX_NAMESPACE = uuid.UUID("5e6c1c1e-6f0c-4c53-9d80-3d0a2a1c1d5b")


class SecondTraject(NotPossible):
    """Somebody would have two trajects at a time (DDAS: at most one)."""

    def __init__(self, other: str) -> None:
        super().__init__(f"Deze inwoner heeft al een lopend traject: {other} (DDAS: één traject tegelijk).")
        self.other = other


@dataclass(frozen=True, slots=True)
class DecidedInput:
    """One input of a case, decided: the case before and after it, and the steps between."""

    before: Case
    after: Case
    steps: tuple[Step, ...]
    event_id: str | None
    quiet: bool = False
    """Nobody is told of it."""
    actor: Actor = field(default_factory=acting)


@dataclass(frozen=True, slots=True)
class Change:
    """All that one transaction writes of one case. `also` are rows that point at the case."""

    case_row: CaseRow
    kept: dict[str, KeptProcess]
    inputs: tuple[DecidedInput, ...]
    rules: Rules
    at: datetime
    also: tuple[SQLModel, ...] = ()

    @property
    def after(self) -> Case:
        """The case after the last input."""
        return self.inputs[-1].after

    @property
    def process(self) -> str:
        """The process that the first input is about."""
        return self.inputs[0].steps[0].process


def write_changes(session: Session, changes: Sequence[Change]) -> None:
    """Write cases with all their inputs: journal, snapshots, timers, outbox, events for other systems.

    However many cases there are, it takes about one statement for each table. NotPossible when a person would
    have two trajects; then nothing was written.
    """
    for change in changes:
        if any(_starts_traject(given.before, given.after) for given in change.inputs):
            _refuse_second_traject(session, change.case_row)
    # The journal comes first, because a case row holds the last hash of its chain.
    journals = [[_journal(change, given) for given in change.inputs] for change in changes]
    saved = [
        Saved(change.case_row, change.inputs[0].before, change.after, change.kept, set())
        for change in changes
    ]
    add_new(session, saved)
    events: list[dict[str, Any]] = []
    effects: list[dict[str, Any]] = []
    for change, lines_of_inputs, case in zip(changes, journals, saved, strict=True):
        session.add_all(change.also)
        for given, lines in zip(change.inputs, lines_of_inputs, strict=True):
            tell_when_committed(session, change.case_row.reference, given.steps, given.event_id)
            if given.quiet:
                continue
            events += outgoing_events(
                change.case_row, given.before, given.after, given.steps, lines[0], change.at
            )
            told = list(_effects(change, given, lines))
            effects += told
            case.woken.update(effect["process"] for effect in told)
    save(session, saved)
    insert_rows(session, JournalRow, [line for inputs in journals for lines in inputs for line in lines])
    insert_rows(session, OutboxRow, effects)
    insert_rows(session, OutgoingEventRow, events)
    session.flush()
    for change in changes:
        reach(Checkpoint.BEFORE_COMMIT, change.case_row.reference)


def _refuse_second_traject(session: Session, case_row: CaseRow) -> None:
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
            raise SecondTraject(other)


def _starts_traject(before: Case, after: Case) -> bool:
    """Whether a case without an open traject opens one; what a founded bezwaar brings back was there already."""
    opens = len(after.processes) > len(before.processes)
    return opens and traject_is_open(after) and not traject_is_open(before)


def _journal(change: Change, given: DecidedInput) -> list[dict[str, Any]]:
    name = change.rules.policy.name
    return journal_of(change.case_row, given.steps, change.at, name, given.event_id, given.actor)


def _effects(
    change: Change, given: DecidedInput, lines: Sequence[dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    """Yield the messages that an input asks for."""
    case_row = change.case_row
    for step, line in zip(given.steps, lines, strict=True):
        for index, message in enumerate((*step.messages, *_offered_again(step, given.after, change.rules))):
            yield {
                "id": effect_id(case_row.reference, line["number"], index),
                "process_id": change.kept[message.process].id,
                "case_reference": case_row.reference,
                "municipality": case_row.municipality,
                "process": message.process,
                "role": message.role,
                "kind": message.kind,
                "subject": message.subject,
                "term": message.term,
                "due": message.due,
                "rung": step.rung,
                "planned_on": step.on if step.rung else None,
                "created_at": change.at,
                "attempts": 0,
            }


def effect_id(reference: str, number: int, index: int) -> str:
    """Return the id of a message of a case: from the number of its journal line and its place among them."""
    return str(uuid.uuid5(_OUTBOX_NAMESPACE, f"{reference}/{number}/{index}"))


def _offered_again(step: Step, case: Case, rules: Rules) -> tuple[Message, ...]:
    """Return the message to the receiver of a hand-off that is offered anew; its row tells only fixed roles."""
    if step.event != "overdracht_aangeboden":
        return ()
    definition = definition_of(case.named(step.process))
    return (Message(rules.policy.role(definition.first_state.role), "overdracht", step.process),)
