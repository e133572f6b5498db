"""Statements of Prefect's server take one visit to SQLite, and answer as they did."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiosqlite
import pytest
import sqlalchemy as sa
from sqlalchemy.dialects.sqlite.aiosqlite import AsyncAdapt_aiosqlite_cursor
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import create_async_engine

from flows.prefect_seam.sqlite_visits import visit_once

if TYPE_CHECKING:
    from pathlib import Path

NOTES = sa.Table(
    "notes", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), sa.Column("text", sa.Text)
)


async def _answers(file: Path) -> list[Any]:
    """Make a table, write, read, change and err; give all that came back."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{file}")
    try:
        async with engine.begin() as connection:
            await connection.run_sync(NOTES.metadata.create_all)
            made = await connection.execute(sa.insert(NOTES).values(text="een"))
            many = await connection.execute(sa.insert(NOTES), [{"text": "twee"}, {"text": "drie"}])
            changed = await connection.execute(sa.update(NOTES).where(NOTES.c.id > 1).values(text="meer"))
            back = await connection.execute(sa.insert(NOTES).values(text="vier").returning(NOTES.c.id))
            rows = (await connection.execute(sa.select(NOTES).order_by(NOTES.c.id))).all()
            nothing = (await connection.execute(sa.select(NOTES).where(NOTES.c.id > 99))).all()
            streamed = [row.id async for row in await connection.stream(sa.select(NOTES.c.id))]
        with pytest.raises(IntegrityError):
            async with engine.begin() as connection:
                await connection.execute(sa.insert(NOTES).values(id=1))
        return [
            made.inserted_primary_key,
            many.rowcount,
            changed.rowcount,
            back.all(),
            rows,
            nothing,
            streamed,
        ]
    finally:
        await engine.dispose()


def test_one_visit_answers_what_four_did(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows, numbers, keys and errors are those of SQLAlchemy itself."""
    monkeypatch.setattr(AsyncAdapt_aiosqlite_cursor, "execute", AsyncAdapt_aiosqlite_cursor.execute)
    before = asyncio.run(_answers(tmp_path / "before.db"))
    visit_once()
    assert asyncio.run(_answers(tmp_path / "after.db")) == before


def test_a_statement_is_one_visit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLAlchemy goes to the thread of a connection four times for a query; here it goes once."""
    monkeypatch.setattr(AsyncAdapt_aiosqlite_cursor, "execute", AsyncAdapt_aiosqlite_cursor.execute)
    visits: list[Any] = []
    visit = aiosqlite.Connection._execute

    async def counted(self: aiosqlite.Connection, *function: Any, **options: Any) -> Any:
        visits.append(function)
        return await visit(self, *function, **options)

    monkeypatch.setattr(aiosqlite.Connection, "_execute", counted)

    async def visits_of_a_query() -> int:
        engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'one.db'}")
        async with engine.connect() as connection:
            visits.clear()
            await connection.execute(sa.text("SELECT 1"))
            number = len(visits)
        await engine.dispose()
        return number

    assert asyncio.run(visits_of_a_query()) == 4
    visit_once()
    assert asyncio.run(visits_of_a_query()) == 1
