"""Rows to snapshots: a case as it stands in the database. Knows the tables and the mijlpalen, and decides nothing.

The questions are made once, with a place for what differs: making one anew takes as long as asking it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy import and_, bindparam, exists
from sqlalchemy import select as rows
from sqlmodel import Session, col, select

from adapters.runtime.plain_values import from_json
from adapters.storage.database import CaseRow, JournalRow, ProcessRow, TimerRow, reading, table_of
from adapters.storage.one_of import OneOf
from milestones.case import Case
from milestones.process import RunningTerm, Snapshot, TermOutcome
from milestones.refusal import CaseRefusal
from milestones.replacing import replace
from milestones.terms import Rung

if TYPE_CHECKING:
    from sqlalchemy import BindParameter, ColumnElement, Engine, Row, Select


class UnknownCaseError(CaseRefusal, LookupError):
    """No case has this reference."""

    def __init__(self, reference: str) -> None:
        super().__init__(f"Er is geen zaak '{reference}'.")


def municipality_of(engine: Engine, reference: str) -> str:
    """Return the gemeentecode of a case; an unknown reference is an UnknownCaseError."""
    with reading(engine) as session:
        row = session.get(CaseRow, reference)
    if row is None:
        raise UnknownCaseError(reference)
    return row.municipality


@dataclass(slots=True)
class KeptProcess:
    """Where a process is kept: its number, its flow run, how many terms are past, and its terms by key."""

    id: int
    closed: bool = False
    flow_run_id: str | None = None
    past: dict[str, int] = field(default_factory=dict)
    terms: dict[str, KeptTerm] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KeptTerm:
    """Where a term is kept: its number, its place in the process, and whether it is marked as past."""

    id: int
    place: int
    past: bool


_REFERENCE: BindParameter[str] = bindparam("reference")
_LOCKED = (
    select(CaseRow)
    .where(col(CaseRow.reference) == _REFERENCE)
    .with_for_update()
    # What this transaction read of the case before the lock may be out of date by now.
    .execution_options(populate_existing=True)
)
_MANY_CASES = (
    select(CaseRow)
    .where(OneOf(col(CaseRow.reference), "references"))
    .order_by(col(CaseRow.reference))
    .execution_options(populate_existing=True)
)

PLAIN_FIELDS = (
    "term", "policy", "anchor", "started_on", "nominal", "due", "due_atw", "shifted_by", "not_shifted_because",
    "cap", "until", "variant", "suspended_since", "suspended_days", "ended_on",
)  # fmt: skip
"""What a term and its row call the same."""

_PROCESSES, _TIMERS, _JOURNAL = table_of(ProcessRow), table_of(TimerRow), table_of(JournalRow)
_OF_PROCESS = (
    "case_reference", "id", "name", "code", "instance", "version", "state", "opened_on", "sequence", "facts",
    "closed", "flow_run_id", "past",
)  # fmt: skip
_OF_TERM = ("position", "key", "ladder", "fired", "stopped", *PLAIN_FIELDS)


def _processes_where(condition: ColumnElement[bool], *, past: bool) -> Select[Any]:
    """Ask for processes in the order in which they opened, each with its terms: a row for each."""
    own = _TIMERS.c.process_id == _PROCESSES.c.id
    return (
        rows(
            *(_PROCESSES.c[name] for name in _OF_PROCESS),
            _TIMERS.c.id.label("timer"),
            _TIMERS.c.past.label("is_past"),
            *(_TIMERS.c[name] for name in _OF_TERM),
        )
        .outerjoin_from(_PROCESSES, _TIMERS, own if past else and_(own, _TIMERS.c.past.is_(False)))
        .where(condition)
        .order_by(_PROCESSES.c.id, _TIMERS.c.position)
    )


_OF_MANY = OneOf(_PROCESSES.c.case_reference, "references")
_OF_ONE = _PROCESSES.c.case_reference == _REFERENCE
_MANY, _MANY_TO_CHANGE = (_processes_where(_OF_MANY, past=past) for past in (True, False))
_ONE = _processes_where(_OF_ONE, past=True)
_ONE_AND_EVENT = _processes_where(_OF_ONE, past=False).add_columns(
    exists()
    .where(_JOURNAL.c.case_reference == _REFERENCE, _JOURNAL.c.event_id == bindparam("event_id"))
    .label("known")
)


def lock_case(session: Session, reference: str) -> CaseRow:
    """Return a case and keep others from changing it until this transaction ends."""
    row = session.exec(_LOCKED, params={"reference": reference}).first()
    if row is None:
        raise UnknownCaseError(reference)
    return row


def lock_cases(session: Session, references: Sequence[str], *, wait: bool = False) -> dict[str, CaseRow]:
    """Lock many cases for this transaction; without `wait` those that somebody else holds are not among them."""
    query = _MANY_CASES.with_for_update(skip_locked=not wait)
    rows = session.exec(query, params={"references": references}).all()
    return {row.reference: row for row in rows}


def load_cases(session: Session, references: Sequence[str]) -> dict[str, Case]:
    """Return many cases at once, each with all its processes and all their terms, to look at."""
    return {reference: case for reference, (case, _) in _load(session, references, _MANY, past=True)}


def load_to_change(
    session: Session, references: Sequence[str]
) -> dict[str, tuple[Case, dict[str, KeptProcess]]]:
    """Return many cases at once without past terms, and where their processes are kept, by name."""
    return dict(_load(session, references, _MANY_TO_CHANGE, past=False))


def _load(
    session: Session, references: Sequence[str], query: Select[Any], *, past: bool
) -> Iterator[tuple[str, tuple[Case, dict[str, KeptProcess]]]]:
    found: dict[str, list[Row[Any]]] = {reference: [] for reference in references}
    for row in session.connection().execute(query, {"references": references}):
        found[row.case_reference].append(row)
    for reference, mine in found.items():
        yield reference, _case(mine, past=past)


def load_case(session: Session, reference: str) -> tuple[Case, dict[str, KeptProcess]]:
    """Return a case with all its processes and all their terms, and where those are kept, by name."""
    return _case(session.connection().execute(_ONE, {"reference": reference}).all(), past=True)


def load_for_event(
    session: Session, reference: str, event_id: str
) -> tuple[Case, dict[str, KeptProcess], bool]:
    """Return a case that this transaction locked, without past terms, and whether its journal has this event."""
    given = {"reference": reference, "event_id": event_id}
    found = session.connection().execute(_ONE_AND_EVENT, given).all()
    return *_case(found, past=False), bool(found) and bool(found[0].known)


def _case(found: Sequence[Row[Any]], *, past: bool) -> tuple[Case, dict[str, KeptProcess]]:
    """Put together what was read of one case, with its past terms or without."""
    kept: dict[str, KeptProcess] = {}
    firsts: list[Row[Any]] = []
    terms: dict[str, list[RunningTerm]] = {}
    for row in found:
        if row.name not in kept:
            kept[row.name] = KeptProcess(row.id, row.closed, row.flow_run_id, row.past)
            firsts.append(row)
            terms[row.name] = []
        if row.timer is not None:
            kept[row.name].terms[row.key] = KeptTerm(row.timer, row.position, row.is_past)
            terms[row.name].append(_term(row))
    return Case(tuple(_snapshot(row, terms[row.name], {} if past else row.past) for row in firsts)), kept


def _snapshot(row: Row[Any], terms: Sequence[RunningTerm], past: dict[str, int]) -> Snapshot:
    return Snapshot(
        code=row.code,
        version=row.version,
        state=row.state,
        opened_on=row.opened_on,
        instance=row.instance,
        facts=from_json(row.facts),
        terms=tuple(terms),
        sequence=row.sequence,
        past=past,
    )


def _term(row: Row[Any]) -> RunningTerm:
    return RunningTerm(
        key=row.key,
        ladder=tuple(Rung(name, date.fromisoformat(on)) for name, on in row.ladder),
        fired=frozenset(row.fired),
        stopped=TermOutcome(row.stopped) if row.stopped else None,
        **{name: getattr(row, name) for name in PLAIN_FIELDS},
    )


_PAST = (
    rows(_TIMERS.c.process_id, *(_TIMERS.c[name] for name in _OF_TERM))
    .where(OneOf(_TIMERS.c.process_id, "processes"), _TIMERS.c.past.is_(True))
    .order_by(_TIMERS.c.position)
)
PastTerms: TypeAlias = Mapping[int, Sequence[tuple[int, RunningTerm]]]
"""Past terms with their places, by the number of their process."""


def load_past(session: Session, kept: Iterable[KeptProcess]) -> PastTerms:
    """Return the past terms of these processes."""
    found: dict[int, list[tuple[int, RunningTerm]]] = {process.id: [] for process in kept if process.past}
    if found:
        for row in session.connection().execute(_PAST, {"processes": list(found)}):
            found[row.process_id].append((row.position, _term(row)))
    return found


def with_past(case: Case, kept: Mapping[str, KeptProcess], past: PastTerms) -> Case:
    """Return a case that was loaded to change with its past terms, each in its place; those that are new come last."""
    return Case(tuple(_with_past(one, kept[one.name], past) if one.past else one for one in case.processes))


def _with_past(process: Snapshot, kept: KeptProcess, past: PastTerms) -> Snapshot:
    own = [(kept.terms[one.key].place if one.key in kept.terms else math.inf, one) for one in process.terms]
    terms = sorted((*past.get(kept.id, ()), *own), key=itemgetter(0))
    return replace(process, terms=tuple(term for _, term in terms), past={})
