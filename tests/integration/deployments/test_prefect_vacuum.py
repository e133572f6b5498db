"""What Prefect's own vacuum removes under our settings."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from prefect.server import models, schemas
from prefect.server.database import provide_database_interface
from prefect.server.services.db_vacuum import vacuum_old_flow_runs
from prefect.settings import (
    PREFECT_SERVER_DATABASE_CONNECTION_URL,
    PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD,
    temporary_settings,
)
from sqlalchemy import select, update

from adapters.runtime.settings import Settings
from deployments.environment import prefect_environment

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.long


def test_the_vacuum_takes_runs_that_ended_long_ago_and_leaves_a_parked_one(tmp_path: Path) -> None:
    """A run that is parked for years stays; one that ended 91 days ago goes, one that ended yesterday stays."""
    ours = prefect_environment(Settings(home=tmp_path))
    period = timedelta(seconds=int(ours["PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD"]))
    changed = {
        PREFECT_SERVER_DATABASE_CONNECTION_URL: f"sqlite+aiosqlite:///{tmp_path / 'prefect.db'}",
        PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD: period,
    }
    with temporary_settings(changed):
        left = asyncio.run(_vacuumed())
    assert left == {"parked", "ended yesterday"}


async def _vacuumed() -> set[str]:
    """Put three runs in an empty database, let the vacuum look, and give the names that are left."""
    db, now = provide_database_interface(), datetime.now(UTC)
    await db.create_db()
    ages = {
        "parked": timedelta(days=900),
        "ended long ago": timedelta(days=91),
        "ended yesterday": timedelta(days=1),
    }
    async with db.session_context(begin_transaction=True) as session:
        flow = await models.flows.create_flow(session, schemas.core.Flow(name="M3"))
        for name, age in ages.items():
            kind = schemas.states.StateType.PAUSED if name == "parked" else schemas.states.StateType.COMPLETED
            run = await models.flow_runs.create_flow_run(
                session,
                schemas.core.FlowRun(flow_id=flow.id, name=name, state=schemas.states.State(type=kind)),
            )
            moment = now - age
            ended = None if name == "parked" else moment
            await session.execute(
                update(db.FlowRun).where(db.FlowRun.id == run.id).values(start_time=moment, end_time=ended)
            )
    await vacuum_old_flow_runs(db=db)
    async with db.session_context() as session:
        return set((await session.execute(select(db.FlowRun.name))).scalars())
