"""Rows to snapshots and back. Knows the tables and the mijlpalen, and decides nothing."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm.attributes import flag_modified
from sqlmodel import Session, col, select

from adapters.database import CaseRow, JournalRow, ProcessRow, TimerRow
from milestones.case import Case, Step, closed
from milestones.definitions import definition_of
from milestones.process import RunningTerm, Snapshot, TermOutcome
from milestones.terms import Rung

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence


class UnknownCaseError(LookupError):
    """No case has this reference."""

    def __init__(self, reference: str) -> None:
        super().__init__(f"Er is geen zaak '{reference}'.")


class CaseRows(dict[str, ProcessRow]):
    """The rows of a case by process name, with the timers of each process as they were read or written."""

    def __init__(
        self, rows: Iterable[ProcessRow] = (), timers: Mapping[int, list[TimerRow]] | None = None
    ) -> None:
        super().__init__((row.name, row) for row in rows)
        self.timers: dict[int, list[TimerRow]] = dict(timers or {})

    def timers_of(self, row: ProcessRow) -> dict[str, TimerRow]:
        """Give the timers of a process by key."""
        return {timer.key: timer for timer in self.timers.get(row.id or 0, ())}


def lock_case(session: Session, reference: str) -> CaseRow:
    """Give a case and keep others from changing it until this transaction ends."""
    query = select(CaseRow).where(CaseRow.reference == reference).with_for_update()
    # A row that this transaction read before the lock may be out of date by now.
    row = session.exec(query.execution_options(populate_existing=True)).first()
    if row is None:
        raise UnknownCaseError(reference)
    return row


def lock_cases(session: Session, references: Sequence[str], *, wait: bool = False) -> dict[str, CaseRow]:
    """Lock many cases for this transaction; without `wait` those that somebody else holds are not among them."""
    query = select(CaseRow).where(col(CaseRow.reference).in_(references)).order_by(col(CaseRow.reference))
    query = query.with_for_update(skip_locked=not wait).execution_options(populate_existing=True)
    rows = session.exec(query).all()
    return {row.reference: row for row in rows}


def load_cases(session: Session, references: Sequence[str]) -> dict[str, Case]:
    """Give many cases at once, each with all its processes, to look at."""
    return {reference: case for reference, (case, _) in load_rows(session, references).items()}


def load_rows(session: Session, references: Sequence[str]) -> dict[str, tuple[Case, CaseRows]]:
    """Give many cases at once, each with all its processes, and their rows by process name."""
    mine: dict[str, list[ProcessRow]] = {reference: [] for reference in references}
    processes = select(ProcessRow).where(col(ProcessRow.case_reference).in_(references))
    for row in session.exec(processes.order_by(col(ProcessRow.id))):
        mine[row.case_reference].append(row)
    timers: dict[int, list[TimerRow]] = {row.id or 0: [] for rows in mine.values() for row in rows}
    query = select(TimerRow).where(col(TimerRow.process_id).in_(list(timers)))
    for timer in session.exec(query.order_by(col(TimerRow.position))):
        timers[timer.process_id].append(timer)
    return {
        reference: (
            Case(tuple(_snapshot(row, timers[row.id or 0]) for row in rows)),
            CaseRows(rows, {row.id or 0: timers[row.id or 0] for row in rows}),
        )
        for reference, rows in mine.items()
    }


def load_case(session: Session, reference: str) -> tuple[Case, CaseRows]:
    """Give a case with all its processes, and their rows by process name."""
    return load_rows(session, [reference])[reference]


def save_case(session: Session, case_row: CaseRow, before: Case, after: Case, rows: CaseRows) -> CaseRows:
    """Write every process that changed, with its terms; give the rows by process name."""
    save_cases(session, [(case_row, before, after, rows)])
    return rows


def save_cases(session: Session, changes: Sequence[tuple[CaseRow, Case, Case, CaseRows]]) -> None:
    """Write every process that changed in these cases, with its terms; the rows take in what is new.

    All that is new goes in one statement for each table, however many cases there are.
    """
    new: list[ProcessRow] = []
    for case_row, before, after, rows in changes:
        for process in _changed(before, after):
            row = rows.get(process.name)
            if row is None:
                row = rows[process.name] = _new_row(case_row, process)
                new.append(row)
            _fill(row, process)
    if new:
        session.add_all(new)
        session.flush()  # its timers need its number
    for _, before, after, rows in changes:
        old = {process.name: process for process in before.processes}
        for process in _changed(before, after):
            known = old.get(process.name)
            _save_terms(session, rows, rows[process.name], process.terms, known.terms if known else ())


def _changed(before: Case, after: Case) -> Iterator[Snapshot]:
    old = {process.name: process for process in before.processes}
    return (process for process in after.processes if old.get(process.name) is not process)


def _new_row(case_row: CaseRow, process: Snapshot) -> ProcessRow:
    return ProcessRow(
        case_reference=case_row.reference,
        municipality=case_row.municipality,
        name=process.name,
        code=process.code,
        instance=process.instance,
        version=process.version,
        state=process.state,
        role="",
        opened_on=process.opened_on,
        sequence=0,
    )


def _fill(row: ProcessRow, process: Snapshot) -> None:
    row.version = process.version
    row.state = process.state
    row.role = process.role(definition_of(process))
    was_closed, row.closed = row.closed, closed(process)
    if was_closed and not row.closed and row.finished:
        _want_new_run(row)
    row.sequence = process.sequence
    row.facts = to_json(process.facts)
    ask_attention(row)


def _want_new_run(row: ProcessRow) -> None:
    """Let a process that was opened again have a flow run of its own: the former one has ended."""
    row.finished, row.flow_run_id = False, None
    row.runs_made += 1


def ask_attention(row: ProcessRow) -> None:
    """Let the flow run of this process be woken; a run that ended shows nothing any more.

    The column is written also when it was true as we read it: a worker may have set it to false since then.
    """
    row.attention = not row.finished
    if row.attention:
        row.asked_at = row.asked_at or datetime.now(UTC)
    flag_modified(row, "attention")


def _save_terms(
    session: Session,
    rows: CaseRows,
    row: ProcessRow,
    terms: Sequence[RunningTerm],
    known: Sequence[RunningTerm],
) -> None:
    unchanged = {id(term) for term in known}
    kept = {term.key for term in terms}
    current = rows.timers_of(row)
    for key in current.keys() - kept:  # it moved along to another process
        session.delete(current.pop(key))
    for position, term in enumerate(terms):
        timer = current.get(term.key)
        if timer is not None and id(term) in unchanged:
            continue
        values = _timer_values(term)
        if timer is None:
            timer = current[term.key] = TimerRow(
                process_id=row.id or 0, position=position, key=term.key, **values
            )
            session.add(timer)
        timer.position = position
        for name, value in values.items():
            setattr(timer, name, value)
    rows.timers[row.id or 0] = list(current.values())


_PLAIN = (
    "term", "policy", "anchor", "started_on", "nominal", "due", "due_atw", "shifted_by", "not_shifted_because",
    "cap", "until", "variant", "suspended_since", "suspended_days", "ended_on",
)  # fmt: skip


def _timer_values(term: RunningTerm) -> dict[str, Any]:
    following = term.next_rung()
    return {
        **{name: getattr(term, name) for name in _PLAIN},
        "ladder": [[rung.name, rung.on.isoformat()] for rung in term.ladder],
        "fired": sorted(term.fired),
        "stopped": str(term.stopped) if term.stopped else None,
        "next_on": following.on if following else None,
    }


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
        **{name: getattr(row, name) for name in _PLAIN},
    )


def to_json(values: Mapping[str, object]) -> dict[str, Any]:
    """Give facts or data as JSON; a date becomes {"datum": "2026-04-02"}."""
    return {name: _plain(value) for name, value in values.items()}


def _plain(value: object) -> Any:
    if isinstance(value, date):
        return {"datum": value.isoformat()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


def from_json(values: Mapping[str, Any]) -> dict[str, object]:
    """Give facts or data back as they were before `to_json`."""
    return {name: _rich(value) for name, value in values.items()}


def _rich(value: Any) -> object:
    if isinstance(value, dict) and set(value) == {"datum"}:
        return date.fromisoformat(value["datum"])
    if isinstance(value, list):
        return tuple(_rich(item) for item in value)
    return value


def append_journal(
    session: Session,
    case_row: CaseRow,
    steps: Sequence[Step],
    at: datetime,
    policy: str,
    event_id: str | None,
) -> list[JournalRow]:
    """Add steps to a case's journal, each chained to the one before it."""
    rows = journal_of(case_row, steps, at, policy, event_id)
    session.add_all(rows)
    session.add(case_row)
    return rows


def journal_of(
    case_row: CaseRow, steps: Sequence[Step], at: datetime, policy: str, event_id: str | None
) -> list[JournalRow]:
    """Give the journal rows of steps, and let the case row go on from the last of them.

    The id of the event stands with the first step that is not derived.
    """
    rows: list[JournalRow] = []
    for step in steps:
        case_row.steps += 1
        row = JournalRow(
            case_reference=case_row.reference,
            municipality=case_row.municipality,
            number=case_row.steps,
            event_id=None if step.derived else event_id,
            process=step.process,
            version=step.version,
            policy=policy,
            event=step.event,
            on=step.on,
            at=at,
            before=step.before,
            after=step.after,
            data=to_json(step.data),
            term=step.term,
            rung=step.rung,
            derived=step.derived,
            previous=case_row.chain,
            hash="",
        )
        if not step.derived:
            event_id = None
        row.hash = journal_hash(row)
        case_row.chain = row.hash
        rows.append(row)
    return rows


_HASHED = (
    "case_reference", "municipality", "number", "event_id", "process", "version", "policy", "event", "before",
    "after", "data", "term", "rung", "derived", "previous",
)  # fmt: skip


def journal_hash(row: JournalRow) -> str:
    """Give the hash of a journal row over all that it says and the hash of the row before it."""
    content = {name: getattr(row, name) for name in _HASHED}
    content["on"] = row.on.isoformat()
    content["at"] = row.at.timestamp()
    written = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(written.encode()).hexdigest()
