"""Alembic's way in: `adapters.storage.database.migrate` gives it a connection, `alembic -x url=...` an address."""

from __future__ import annotations

from alembic import context
from sqlmodel import SQLModel

from adapters.storage import message_tables as tables_messages  # noqa: F401 - its tables belong to the metadata
from adapters.storage import policy_tables as tables_policies  # noqa: F401 - idem
from adapters.storage.database import create_engine

_connection = context.config.attributes.get("connection")


def _run(connection: object) -> None:
    context.configure(connection=connection, target_metadata=SQLModel.metadata, render_as_batch=True)  # type: ignore[arg-type]
    with context.begin_transaction():
        context.run_migrations()


if _connection is not None:
    _run(_connection)
else:
    with create_engine(context.get_x_argument(as_dictionary=True)["url"]).connect() as opened:
        _run(opened)
