"""The tables for integrations: made by their migration, on either database, and taken away again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import inspect
from sqlmodel import SQLModel

import adapters.cases.cancellations
import adapters.storage.destruction_tables
import adapters.storage.message_tables
import adapters.storage.migrations
import adapters.storage.oversight_tables
from adapters.storage.exchange_tables import ClientRow, WebhookDeliveryRow

if TYPE_CHECKING:
    from adapters.office import Office


def test_the_migration_makes_what_the_models_say(office: Office) -> None:
    """The migrated database has every table, column and index of the models."""
    with office.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"target_metadata": SQLModel.metadata})
        assert compare_metadata(context, SQLModel.metadata) == []


def test_the_migration_goes_back_and_forth(office: Office) -> None:
    """Going back takes the tables away, going forth makes them again."""
    config = Config()
    config.set_main_option("script_location", str(adapters.storage.migrations.__path__[0]))
    names = {ClientRow.__tablename__, WebhookDeliveryRow.__tablename__}
    for step, there in ((command.downgrade, False), (command.upgrade, True)):
        with office.engine.connect().execution_options(writes=True) as connection:
            config.attributes["connection"] = connection
            step(config, "0002" if step is command.downgrade else "head")
            connection.commit()
        assert names.issubset(inspect(office.engine).get_table_names()) is there
