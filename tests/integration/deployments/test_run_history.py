"""What Prefect's server forgets of how a run came where it is."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from prefect.server import models, schemas
from prefect.server.database import provide_database_interface
from prefect.server.database.dependencies import (
    temporary_database_config,
    temporary_orm_config,
    temporary_query_components,
)
from prefect.settings import PREFECT_SERVER_DATABASE_CONNECTION_URL, temporary_settings
from sqlalchemy import insert, select, update

from flows.prefect_seam import history
from flows.prefect_seam.history import forget_history

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.long
NOW = datetime.now(UTC)
# Of each run how many days ago it came in each of its states; in the last one it is now.
RUNS = {"moves": (900, 400, 31, 29, 1), "parked for years": (901, 900), "young": (3, 2), "never ran": ()}


@pytest.fixture(params=["sqlite", "postgresql"])
def prefect_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[None]:
    """Let this process use a database for Prefect; it remembers the one that it used before."""
    address = f"sqlite+aiosqlite:///{tmp_path / 'prefect.db'}"
    if request.param == "postgresql":
        bare: str = request.getfixturevalue("bare_postgresql_url")
        address = bare.replace("postgresql://", "postgresql+asyncpg://")
    with (
        temporary_settings({PREFECT_SERVER_DATABASE_CONNECTION_URL: address}),
        temporary_database_config(None),
        temporary_query_components(None),
        temporary_orm_config(None),
    ):
        yield


@pytest.mark.usefixtures("prefect_database")
def test_a_run_keeps_the_state_in_which_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Earlier states and lines of a month ago go, of open runs too; the state of a run stays, however old it is.

    It looks at some runs at a time and a second look finds nothing.
    """
    monkeypatch.setattr(history, "_AT_ONCE", 2)
    before = NOW - timedelta(days=30)
    asyncio.run(_filled())
    assert forget_history(before) == (4, 5)
    assert forget_history(before) == (0, 0)
    states, lines = asyncio.run(_left())
    assert states == {"moves": [29, 1], "parked for years": [900], "young": [3, 2]}
    assert lines == [29, 3, 2, 1]


async def _filled() -> None:
    """Put the runs in an empty database, each with its states and a line of log for each."""
    db = provide_database_interface()
    await db.create_db()
    async with db.session_context(begin_transaction=True) as session:
        flow = await models.flows.create_flow(session, schemas.core.Flow(name="M3"))
        for name, ages in RUNS.items():
            run = await models.flow_runs.create_flow_run(
                session, schemas.core.FlowRun(flow_id=flow.id, name=name)
            )
            for age in ages:
                moment, number = NOW - timedelta(days=age), uuid4()
                state = {"type": "PAUSED", "name": "Wacht", "timestamp": moment}
                await session.execute(insert(db.FlowRunState).values(id=number, flow_run_id=run.id, **state))
                line = {"name": "log", "level": 20, "message": "Gewekt.", "timestamp": moment}
                await session.execute(insert(db.Log).values(flow_run_id=run.id, **line))
                now = update(db.FlowRun).where(db.FlowRun.id == run.id).values(state_id=number)
                await session.execute(now)


async def _left() -> tuple[dict[str, list[int]], list[int]]:
    """Return how many days old the states of each run are, and the lines of all."""
    db = provide_database_interface()
    state = db.FlowRunState
    found: dict[str, list[int]] = {}
    async with db.session_context() as session:
        query = select(db.FlowRun.name, state.timestamp).join(state, state.flow_run_id == db.FlowRun.id)
        for name, moment in await session.execute(query.order_by(state.timestamp)):
            found.setdefault(name, []).append((NOW - moment).days)
        lines = (await session.execute(select(db.Log.timestamp).order_by(db.Log.timestamp))).scalars()
        return found, [(NOW - moment).days for moment in lines]
