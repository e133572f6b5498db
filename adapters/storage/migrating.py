"""Bring a database to the newest schema, with Alembic."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.schema import CreateSchema

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

_MIGRATIONS = Path(__file__).with_name("migrations")
_MIGRATING = 0x726F757465  # the lock under which one process at a time migrates


def upgrade(engine: Engine, schema: str | None = None) -> None:
    """Do what `adapters.storage.database.migrate` promises; one process at a time."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    with engine.connect().execution_options(writes=True) as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATING})")
            if schema is not None:
                _make_schema(connection, schema)
        if not _is_newer(connection, config):
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        connection.commit()


def _make_schema(connection: Connection, schema: str) -> None:
    """Make a schema that is not there; who may make none can still use one that is."""
    there = connection.execute(text("SELECT 1 FROM pg_namespace WHERE nspname = :name"), {"name": schema})
    if there.first() is None:
        connection.execute(CreateSchema(schema))


def _is_newer(connection: Connection, config: Config) -> bool:
    """Whether the database has a schema that this release does not know."""
    now = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    return now is not None and now not in known
