"""Prefect's server on the embedded default: who presses a button is not refused because somebody else wrote."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from prefect.server.database.configurations import AioSqliteConfiguration
from sqlalchemy import text

from flows.prefect_seam.sqlite_writing import claim_before_writing

if TYPE_CHECKING:
    from pathlib import Path


def test_a_transaction_that_may_write_has_the_lock_when_it_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody can write between its first look and its own change, so that change is never refused."""
    monkeypatch.setattr(AioSqliteConfiguration, "begin_transaction", AioSqliteConfiguration.begin_transaction)
    claim_before_writing()
    file = tmp_path / "prefect.db"

    async def press_resume() -> None:
        database = AioSqliteConfiguration(f"sqlite+aiosqlite:///{file}")
        session = await database.session(await database.engine())
        async with session, database.begin_transaction(session):
            await session.execute(text("CREATE TABLE runs (state)"))
        async with session, database.begin_transaction(session):
            assert (await session.execute(text("SELECT count(*) FROM runs"))).scalar_one() == 0
            with (
                closing(sqlite3.connect(file, timeout=0)) as other,
                pytest.raises(sqlite3.OperationalError, match="locked"),
            ):
                other.execute("INSERT INTO runs VALUES ('from elsewhere')")
            await session.execute(text("INSERT INTO runs VALUES ('resumed')"))

    asyncio.run(press_resume())
    with closing(sqlite3.connect(file)) as after:
        assert after.execute("SELECT state FROM runs").fetchall() == [("resumed",)]
