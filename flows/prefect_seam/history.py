"""Leans on (Prefect 3.8.8): the tables `flow_run`, `flow_run_state` and `log` and their columns.

Prefect's API has no way to remove an earlier state, or a line of the log, of a run that is still open. Without this
file a run that is open for years keeps all of them, which is half of Prefect's database.

Nothing needs them: a run goes on from the state that it is in, and the journal has what happened.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import DateTime, column, delete, select, table
from sqlalchemy.exc import SQLAlchemyError

from flows.prefect_seam.leftovers import prefect_database

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Engine, Row

_MOMENT = DateTime(timezone=True)
_RUN = table("flow_run", column("id"), column("state_id"))
_STATE = table("flow_run_state", column("id"), column("flow_run_id"), column("timestamp", _MOMENT))
_LOG = table("log", column("id"), column("timestamp", _MOMENT))
_AT_ONCE = 500  # so that no transaction keeps others waiting
_FIRST, _EVERY = timedelta(minutes=10), timedelta(days=1)

log = structlog.get_logger("routekaart.history")


def forget_history_daily(days: int) -> None:
    """Forget in this process, once a day, what is older than so many days; it may run in several at a time."""
    Thread(target=_forget_daily, args=(timedelta(days=days),), name="history", daemon=True).start()


def _forget_daily(kept: timedelta) -> None:
    waiting, pause = Event(), _FIRST
    while not waiting.wait(pause.total_seconds()):
        pause = _EVERY
        try:
            states, lines = forget_history(datetime.now(UTC) - kept)
        except SQLAlchemyError as error:  # what is left goes the next day
            log.warning("history_not_forgotten", error=type(error).__name__)
        else:
            log.info("history_forgotten", states=states, lines=lines)


def forget_history(before: datetime) -> tuple[int, int]:
    """Remove earlier states of runs, and lines of logs, from before a moment in UTC; give how many of each.

    The state in which a run is stays, however old.
    """
    with prefect_database() as engine:
        if engine is None:
            return 0, 0
        states = sum(_forget_states(engine, runs, before) for runs in _runs(engine))
        return states, sum(_forget_lines(engine, before))


def _runs(engine: Engine) -> Iterator[Sequence[Row[Any]]]:
    """Yield all runs with the state that each is in, some at a time."""
    query = select(_RUN).order_by(_RUN.c.id).limit(_AT_ONCE)
    after = query
    while True:
        with engine.connect() as connection:
            found = connection.execute(after).all()
        if not found:
            return
        yield found
        after = query.where(_RUN.c.id > found[-1].id)


def _forget_states(engine: Engine, runs: Sequence[Row[Any]], before: datetime) -> int:
    old = delete(_STATE).where(
        _STATE.c.flow_run_id.in_([run.id for run in runs]),
        _STATE.c.timestamp < before,
        _STATE.c.id.not_in([run.state_id for run in runs if run.state_id is not None]),
    )
    with engine.begin() as connection:
        return connection.execute(old).rowcount


def _forget_lines(engine: Engine, before: datetime) -> Iterator[int]:
    old = select(_LOG.c.id).where(_LOG.c.timestamp < before).order_by(_LOG.c.timestamp).limit(_AT_ONCE)
    removed = _AT_ONCE
    while removed == _AT_ONCE:
        with engine.begin() as connection:
            removed = connection.execute(delete(_LOG).where(_LOG.c.id.in_(old.scalar_subquery()))).rowcount
        yield removed
