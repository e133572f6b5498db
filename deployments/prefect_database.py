"""The database of a Prefect server when it is unfit: of a newer Prefect, on a network disk, or without temporary files.

Prefect's database can go: all open cases come back in a new one, from the journal. What a person made in Prefect
alone, such as Secret blocks, does not come back; so the old one is put aside and not removed.
"""

from __future__ import annotations

import os
import re
import sqlite3
from contextlib import closing, contextmanager
from datetime import datetime
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from sqlalchemy import text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, ProgrammingError

from adapters.runtime.clock import AMSTERDAM
from adapters.runtime.settings import SettingsError
from adapters.storage.database import CaseRow, create_engine
from adapters.storage.database_file import refuse_file_on_network_disk
from adapters.storage.storage_trouble import Trouble, no_temporary_folder
from deployments.environment import own_prefect_database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Engine

    from adapters.runtime.settings import Settings

_REVISION = re.compile(r"""^revision\s*(?::\s*str\s*)?=\s*["'](\w+)["']""", re.MULTILINE)
_MIGRATIONS = Path("server/database/_migrations/versions")
_BACK = "Alle zaken komen terug uit het journaal; maak Secret-blokken en eigen automations opnieuw."


def refuse_unfit_database(settings: Settings) -> None:
    """Raise a Refusal that says what to do when the installed Prefect cannot read its database, or would break it."""
    file = _file_of_prefect(settings)
    if file is not None:
        if no_temporary_folder():
            raise SettingsError(Trouble.NO_TEMPORARY)
        refuse_file_on_network_disk(file, "De database van Prefect", "PREFECT_SERVER_DATABASE_CONNECTION_URL")
    url = _postgresql_of_prefect() if file is None else None
    if file is not None:
        there, kind = _revisions_in_file(file), "sqlite"
    elif url is not None:
        there, kind = _revisions_in_postgresql(url), "postgresql"
    else:
        return
    known = _known_revisions(kind)
    if known and there - known:
        raise SettingsError(
            f"De database van Prefect is van een nieuwere Prefect dan {version('prefect')}. Installeer die weer, "
            f"of begin met een nieuwe database: routekaart start --nieuwe-prefect. {_BACK}"
        )


def move_database_aside(settings: Settings) -> str | None:
    """Put the database of Prefect aside under another name; return that name, None when there is none.

    In PostgreSQL its schema is renamed and an empty one takes its place. Raises SettingsError.
    """
    stamp = f"{datetime.now(AMSTERDAM):%Y%m%d-%H%M%S}"
    if (file := _file_of_prefect(settings)) is not None:
        return _move_file(file, stamp)
    if (url := _postgresql_of_prefect()) is not None:
        return _move_schema(url, stamp)
    raise SettingsError(
        "De database van Prefect is niet die in de map van routekaart. Maak een lege database en noem die in "
        "PREFECT_SERVER_DATABASE_CONNECTION_URL; alle zaken komen daar terug uit het journaal."
    )


def _move_file(file: Path, stamp: str) -> str | None:
    if not file.exists():
        return None
    kept = file.with_name(f"prefect.db.{stamp}")
    for left in ("-wal", "-shm", "-journal", ""):  # the database last: without its log it is another one
        part = file.with_name(file.name + left)
        if part.exists():
            part.rename(kept.with_name(kept.name + left))
    return str(kept)


def _move_schema(url: URL, stamp: str) -> str | None:
    kept = f"prefect_{stamp.replace('-', '_')}"
    try:
        with _engine(url) as engine, engine.begin() as connection:
            if not _has_table(connection, "alembic_version"):
                return None
            if _has_table(connection, str(CaseRow.__tablename__)):
                raise SettingsError(
                    "In het schema van Prefect staan ook de zaken. Maak een lege database voor Prefect en noem die in "
                    "PREFECT_SERVER_DATABASE_CONNECTION_URL; alle zaken komen daar terug uit het journaal."
                )
            quote = engine.dialect.identifier_preparer.quote_identifier
            schema = quote(connection.scalar(text("SELECT current_schema()")) or "public")
            extensions = connection.scalars(
                text("SELECT extname FROM pg_extension WHERE extnamespace = current_schema()::regnamespace")
            ).all()
            connection.execute(text(f"ALTER SCHEMA {schema} RENAME TO {kept}"))
            connection.execute(text(f"CREATE SCHEMA {schema}"))
            for name in extensions:  # Prefect's indexes want pg_trgm where it looks
                connection.execute(text(f"ALTER EXTENSION {quote(name)} SET SCHEMA {schema}"))
    except ProgrammingError:
        raise SettingsError(
            "Deze gebruiker mag het schema van Prefect niet hernoemen. Maak een lege database en noem die in "
            "PREFECT_SERVER_DATABASE_CONNECTION_URL; alle zaken komen daar terug uit het journaal."
        ) from None
    return f"schema {kept}"


def _said(name: str) -> str | None:
    """Return what a setting of Prefect's database says, under its name of now or of before."""
    return os.environ.get(f"PREFECT_SERVER_DATABASE_{name}") or os.environ.get(f"PREFECT_API_DATABASE_{name}")


def _file_of_prefect(settings: Settings) -> Path | None:
    """Return the file of Prefect's SQLite: ours, or the one that its settings name; None on a server."""
    url = _said("CONNECTION_URL")
    if url is None or not url.startswith("sqlite"):
        return own_prefect_database(settings)
    name = _address(url).database or ""
    return Path(unquote(name.removeprefix("file:")) if name.startswith("file:") else name)


def _postgresql_of_prefect() -> URL | None:
    """Return the address of Prefect's own PostgreSQL as its settings name it; None where there is none."""
    if (url := _said("CONNECTION_URL")) is not None:
        address = _address(url)
        return address if address.get_backend_name() == "postgresql" else None
    if (host := _said("HOST")) is None:
        return None
    return URL.create(
        "postgresql",
        _said("USER"),
        _said("PASSWORD"),
        host,
        _port(),
        _said("NAME"),
    )


def _address(url: str) -> URL:
    try:
        return make_url(url)
    except (ArgumentError, ValueError):
        raise SettingsError(
            "De instelling PREFECT_SERVER_DATABASE_CONNECTION_URL klopt niet: schrijf "
            "postgresql+asyncpg://gebruiker:wachtwoord@server:5432/prefect."
        ) from None


def _port() -> int:
    try:
        return int(_said("PORT") or 5432)
    except ValueError:
        raise SettingsError(
            "De instelling PREFECT_SERVER_DATABASE_PORT klopt niet: schrijf een getal."
        ) from None


@contextmanager
def _engine(url: URL) -> Iterator[Engine]:
    engine = create_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


def _has_table(connection: Connection, name: str) -> bool:
    return bool(
        connection.scalar(text("SELECT to_regclass(current_schema() || '.' || :name)"), {"name": name})
    )


def _revisions_in_postgresql(url: URL) -> set[str]:
    try:
        with _engine(url) as engine, engine.begin() as connection:
            if not _has_table(connection, "alembic_version"):
                return set()  # not made yet: Prefect does that
            return set(connection.scalars(text("SELECT version_num FROM alembic_version")))
    except DBAPIError:
        raise SettingsError(
            f"De database van Prefect ({url.host or url.query.get('host', '')}) antwoordt niet of laat deze gebruiker "
            "niet toe. Zie PREFECT_SERVER_DATABASE_CONNECTION_URL."
        ) from None


def _revisions_in_file(file: Path) -> set[str]:
    if not file.exists():
        return set()
    try:
        with closing(
            sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=30)
        ) as database:
            return {str(row[0]) for row in database.execute("SELECT version_num FROM alembic_version")}
    except sqlite3.OperationalError:
        return set()  # not made yet: Prefect does that
    except sqlite3.DatabaseError as error:
        raise SettingsError(
            f"De database van Prefect ({file}) is beschadigd ({error}). Alle zaken staan in het journaal; begin met "
            "een nieuwe: routekaart start --nieuwe-prefect."
        ) from None


def _known_revisions(kind: str) -> set[str]:
    """Return the revisions that the installed Prefect knows, without importing it; nothing when they are elsewhere."""
    found = find_spec("prefect")
    if found is None or found.origin is None:
        return set()
    folder = Path(found.origin).parent / _MIGRATIONS / kind
    return {match for file in folder.glob("*.py") for match in _REVISION.findall(file.read_text("utf-8"))}
