"""Rows to snapshots: a case as it stands in the database. Knows the tables and the mijlpalen, and decides nothing.

The questions are made once, with a place for what differs: making one anew takes as long as asking it.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, exists
from sqlmodel import Session, col, select

from adapters.cases.plain_values import from_json
from adapters.database import CaseRow, JournalRow, ProcessRow, TimerRow
from milestones.case import Case
from milestones.process import RunningTerm, Snapshot, TermOutcome
from milestones.terms import Rung

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import BindParameter, ColumnElement, Select


class UnknownCaseError(LookupError):
    """No case has this reference."""

    def __init__(self, reference: str) -> None:
        super().__init__(f"Er is geen zaak '{reference}'.")


class CaseRows(dict[str, ProcessRow]):
    """The rows of a case by process name, with the timers of each process, as they were read."""

    def __init__(
        self, rows: Iterable[ProcessRow] = (), timers: Mapping[int, list[TimerRow]] | None = None
    ) -> None:
        super().__init__((row.name, row) for row in rows)
        self.timers: dict[int, list[TimerRow]] = dict(timers or {})

    def timers_of(self, row: ProcessRow) -> dict[str, TimerRow]:
        """Give the timers of a process by key."""
        return {timer.key: timer for timer in self.timers.get(row.id or 0, ())}


def _rows_where(condition: ColumnElement[bool]) -> Select[Any]:
    """Ask for processes with their terms, in the order in which they opened."""
    timers = col(TimerRow.process_id) == col(ProcessRow.id)
    return (
        select(ProcessRow, TimerRow)
        .outerjoin(TimerRow, timers)
        .where(condition)
        .order_by(col(ProcessRow.id), col(TimerRow.position))
        # A row that this transaction read before a lock, or wrote since, may be out of date by now.
        .execution_options(populate_existing=True)
    )


_REFERENCE: BindParameter[str] = bindparam("reference")
_EVENT_ID: BindParameter[str] = bindparam("event_id")
_LOCKED = (
    select(CaseRow)
    .where(col(CaseRow.reference) == _REFERENCE)
    .with_for_update()
    .execution_options(populate_existing=True)
)
_MANY_CASES = (
    select(CaseRow)
    .where(col(CaseRow.reference).in_(bindparam("references", expanding=True)))
    .order_by(col(CaseRow.reference))
    .execution_options(populate_existing=True)
)
_MANY = _rows_where(col(ProcessRow.case_reference).in_(bindparam("references", expanding=True)))
_ONE = _rows_where(col(ProcessRow.case_reference) == _REFERENCE)
_ONE_AND_EVENT = _ONE.add_columns(
    exists().where(col(JournalRow.case_reference) == _REFERENCE, col(JournalRow.event_id) == _EVENT_ID)
)


def lock_case(session: Session, reference: str) -> CaseRow:
    """Give a case and keep others from changing it until this transaction ends."""
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
    """Give many cases at once, each with all its processes, to look at."""
    return {reference: case for reference, (case, _) in load_rows(session, references).items()}


def load_rows(session: Session, references: Sequence[str]) -> dict[str, tuple[Case, CaseRows]]:
    """Give many cases at once, each with all its processes, and their rows by process name."""
    found: dict[str, list[tuple[ProcessRow, TimerRow | None]]] = {reference: [] for reference in references}
    for process, timer in session.execute(_MANY, {"references": references}):
        found[process.case_reference].append((process, timer))
    return {reference: _case(pairs) for reference, pairs in found.items()}


def load_case(session: Session, reference: str) -> tuple[Case, CaseRows]:
    """Give a case with all its processes, and their rows by process name."""
    return _case((process, timer) for process, timer in session.execute(_ONE, {"reference": reference}))


def load_for_event(session: Session, reference: str, event_id: str) -> tuple[Case, CaseRows, bool]:
    """Give a case that this transaction locked, its rows, and whether its journal has this event already."""
    given = {"reference": reference, "event_id": event_id}
    found = session.execute(_ONE_AND_EVENT, given).all()
    case, rows = _case((process, timer) for process, timer, _ in found)
    return case, rows, any(known for _, _, known in found)


def _case(pairs: Iterable[tuple[ProcessRow, TimerRow | None]]) -> tuple[Case, CaseRows]:
    """Put together what was read of one case."""
    processes: dict[int, ProcessRow] = {}
    timers: dict[int, list[TimerRow]] = {}
    for process, timer in pairs:
        number = process.id or 0
        processes[number] = process
        mine = timers.setdefault(number, [])
        if timer is not None:
            mine.append(timer)
    case = Case(tuple(_snapshot(row, timers[number]) for number, row in processes.items()))
    return case, CaseRows(processes.values(), timers)


PLAIN_FIELDS = (
    "term", "policy", "anchor", "started_on", "nominal", "due", "due_atw", "shifted_by", "not_shifted_because",
    "cap", "until", "variant", "suspended_since", "suspended_days", "ended_on",
)  # fmt: skip
"""What a term and its row call the same."""


def _snapshot(row: ProcessRow, timers: Iterable[TimerRow]) -> Snapshot:
    return Snapshot(
        code=row.code,
        version=row.version,
        state=row.state,
        opened_on=row.opened_on,
        instance=row.instance,
        facts=from_json(row.facts),
        terms=tuple(_term(timer) for timer in timers),
        sequence=row.sequence,
    )


def _term(row: TimerRow) -> RunningTerm:
    return RunningTerm(
        key=row.key,
        ladder=tuple(Rung(name, date.fromisoformat(on)) for name, on in row.ladder),
        fired=frozenset(row.fired),
        stopped=TermOutcome(row.stopped) if row.stopped else None,
        **{name: getattr(row, name) for name in PLAIN_FIELDS},
    )
