"""Snapshots to rows: write the processes and terms of cases that changed.

Plain rows, one statement for each kind however many cases there are, and every statement made once: following
objects to find out what changed in them takes several times as long as writing it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy import bindparam, case, delete, func, insert, not_, update

from adapters.cases.store import PLAIN_FIELDS, KeptProcess
from adapters.runtime.plain_values import to_json
from adapters.storage.database import CaseRow, ProcessRow, TimerRow, insert_rows, table_of
from milestones.case import closed
from milestones.definitions import definition_of
from milestones.past_terms import past_terms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import BindParameter
    from sqlmodel import Session

    from milestones.case import Case
    from milestones.process import RunningTerm, Snapshot

_CASES, _PROCESSES, _TIMERS = table_of(CaseRow), table_of(ProcessRow), table_of(TimerRow)
_Values: TypeAlias = dict[str, Any]
_ROW: BindParameter[Any] = bindparam("row")
# Decided by the database: a worker may have shown the process, or ended its run, since this transaction read it.
# A run that ended shows nothing any more.
_ASK = {
    "attention": not_(_PROCESSES.c.finished),
    "asked_at": case(
        (_PROCESSES.c.finished, _PROCESSES.c.asked_at),
        else_=func.coalesce(_PROCESSES.c.asked_at, bindparam("now", type_=_PROCESSES.c.asked_at.type)),
    ),
}
# Each sets, besides what stands here, the columns that its rows name.
_CHANGE_CASE = update(_CASES).where(_CASES.c.reference == _ROW)
_CHANGE_PROCESS = update(_PROCESSES).where(_PROCESSES.c.id == _ROW).values(_ASK)
# A process that was opened again has a flow run of its own: the former one has ended.
_WANT_NEW_RUN = (
    update(_PROCESSES)
    .where(_PROCESSES.c.id == _ROW, _PROCESSES.c.finished)
    .values(finished=False, flow_run_id=None, runs_made=_PROCESSES.c.runs_made + 1)
)
_CHANGE_TIMER = update(_TIMERS).where(_TIMERS.c.id == _ROW)
_NEW_PROCESS = insert(_PROCESSES).returning(_PROCESSES.c.id, sort_by_parameter_order=True)
_DELETE_TIMER = delete(_TIMERS).where(_TIMERS.c.id == _ROW)


@dataclass(frozen=True, slots=True)
class Saved:
    """What is to be written of one case; `woken` names processes to wake although they did not change."""

    case_row: CaseRow
    before: Case
    after: Case
    kept: dict[str, KeptProcess]
    woken: set[str]


def add_new(session: Session, changes: Sequence[Saved]) -> None:
    """Write the cases and processes that are new; each process is kept under its number from then on."""
    cases = [change.case_row for change in changes if change.case_row not in session]
    if cases:
        session.add_all(cases)
        session.flush()  # the processes point at it
    new = [
        (change, process)
        for change in changes
        for process in change.after.processes
        if process.name not in change.kept
    ]
    if not new:
        return
    now = datetime.now(UTC)
    values = [_new_values(change.case_row, process, now) for change, process in new]
    numbers = session.connection().execute(_NEW_PROCESS, values).scalars()
    for (change, process), number in zip(new, numbers, strict=True):
        change.kept[process.name] = KeptProcess(number)


def save(session: Session, changes: Sequence[Saved]) -> None:
    """Write how far each case is, and every process that changed, with its terms."""
    written = _Written()
    for change in changes:
        written.add(change)
    written.write(session)


def wake(session: Session, process_id: int) -> None:
    """Let the flow run of a process be woken, if it did not end."""
    session.connection().execute(_CHANGE_PROCESS, {"row": process_id, "now": datetime.now(UTC)})


class _Written:
    """The rows that are to be written, by the statement that writes them."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)
        self.cases: list[_Values] = []
        self.processes: list[_Values] = []
        self.reopened: list[_Values] = []
        self.new_terms: list[_Values] = []
        self.terms: list[_Values] = []
        self.gone_terms: list[_Values] = []

    def add(self, change: Saved) -> None:
        """Add a case."""
        case_row, old = change.case_row, {process.name: process for process in change.before.processes}
        self.cases.append({"row": case_row.reference, "steps": case_row.steps, "chain": case_row.chain})
        for process in change.after.processes:
            known, kept = old.get(process.name), change.kept[process.name]
            past = kept.past if known is process else self._add_terms(kept, process, known)
            if known is not None and (known is not process or process.name in change.woken):
                self._add_process(kept, process, past)

    def _add_process(self, kept: KeptProcess, process: Snapshot, past: dict[str, int]) -> None:
        values = _values(process)
        self.processes.append({"row": kept.id, "now": self.now, "past": past, **values})
        if kept.closed and not values["closed"]:
            self.reopened.append({"row": kept.id})

    def _add_terms(self, kept: KeptProcess, process: Snapshot, known: Snapshot | None) -> dict[str, int]:
        """Add the terms that changed or are past by now; return how many of each kind are past."""
        unchanged = {id(term) for term in known.terms} if known else set()
        past, counts = past_terms(process)
        left, place = dict(kept.terms), -1
        for term in process.terms:
            there = left.pop(term.key, None)
            place = place + 1 if there is None else max(place + 1, there.place)
            marks = {"position": place, "past": term.key in past}
            if there is None:
                values = {"process_id": kept.id, "key": term.key, "extra": {}, **marks, **_term_values(term)}
                self.new_terms.append(values)
            elif id(term) not in unchanged or (there.place, there.past) != tuple(marks.values()):
                self.terms.append({"row": there.id, **marks, **_term_values(term)})
        self.gone_terms.extend({"row": one.id} for one in left.values())  # along to another process
        return counts

    def write(self, session: Session) -> None:
        """Write all of it."""
        for statement, rows in (
            (_CHANGE_CASE, self.cases),
            (_WANT_NEW_RUN, self.reopened),
            # In the order in which workers take them, so that no two wait for each other.
            (_CHANGE_PROCESS, sorted(self.processes, key=itemgetter("row"))),
            (_DELETE_TIMER, self.gone_terms),
            (_CHANGE_TIMER, self.terms),
        ):
            if rows:
                session.connection().execute(statement, rows)
        insert_rows(session, TimerRow, self.new_terms)


def _values(process: Snapshot) -> _Values:
    return {
        "version": process.version,
        "state": process.state,
        "opened_on": process.opened_on,
        "role": process.role(definition_of(process)),
        "closed": closed(process),
        "sequence": process.sequence,
        "facts": to_json(process.facts),
    }


def _new_values(case_row: CaseRow, process: Snapshot, now: datetime) -> _Values:
    return {
        "case_reference": case_row.reference,
        "municipality": case_row.municipality,
        "name": process.name,
        "code": process.code,
        "instance": process.instance,
        "runs_made": 0,
        "finished": False,
        "attention": True,
        "asked_at": now,
        "past": past_terms(process)[1],
        **_values(process),
    }


def _term_values(term: RunningTerm) -> _Values:
    following = term.next_rung()
    return {
        **{name: getattr(term, name) for name in PLAIN_FIELDS},
        "ladder": [[rung.name, rung.on.isoformat()] for rung in term.ladder],
        "fired": sorted(term.fired),
        "stopped": str(term.stopped) if term.stopped else None,
        "next_on": following.on if following else None,
    }
