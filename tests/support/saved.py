"""The saved databases of every release, and how the cases in them go on."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import JSON, Column, MetaData, text

from adapters.storage import database
from adapters.storage.database import create_engine

SAVED = sorted((Path(__file__).parents[1] / "fixtures" / "databases").glob("*.sqlite.gz"))

# How each saved case goes on, and where it ends. What opens from it has the newest version, whose endings ask why.
WHY = {"ziet_af": {"motivering": "m-1"}}
REST = {
    "BEWAARD-M1": ([("M1", "geen_vervolg")], {"M1": "AFGESLOTEN"}),
    "BEWAARD-M2": ([("M2", "bereikt"), ("M2", "hulp_geweigerd")], {"M2": "AFGESLOTEN"}),
    "BEWAARD-M3": (
        [("M3", "afspraak_gemaakt"), ("M3", "eerste_gesprek_gevoerd"), ("M4", "ziet_af")],
        {"M3": "OVERGEDRAGEN", "M4": "AFGESLOTEN"},
    ),
    "BEWAARD-M4": ([("M4", "gegevens_ontvangen")], {"M3": "OVERGEDRAGEN", "M4": "INTAKE"}),
    "BEWAARD-DICHT": ([], {"M3": "AFGESLOTEN"}),
}


def copy_to_postgresql(source: str, target: str) -> None:
    """Make the schema of that release in PostgreSQL, and copy its rows."""
    config = Config()
    folder = Path(database.__file__).with_name("migrations")
    config.set_main_option("script_location", str(folder))
    old, new = create_engine(source), create_engine(target)
    held = MetaData()
    with old.connect() as rows, new.connect().execution_options(writes=True) as connection:
        revision = rows.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        held.reflect(connection)
        for table in held.sorted_tables:
            if table.name == "alembic_version":
                continue
            named = [column.name for column in table.columns]
            found = rows.execute(
                text(f"SELECT {', '.join(f'{chr(34)}{name}{chr(34)}' for name in named)} FROM {table.name}")
            )
            values = [
                {name: _as(table.columns[name], value) for name, value in zip(named, row, strict=True)}
                for row in found
            ]
            if values:
                connection.execute(table.insert(), values)
        for (name,) in connection.execute(
            text("SELECT sequencename FROM pg_sequences WHERE schemaname = 'public'")
        ).all():
            if name.endswith("_id_seq"):
                table_name = name.removesuffix("_id_seq")
                connection.execute(
                    text(f"SELECT setval('{name}', (SELECT coalesce(max(id), 1) FROM {table_name}))")
                )
            else:
                connection.execute(text(f"SELECT setval('{name}', 1000)"))
        connection.commit()
    old.dispose()
    new.dispose()


def _as(column: Column[Any], value: Any) -> Any:
    """Return what SQLite keeps as text in the type of a column."""
    if value is None:
        return None
    kind = column.type.python_type
    if kind is bool:
        return bool(value)
    if kind is datetime:
        return datetime.fromisoformat(value).replace(tzinfo=UTC)
    if kind is date:
        return date.fromisoformat(value)
    return json.loads(value) if isinstance(column.type, JSON) else value
