"""Home folders and addresses of databases as people write them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from sqlalchemy import text

from adapters.office import open_office
from adapters.operations.backup import make_backup, put_back
from adapters.runtime.database_address import AddressError, database_address
from adapters.runtime.settings import Settings, SettingsError
from adapters.storage import database
from adapters.storage.database import create_engine, reading, writing

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ["wat?nu", "hok#3", "100%25", "50%", "met spatie", "café-ïjs", "a&b=c;d", "?mode=ro#"]


@pytest.mark.parametrize("name", NAMES)
def test_a_home_of_any_name_holds_its_database_and_its_backup(tmp_path: Path, name: str) -> None:
    """The database is in the home folder and nowhere else; a backup is made there and put back."""
    settings = Settings(home=tmp_path / name)
    office = open_office(settings)
    reference = office.casework.open("M1", municipality="0518").reference
    office.engine.dispose()
    target = settings.home_folder / "een.backup"
    make_backup(settings.database, target)
    put_back(settings.database, target)
    assert open_office(settings).casework.case(reference).reference == reference
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("form", ["postgres", "postgresql", "postgresql+asyncpg", "postgresql+psycopg"])
def test_every_form_of_an_address_is_understood(postgresql_url: str, form: str) -> None:
    """What hosters give, what Prefect asks for and what SQLAlchemy writes all reach the database."""
    address = postgresql_url.replace("postgresql", form, 1) + "?sslmode=prefer"
    with create_engine(address).connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1


def test_what_asyncpg_asks_for_is_translated() -> None:
    """`ssl` is libpq's `sslmode`; what only asyncpg knows goes, and the rest stays."""
    url = database_address("postgresql+asyncpg://u@h/d?ssl=require&statement_cache_size=0&sslrootcert=/a.pem")
    assert (url.drivername, dict(url.query)) == (
        "postgresql+psycopg",
        {"sslmode": "require", "sslrootcert": "/a.pem"},
    )


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("niet een url", "geen adres van een database"),
        ("", "geen adres van een database"),
        ("postgresql://u:geheim@h:vijf/d", "geen adres van een database"),
        ("mysql://u:geheim@h/d", "kies PostgreSQL of SQLite"),
        ("sqlite://", "bewaart niets"),
        ("sqlite:///:memory:", "bewaart niets"),
        ("sqlite:////tmp/wat?nu/zaken.db", "ROUTEKAART_HOME"),
    ],
)
def test_an_address_that_cannot_be_used_is_one_sentence_without_a_password(
    tmp_path: Path, written: str, sentence: str
) -> None:
    """The sentence names the setting and what to write, and never a password."""
    with pytest.raises(SettingsError, match="ROUTEKAART_DATABASE_URL") as refused:
        open_office(Settings(home=tmp_path, database_url=written))
    assert sentence in str(refused.value)
    assert "geheim" not in str(refused.value)
    with pytest.raises(AddressError):
        create_engine(written)


def test_the_options_of_the_user_are_kept(postgresql_url: str) -> None:
    """`options` in the address reach the server as they were written, and our transactions keep their own limits."""
    engine = create_engine(f"{postgresql_url}?options=-c%20work_mem%3D7MB", wait_seconds=3)
    with engine.connect() as connection:
        assert connection.execute(text("SHOW work_mem")).scalar_one() == "7MB"
        assert connection.execute(text("SHOW lock_timeout")).scalar_one() == "3s"
        assert connection.execute(text("SHOW idle_in_transaction_session_timeout")).scalar_one() == "10min"


def test_who_writes_may_stand_still_for_less_long_than_who_reads(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A report may count for minutes between two questions; what somebody locks does not last."""
    monkeypatch.setattr(database, "WRITER_MAY_STAND_STILL_SECONDS", 15.0)  # what the product has
    asked = text("SHOW idle_in_transaction_session_timeout")
    engine = create_engine(postgresql_url)
    for opened, limit in ((reading, "10min"), (writing, "15s")):
        with opened(engine) as session:
            assert session.execute(asked).scalar_one() == limit


def test_nothing_of_ours_stays_in_a_session(postgresql_url: str) -> None:
    """After a transaction the session is as it was: no setting, no prepared statement, no lock."""
    engine = create_engine(postgresql_url)
    for _ in range(12):
        with engine.begin() as connection:
            connection.execute(text("SELECT :x"), {"x": 1})
    with engine.connect() as connection:
        raw = connection.connection.driver_connection
        assert isinstance(raw, psycopg.Connection)
        assert raw.execute("SHOW lock_timeout").fetchone() == ("0",)
        assert raw.execute("SELECT count(*) FROM pg_prepared_statements").fetchone() == (0,)
        assert raw.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
        ).fetchone() == (0,)
