"""The tables of the case database. The journal is the truth; every other row can be derived from it.

No row holds personal data: a case has a reference and perhaps a keyed hash that stands for a person.
"""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import (
    JSON,
    URL,
    Column,
    Connection,
    DateTime,
    Engine,
    Index,
    Insert,
    Table,
    Text,
    UniqueConstraint,
    bindparam,
    cast,
    column,
    event,
    false,
    func,
    inspect,
    select,
    text,
)
from sqlalchemy import create_engine as sqlalchemy_engine
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, Session, SQLModel, col

from adapters.runtime.database_address import AddressError, database_address
from adapters.storage.facts import FactText

MIGRATIONS = Path(__file__).with_name("migrations")
WAIT_SECONDS = 20.0  # less than most callers wait for an answer of the API
# A process that stands still in the middle of a transaction loses it, so that others need not wait for what it locks.
# Who only reads locks nothing, and may take his time over what he read.
WRITER_MAY_STAND_STILL_SECONDS = 15.0
_READER_MAY_STAND_STILL_SECONDS = 600.0
_IDLE_SECONDS = 1.0  # a connection that was used within this time is trusted


class UtcMoment(TypeDecorator[datetime]):
    """An aware moment, kept in UTC in every database."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        """Store in UTC."""
        del dialect
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        """Read as an aware moment."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _moment(*, nullable: bool = False) -> Any:
    return Field(default=None, sa_column=Column(UtcMoment, nullable=nullable))


class CaseRow(SQLModel, table=True):
    """A case: a reference, the municipality, and for matching perhaps a pseudonym of a person."""

    __tablename__ = "cases"

    reference: str = Field(primary_key=True, max_length=60)
    municipality: str = Field(index=True, max_length=4)
    # A traject has one client, or two who are liable for each other's debts: pseudonyms, for matching.
    person_key: str | None = Field(default=None, index=True, max_length=80)
    partner_key: str | None = Field(default=None, index=True, max_length=80)
    opened_at: datetime = _moment()
    steps: int = 0  # journal rows so far
    chain: str = ""  # hash of the last journal row


class ProcessRow(SQLModel, table=True):
    """A process as it stands, and where it is shown in Prefect."""

    __tablename__ = "processes"
    __table_args__ = (
        UniqueConstraint("case_reference", "name"),
        Index("ix_processes_attention", "attention", "id", sqlite_where=text("attention"), postgresql_where=text("attention")),  # noqa: E501
        Index(
            "ix_processes_leased",
            "leased_by",
            sqlite_where=text("leased_by IS NOT NULL"),
            postgresql_where=text("leased_by IS NOT NULL"),
        ),
    )  # fmt: skip

    id: int | None = Field(default=None, primary_key=True)
    case_reference: str = Field(foreign_key="cases.reference", index=True, max_length=60)
    municipality: str = Field(max_length=4)
    name: str = Field(max_length=20)
    code: str = Field(max_length=16)
    instance: int
    version: int
    state: str = Field(max_length=40)
    role: str = Field(max_length=40)
    closed: bool = False
    opened_on: date
    sequence: int
    facts: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    # Of each kind of term how many are past: those are read only to be shown.
    past: dict[str, int] = Field(
        default_factory=dict, sa_column=Column(JSON, nullable=False, server_default="{}")
    )
    # The Prefect side. `attention`: something changed that the flow run does not show yet.
    flow_run_id: str | None = Field(default=None, index=True, max_length=36)
    runs_made: int = 0  # a run that was deleted or cancelled is made anew
    finished: bool = False  # its flow run ended; only terms that outlive a process are left
    attention: bool = True
    asked_at: datetime | None = _moment(nullable=True)  # since when a change waits to be shown
    leased_by: str | None = Field(default=None, max_length=80)
    leased_until: datetime | None = _moment(nullable=True)


_RETURNED = text("state = 'TERUGGEGEVEN'")
for _name, _fact in (("ix_processes_holder", "houder"), ("ix_processes_contact", "contactpersoon")):
    Index(
        _name,
        FactText(col(ProcessRow.facts), _fact),
        sqlite_where=text("closed IS 0"),
        postgresql_where=text("closed IS false"),
    )
Index(
    "ix_processes_returned", col(ProcessRow.municipality), sqlite_where=_RETURNED, postgresql_where=_RETURNED
)


class TimerRow(SQLModel, table=True):
    """A term of a process. `next_on` is the date of its next rung; the sweep reads nothing else."""

    __tablename__ = "timers"
    __table_args__ = (
        UniqueConstraint("process_id", "key"),
        Index(
            "ix_timers_next_on",
            "next_on",
            sqlite_where=text("next_on IS NOT NULL"),
            postgresql_where=text("next_on IS NOT NULL"),
        ),
        Index(
            "ix_timers_running_due",
            "due",
            sqlite_where=text("due IS NOT NULL AND stopped IS NULL"),
            postgresql_where=text("due IS NOT NULL AND stopped IS NULL"),
        ),
        Index(
            "ix_timers_not_past",
            "process_id",
            sqlite_where=text("past IS 0"),
            postgresql_where=text("past IS false"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    process_id: int = Field(foreign_key="processes.id", index=True)
    position: int
    key: str = Field(max_length=20)
    term: str = Field(max_length=10)
    policy: str = Field(max_length=80)
    anchor: date
    started_on: date
    nominal: date
    due: date | None = None
    due_atw: date | None = None
    shifted_by: str | None = None
    not_shifted_because: str | None = None
    ladder: list[Any] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    fired: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    cap: date | None = None
    until: date | None = None
    variant: str | None = None
    suspended_since: date | None = None
    suspended_days: int = 0
    stopped: str | None = None
    ended_on: date | None = None
    next_on: date | None = None
    past: bool = Field(
        default=False, sa_column_kwargs={"server_default": false()}
    )  # no rule looks at it any more
    # What a later version keeps with a term goes here, so that old rows stay readable.
    extra: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))


class JournalRow(SQLModel, table=True):
    """One step of a case, never changed. Rows of a case are chained by hash."""

    __tablename__ = "journal"
    __table_args__ = (
        UniqueConstraint("case_reference", "number"),
        UniqueConstraint("case_reference", "event_id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    case_reference: str = Field(foreign_key="cases.reference", max_length=60)
    municipality: str = Field(max_length=4)
    number: int
    event_id: str | None = Field(default=None, max_length=200)
    process: str = Field(max_length=20)
    version: int
    policy: str = Field(max_length=80)
    event: str = Field(max_length=60)
    on: date = Field(sa_column_kwargs={"name": "on_date"})
    at: datetime = _moment()
    before: str | None = Field(default=None, max_length=40)
    after: str = Field(max_length=40)
    data: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    term: str | None = Field(default=None, max_length=20)
    rung: str | None = Field(default=None, max_length=20)
    derived: bool = False
    # Who did it; rows from before there were actors have none.
    actor_kind: str | None = Field(default=None, max_length=20)
    actor_code: str | None = Field(default=None, max_length=60)
    actor_way: str | None = Field(default=None, max_length=20)
    # The day that `at` was in Amsterdam when it was written; rows from before it was kept have none.
    day: date | None = None
    previous: str = Field(max_length=64)
    hash: str = Field(max_length=64)


class OutboxRow(SQLModel, table=True):
    """An effect that must happen at least once; `id` is stable, so a receiver can drop a repeat.

    A message is done here when its deliveries stand in their own table (`adapters.storage.message_tables`).
    """

    __tablename__ = "outbox"
    __table_args__ = (
        Index(
            "ix_outbox_open",
            "process_id",
            sqlite_where=text("done_at IS NULL"),
            postgresql_where=text("done_at IS NULL"),
        ),
    )

    id: str = Field(primary_key=True, max_length=36)
    process_id: int = Field(foreign_key="processes.id")
    case_reference: str = Field(max_length=60)
    municipality: str = Field(max_length=4)
    process: str = Field(max_length=20)
    role: str = Field(max_length=40)
    kind: str = Field(max_length=40)
    subject: str | None = Field(default=None, max_length=40)
    term: str | None = Field(default=None, max_length=20)
    due: date | None = None
    rung: str | None = Field(default=None, max_length=20)
    # The day of the rung that asked for it; a message that was made on a later day is late.
    planned_on: date | None = None
    created_at: datetime = _moment()
    done_at: datetime | None = _moment(nullable=True)
    attempts: int = 0
    result: str | None = Field(default=None, max_length=200)


class OpeningRow(SQLModel, table=True):
    """An opening that was accepted before: its key makes a repeat change nothing.

    The key is that of a vroegsignaal, or the idempotency key of an integrator.
    """

    __tablename__ = "openings"

    key: str = Field(primary_key=True, max_length=300)
    fingerprint: str = Field(max_length=64)
    case_reference: str = Field(foreign_key="cases.reference", index=True, max_length=60)
    accepted_at: datetime = _moment()


class PolicyRow(SQLModel, table=True):
    """A policy that a journal row names, with the choices that made it."""

    __tablename__ = "policies"

    name: str = Field(primary_key=True, max_length=80)
    choices: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))


class SettingRow(SQLModel, table=True):
    """A value that belongs to the database itself, such as the demo's clock."""

    __tablename__ = "settings"

    name: str = Field(primary_key=True, max_length=60)
    value: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))


def create_engine(url: str | URL, wait_seconds: float = WAIT_SECONDS, schema: str | None = None) -> Engine:
    """Return an engine for SQLite or PostgreSQL, set up so that a writer waits this long before it fails.

    `schema` is where our tables are in PostgreSQL, if not where its user looks. What fails then is one of the errors
    that `adapters.storage.storage_trouble` knows; an address that cannot be used is an AddressError.
    """
    address = database_address(url)
    if address.get_backend_name() == "postgresql":
        return _postgresql_engine(address, wait_seconds, schema)
    # An error of the database never quotes what was to be written.
    engine = sqlalchemy_engine(
        address, pool_timeout=wait_seconds, hide_parameters=True, connect_args={"timeout": wait_seconds}
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, see below
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")  # an accepted event survives a power cut
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute(
            "PRAGMA secure_delete=ON"
        )  # what is removed or replaced is overwritten, not left in the page
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A transaction that will write takes its place in the queue at once: no upgrade, no deadlock.
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _postgresql_engine(address: URL, wait_seconds: float, schema: str | None) -> Engine:
    """Return an engine that keeps nothing in a session: a pooler may give each transaction another one.

    What a transaction needs is said with its BEGIN, in one message.
    """
    arguments: dict[str, Any] = {
        "prepare_threshold": None,  # a prepared statement lives in a session
        "client_encoding": "utf8",  # whatever this machine prefers
    }
    if "connect_timeout" not in address.query:
        arguments["connect_timeout"] = max(2, int(wait_seconds))
    engine = sqlalchemy_engine(
        address, pool_timeout=wait_seconds, hide_parameters=True, connect_args=arguments
    )
    quoted = "DEFAULT" if schema is None else engine.dialect.identifier_preparer.quote_identifier(schema)
    settings = {
        "lock_timeout": str(int(wait_seconds * 1000)),
        "search_path": quoted,  # who used this session before us may have set another
        # Whatever the server prefers, dates are read in one form.
        "datestyle": "'ISO, YMD'",
        "timezone": "'UTC'",
    }

    def begin(may_stand_still: float) -> str:
        said = settings | {"idle_in_transaction_session_timeout": str(int(may_stand_still * 1000))}
        return "; ".join(["BEGIN", *(f"SET LOCAL {name} TO {value}" for name, value in said.items())])

    to_write, to_read = begin(WRITER_MAY_STAND_STILL_SECONDS), begin(_READER_MAY_STAND_STILL_SECONDS)

    @event.listens_for(engine, "do_connect")
    def _connect(dialect: Any, _record: Any, words: Any, named: Any) -> Any:
        connection = dialect.connect(*words, **named)
        encoding = connection.info.parameter_status("server_encoding")
        if encoding not in ("UTF8", None):
            connection.close()
            raise AddressError(
                f"De database met zaken bewaart tekst als {encoding}. Maak een database met: CREATE DATABASE zaken "
                "TEMPLATE template0 ENCODING 'UTF8'."
            )
        return connection

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.autocommit = True  # we say BEGIN ourselves

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql(to_write if writes else to_read)

    _look_whether_idle_connections_live(engine)
    return engine


def _look_whether_idle_connections_live(engine: Engine) -> None:
    """Ask a connection that was idle for a while whether it lives still, before anything is done with it.

    SQLAlchemy's own `pool_pre_ping` asks each time, and a busy process has no connection that was idle.
    """

    @event.listens_for(engine, "checkin")
    def _note(_connection: Any, record: ConnectionPoolEntry) -> None:
        record.info["used"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _look(connection: DBAPIConnection, record: ConnectionPoolEntry, _proxy: Any) -> None:
        if time.monotonic() - record.info.get("used", math.inf) < _IDLE_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error  # the pool makes another, and drops those of before


def renew_statistics(engine: Engine, tables: Sequence[type[SQLModel]]) -> None:
    """Let PostgreSQL count tables that grew fast: without, it may read them from end to end at every question.

    Autovacuum does the same, about a minute later.
    """
    if engine.dialect.name == "postgresql":
        names = ", ".join(str(table.__tablename__) for table in tables)
        with engine.begin() as connection:
            connection.exec_driver_sql(f"ANALYZE (SKIP_LOCKED) {names}")


@contextmanager
def writing(engine: Engine) -> Iterator[Session]:
    """Yield a session whose work is committed as a whole, or not at all."""
    with engine.connect().execution_options(writes=True) as connection, Session(connection) as session:
        yield session
        session.commit()


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """Yield a session that only reads; within `one_look` it is part of that."""
    shared: Connection | None = getattr(_looking, "connection", None)
    with Session(shared if shared is not None and shared.engine is engine else engine) as session:
        yield session


_looking = threading.local()


@contextmanager
def one_look(engine: Engine) -> Iterator[None]:
    """Let all that this thread reads within be one transaction: beginning and ending one costs more than a question."""
    with engine.connect() as connection, connection.begin():
        _looking.connection = connection
        try:
            yield
        finally:
            del _looking.connection


def table_of(model: type[SQLModel]) -> Table:
    """Return the table of a model, for statements on plain rows."""
    return model.__table__  # type: ignore[attr-defined, no-any-return]


@cache
def _insert_into(model: type[SQLModel]) -> Insert:
    return table_of(model).insert().inline()  # nobody asks for the numbers that the rows get


@cache
def _insert_many_into(model: type[SQLModel], names: tuple[str, ...]) -> Insert:
    """Return a statement that takes all rows as one text, so that it is the same however many there are."""
    table = table_of(model)
    rows = (
        func.json_to_recordset(cast(bindparam("rows", type_=Text), JSON))
        .table_valued(*(column(name, table.c[name].type) for name in names), name="given")
        .render_derived(with_types=True)
    )
    return table.insert().inline().from_select(names, select(*(rows.c[name] for name in names)))


def insert_rows(session: Session, model: type[SQLModel], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write new rows, by the names of their columns: much cheaper than objects, and in one statement.

    All rows name the same columns. PostgreSQL parses and plans each statement, so that many rows in one cost a
    fraction; SQLite does not.
    """
    if not rows:
        return
    connection = session.connection()
    if len(rows) == 1 or connection.dialect.name == "sqlite":
        connection.execute(_insert_into(model), rows)
    else:
        text_of_all = json.dumps(rows, default=_as_text)
        connection.execute(_insert_many_into(model, tuple(rows[0])), {"rows": text_of_all})


def _as_text(value: object) -> str:
    """Return a date or an aware moment as PostgreSQL reads it. Raises TypeError for anything else."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(type(value))


def migrate(engine: Engine, schema: str | None = None) -> None:
    """Bring the database to the newest schema; running it twice, or twice at a time, changes nothing.

    `schema` is that of `create_engine`, made when it is not there.

    A database of a newer release is left as it is: releases only add to the schema, so that during an upgrade
    workers of the release before it can start too. One that is up to date is only looked at, without Alembic and
    without a lock: almost every command finds such a one.
    """
    if _revision(engine) == newest_revision():
        return
    from adapters.storage.migrating import upgrade  # noqa: PLC0415 - Alembic takes a sixth of the time of a command

    upgrade(engine, schema)


def _revision(engine: Engine) -> str | None:
    """Return the schema that a database has; None where there is none yet."""
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
        return found


@cache
def newest_revision() -> str:
    """Return the newest schema of this release: that of the last file of migrations."""
    return max(file.stem for file in MIGRATIONS.glob("versions/v*.py")).removeprefix("v")
