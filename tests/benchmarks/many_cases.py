"""A great many cases at once, copied from one that was opened in the ordinary way, journal and chain included."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Table, insert, text
from sqlmodel import SQLModel, col, func, select

from adapters.cases.journal import journal_hash
from adapters.storage.database import CaseRow, JournalRow, ProcessRow, TimerRow, reading, writing

if TYPE_CHECKING:
    from datetime import date

    from adapters.office import Office

_BATCH = 2_000


def copy_case(
    office: Office, reference: str, number: int, due: date | None = None, prefix: str = "B"
) -> None:
    """Copy a case so many times; with `due`, the next rung of its terms falls on that day.

    The copies are at rest: nothing of them asks for attention.
    """
    with reading(office.engine) as session:
        case = session.get_one(CaseRow, reference)
        processes = session.exec(select(ProcessRow).where(ProcessRow.case_reference == reference)).all()
        timers = session.exec(
            select(TimerRow).where(col(TimerRow.process_id).in_([row.id for row in processes]))
        ).all()
        journal = session.exec(
            select(JournalRow).where(JournalRow.case_reference == reference).order_by(col(JournalRow.number))
        ).all()
        last = session.exec(select(func.max(ProcessRow.id))).one() or 0
    for begin in range(0, number, _BATCH):
        cases: list[dict[str, Any]] = []
        lines: list[dict[str, Any]] = []
        running: list[dict[str, Any]] = []
        terms: list[dict[str, Any]] = []
        for index in range(begin, min(number, begin + _BATCH)):
            name = f"{prefix}-{index:07d}"
            chain = ""
            for row in journal:
                copy = JournalRow(**_values(row) | {"case_reference": name, "previous": chain, "hash": ""})
                copy.hash = chain = journal_hash(copy)
                lines.append(_columns(copy))
            cases.append(_columns(case) | {"reference": name, "chain": chain})
            for process in processes:
                last += 1
                running.append(
                    _columns(process)
                    | {"id": last, "case_reference": name, "attention": False, "flow_run_id": None}
                )
                terms.extend(
                    _columns(timer)
                    | {"process_id": last}
                    | ({"next_on": due} if due and timer.next_on else {})
                    for timer in timers
                    if timer.process_id == process.id
                )
        with writing(office.engine) as session:
            for model, rows in (
                (CaseRow, cases),
                (ProcessRow, running),
                (TimerRow, terms),
                (JournalRow, lines),
            ):
                if rows:
                    session.connection().execute(insert(model), rows)
            if office.engine.dialect.name == "postgresql":  # which does not see that numbers were given
                session.execute(text("SELECT setval('processes_id_seq', (SELECT max(id) FROM processes))"))


def _values(row: SQLModel) -> dict[str, Any]:
    return {name: getattr(row, name) for name in type(row).model_fields if name != "id"}


def _columns(row: SQLModel) -> dict[str, Any]:
    """Return a row by the names of its columns, without its number."""
    table: Table = row.__table__  # type: ignore[attr-defined]
    named = {column.key: attribute for attribute, column in type(row).__mapper__.columns.items()}  # type: ignore[attr-defined]
    return {column.key: getattr(row, named[column.key]) for column in table.c if column.key != "id"}
