"""Leans on (Prefect 3.8.8): the tables `log`, `artifact`, `events` and `event_resources` and their columns.

Prefect's API removes a run with its states, inputs and task runs, and a page with all its versions. It has no way to
remove events, and removes logs later. Without this file they go by their age: events after two days, logs when Prefect
gets to it.
"""

from __future__ import annotations

from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from prefect.settings import get_current_settings
from sqlalchemy import (
    URL,
    String,
    Text,
    Uuid,
    cast,
    column,
    create_engine,
    delete,
    inspect,
    make_url,
    or_,
    select,
    table,
)
from sqlalchemy.exc import DBAPIError, NoSuchModuleError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection, Engine, Select

_PARTS = ("log", "artifact", "events", "event_resources")
_AT_ONCE = 200
_EVENT = table("events", column("id"), column("resource"), column("related"), column("payload"))
_PART = table("event_resources", column("event_id"), column("resource_id"))


def forget_leftovers(references: Sequence[str], flow_runs: Sequence[str]) -> bool:
    """Remove events, logs and pages of these cases and runs from Prefect's database; False when it is not reached."""
    with prefect_database() as engine:
        if engine is None:
            return False
        try:
            with engine.begin() as connection:
                for place in range(0, len(flow_runs), _AT_ONCE):
                    _forget_runs(connection, flow_runs[place : place + _AT_ONCE])
                for reference in references:
                    _forget_named(connection, reference)
            _sweep(engine)
        except DBAPIError:
            return False
    return True


def _forget_runs(connection: Connection, runs: Sequence[str]) -> None:
    # SQLite keeps a UUID as text with dashes.
    kind = String() if connection.dialect.name == "sqlite" else Uuid(as_uuid=False)
    for name in ("log", "artifact"):
        of_run = column("flow_run_id", kind)
        connection.execute(delete(table(name, of_run)).where(of_run.in_(runs)))
    named = [f"prefect.flow-run.{run}" for run in runs]
    _forget_events(connection, select(_PART.c.event_id).where(_PART.c.resource_id.in_(named)))


def _forget_named(connection: Connection, reference: str) -> None:
    """Remove the events that name a case: those of its pages, whose keys are in small letters, and ours."""
    says = [
        cast(part, Text).icontains(reference, autoescape=True)
        for part in (_EVENT.c.resource, _EVENT.c.related, _EVENT.c.payload)
    ]
    _forget_events(connection, select(_EVENT.c.id).where(or_(*says)))


def _forget_events(connection: Connection, which: Select[Any]) -> None:
    ids = list(connection.execute(which.distinct()).scalars())
    for place in range(0, len(ids), _AT_ONCE):
        part = ids[place : place + _AT_ONCE]
        connection.execute(delete(_PART).where(_PART.c.event_id.in_(part)))
        connection.execute(delete(_EVENT).where(_EVENT.c.id.in_(part)))


def _sweep(engine: Engine) -> None:
    """Leave nothing in free pages and the write-ahead log of SQLite; give the room back in PostgreSQL."""
    with closing(engine.raw_connection()) as connection:
        driver = connection.driver_connection
        assert driver is not None  # noqa: S101 - it was just opened
        if engine.dialect.name == "sqlite":
            driver.isolation_level = None
            driver.execute("VACUUM")
            driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        else:
            driver.autocommit = True
            driver.execute("VACUUM log, artifact, events, event_resources")


@contextmanager
def prefect_database() -> Iterator[Engine | None]:
    """Yield the database of Prefect as this process can reach it; None where it cannot."""
    address = get_current_settings().server.database.connection_url
    engine = None if address is None else _engine(make_url(address.get_secret_value()))
    if engine is None:
        yield None
        return
    try:
        there = set(inspect(engine).get_table_names())
        yield engine if there.issuperset(_PARTS) else None
    except DBAPIError:
        yield None
    finally:
        engine.dispose()


def _engine(address: URL) -> Engine | None:
    """Return an engine without asyncio for an address of Prefect; None when there is no such file or driver."""
    if address.get_backend_name() == "sqlite":
        name = (address.database or "").removeprefix("file:")
        file = Path(unquote(name) if name != address.database else name)
        if not file.is_file():
            return None  # Prefect's own default names a file that a server elsewhere never made
        return create_engine(URL.create("sqlite", database=str(file)), connect_args={"timeout": 30})
    try:
        return create_engine(
            address.set(drivername="postgresql+psycopg"), connect_args={"connect_timeout": 5}
        )
    except NoSuchModuleError:
        return None
