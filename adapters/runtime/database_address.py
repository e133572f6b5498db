"""The address of the case database as people and hosters write it, in the one form that we use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from milestones.refusal import Refusal

if TYPE_CHECKING:
    from pathlib import Path

_SQLITE = ("sqlite", "sqlite+pysqlite", "sqlite+aiosqlite")
_POSTGRESQL = (
    "postgres",
    "postgresql",
    "postgresql+asyncpg",
    "postgresql+psycopg",
    "postgresql+psycopg2",
)
# What asyncpg, Prefect's driver, asks for in an address and psycopg does not know.
_ASYNCPG_ALONE = ("prepared_statement_cache_size", "statement_cache_size", "prepared_statement_name_func")


class AddressError(Refusal, ValueError):
    """An address of a database that cannot be used: one Dutch sentence, without a password."""


def sqlite_address(file: Path) -> URL:
    """Return the address of a SQLite file; whatever its path holds, it names that file."""
    return URL.create("sqlite", database=str(file))


def database_address(written: str | URL) -> URL:
    """Return an address as SQLAlchemy and psycopg take it; raises AddressError."""
    try:
        url = make_url(written)
    except (ArgumentError, ValueError):
        raise AddressError(
            "Dit is geen adres van een database; schrijf postgresql://gebruiker:wachtwoord@server:5432/naam "
            "(bijzondere tekens in het wachtwoord als %-codes)."
        ) from None
    if url.drivername in _SQLITE:
        return _sqlite(url, cut_off=isinstance(written, str) and "?" in written)
    if url.drivername in _POSTGRESQL:
        return _postgresql(url)
    raise AddressError(f"Een database van de soort '{url.drivername}' kan niet; kies PostgreSQL of SQLite.")


def _sqlite(url: URL, *, cut_off: bool) -> URL:
    if cut_off or url.query:
        raise AddressError(
            "Een pad met ? kan niet in een adres staan. Laat dit adres weg en zet de map in ROUTEKAART_HOME."
        )
    if not url.database or url.database == ":memory:":
        raise AddressError(
            "Een SQLite-database zonder bestand bewaart niets; schrijf sqlite:////pad/naar/zaken.db."
        )
    return url.set(drivername="sqlite")


def _postgresql(url: URL) -> URL:
    query = {name: value for name, value in url.query.items() if name not in _ASYNCPG_ALONE}
    if "ssl" in query:  # asyncpg's word for the same
        query.setdefault("sslmode", query.pop("ssl"))
        query.pop("ssl", None)
    return url.set(drivername="postgresql+psycopg", query=query)
