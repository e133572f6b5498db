"""New rows are written as they were given, however many go together; a list of values finds what each alone finds."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.exc import DBAPIError
from sqlmodel import col, select

from adapters.storage.database import JournalRow, ProcessRow, insert_rows, reading, table_of, writing
from adapters.storage.one_of import OneOf

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from adapters.cases.casework import Casework

ODD = "é 'a' \"b\" \\n {x} %s :y [1] \n\t€ 🙂"
SUMMER = datetime(2026, 7, 1, 0, 30, tzinfo=timezone(timedelta(hours=2)))


def _line(reference: str, number: int) -> dict[str, Any]:
    return {
        "case_reference": reference, "municipality": "0518", "number": number, "event_id": f"{ODD}{number}",
        "process": "M3", "version": 1, "policy": ODD, "event": "gebeurtenis", "on_date": date(2026, 3, 29),
        "at": SUMMER, "before": None, "after": "X", "data": {ODD: [1, 2.5, None, True, {"": ODD}]}, "term": None,
        "rung": None, "derived": bool(number % 2), "actor_kind": None, "actor_code": None, "actor_way": None,
        "day": None, "previous": "", "hash": str(number),
    }  # fmt: skip


def test_rows_that_go_together_are_the_rows_that_go_alone(casework: Casework, engine: Engine) -> None:
    """Every kind of column, with text that any notation could trip over, and a moment of another time zone."""
    for name in ("SOLO-1", "SAMEN-2"):
        casework.open("M3", municipality="0518", reference=name)
    with writing(engine) as session:
        for number in (11, 12, 13):
            insert_rows(session, JournalRow, [_line("SOLO-1", number)])
        insert_rows(session, JournalRow, [_line("SAMEN-2", number) for number in (11, 12, 13)])
    table = table_of(JournalRow)
    columns = [column for column in table.c if column.name not in ("id", "case_reference")]
    with reading(engine) as session:
        query = select(*columns).where(table.c.number > 10).order_by(table.c.number)  # type: ignore[call-overload]
        alone, together = (
            session.execute(query.where(table.c.case_reference == name)).all()
            for name in ("SOLO-1", "SAMEN-2")
        )
    assert len(alone) == 3
    assert alone == together
    assert together[0].at == datetime(2026, 6, 30, 22, 30, tzinfo=UTC)
    assert together[0].data == _line("SAMEN-2", 11)["data"]


def test_one_bad_row_writes_none(casework: Casework, engine: Engine) -> None:
    """Rows of one statement stand or fall together."""
    casework.open("M3", municipality="0518", reference="A-1")
    double = [_line("A-1", 11), _line("A-1", 11)]
    with pytest.raises(DBAPIError), writing(engine) as session:
        insert_rows(session, JournalRow, double)
    assert len(casework.case("A-1").journal) == 1


def test_a_list_of_values_finds_what_each_finds(casework: Casework, engine: Engine) -> None:
    """Of texts and of numbers, of many and of none."""
    names = [f"A-{number}" for number in range(5)]
    for name in names:
        casework.open("M3", municipality="0518", reference=name)
    by_name = select(ProcessRow).where(OneOf(col(ProcessRow.case_reference), "names"))
    by_number = select(ProcessRow).where(OneOf(col(ProcessRow.id), "numbers"))
    with reading(engine) as session:
        some = session.exec(by_name, params={"names": {names[1], names[3], ODD}}).all()
        assert sorted(row.case_reference for row in some) == [names[1], names[3]]
        again = session.exec(by_number, params={"numbers": [row.id for row in some]}).all()
        assert {row.id for row in again} == {row.id for row in some}
        assert session.exec(by_name, params={"names": []}).all() == []
