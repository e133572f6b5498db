"""PostgreSQL as hosters give it: behind the real PgBouncer, with other habits, and a user with few rights."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy.exc import DBAPIError
from support.stack import free_port

from adapters.office import Office, open_office
from adapters.operations.backup import make_backup, put_back
from adapters.operations.integrity import broken_journals
from adapters.operations.sentences import explain
from adapters.runtime.database_address import AddressError
from adapters.runtime.settings import Settings
from adapters.storage.database import create_engine
from adapters.storage.storage_trouble import Trouble, passes_by_itself, trouble_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Engine

PGBOUNCER = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")


@pytest.fixture
def pooler(empty_postgresql_url: str) -> Iterator[Callable[..., str]]:
    """Start a PgBouncer of two server connections before an empty database; give its address."""
    if PGBOUNCER is None:
        pytest.skip("no PgBouncer on this machine")
    behind = conninfo_to_dict(empty_postgresql_url)
    started: list[subprocess.Popen[bytes]] = []
    folders: list[Path] = []

    def start(mode: str = "transaction", more: str = "") -> str:
        port = free_port()
        folder = Path(tempfile.mkdtemp(prefix="pgbouncer"))  # its own user must read it
        folder.chmod(0o755)
        folders.append(folder)
        file = folder / "pgbouncer.ini"
        words = f"host={behind['host']} port={behind['port']} dbname={behind['dbname']} user={behind['user']}"
        file.write_text(
            f"[databases]\nzaken = {words}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n"
            f"unix_socket_dir =\nauth_type = any\npool_mode = {mode}\ndefault_pool_size = 2\n{more}\n"
        )
        file.chmod(0o644)
        started.append(
            subprocess.Popen(
                [str(PGBOUNCER), str(file)],
                user="postgres",
                cwd="/",
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )
        address = f"postgresql://iemand@127.0.0.1:{port}/zaken"
        for _ in range(200):
            try:
                psycopg.connect(address, connect_timeout=2).close()
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                break
        return address

    yield start
    for process in started:
        process.terminate()
        process.wait(20)
    for folder in folders:
        shutil.rmtree(folder)


def _settings(home: Path, url: str, schema: str | None = None) -> Settings:
    keys = {"person_key": "p" * 32, "link_key": "l" * 32, "integration_key": "i" * 32}
    return Settings(home=home, database_url=url, database_schema=schema, database_wait_seconds=10, **keys)


def _at_once(office: Office, number: int) -> None:
    def work(index: int) -> None:
        reference = office.casework.open("M3", municipality="0518", reference=f"ZAAK-{index}").reference
        office.casework.report(reference, "aanmelding_geregistreerd", event_id=f"een-{index}")
        assert len(office.casework.case(reference).journal) == 2

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(work, range(number)))


def test_everything_works_through_a_pooler_in_transaction_mode(
    pooler: Callable[..., str], tmp_path: Path
) -> None:
    """Migrating, thirty openings by ten at a time, claims, a check and a backup, over two server connections."""
    url = pooler()
    office = open_office(_settings(tmp_path, url))
    _at_once(office, 30)
    assert len(office.attention.claim(100)) == 30
    assert list(broken_journals(office)) == []
    if shutil.which("pg_dump") is not None:
        make_backup(url, tmp_path / "een.backup")
        office.engine.dispose()
        assert put_back(url, tmp_path / "een.backup").cases == 30
    office.engine.dispose()


@pytest.mark.parametrize(
    ("mode", "query", "sentence"),
    [
        ("transaction", "?options=-c%20work_mem%3D7MB", "ignore_startup_parameters"),
        ("statement", "", "pool_mode"),
    ],
)
def test_what_a_pooler_does_not_allow_is_named(
    pooler: Callable[..., str], tmp_path: Path, mode: str, query: str, sentence: str
) -> None:
    """One sentence says what to change in the pooler."""
    with pytest.raises(DBAPIError) as caught:
        open_office(_settings(tmp_path, pooler(mode) + query))
    assert sentence in explain(caught.value).sentence


def _waits(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
        time.sleep(2.5)
        connection.exec_driver_sql("SELECT 1")


def _asks_long(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT pg_sleep(3)")


def _holds_all_and_asks(engine: Engine) -> None:
    with engine.connect() as one, engine.connect() as other, engine.connect() as third:
        for connection in (one, other, third):
            connection.exec_driver_sql("SELECT 1")


@pytest.mark.parametrize(
    ("limit", "work", "trouble"),
    [
        ("idle_transaction_timeout", _waits, Trouble.STOOD_STILL),
        ("query_timeout", _asks_long, Trouble.TOO_LONG),
        ("query_wait_timeout", _holds_all_and_asks, Trouble.NO_TURN),
    ],
)
def test_a_limit_of_the_pooler_is_named_and_waited_out(
    pooler: Callable[..., str], limit: str, work: Callable[[Engine], None], trouble: Trouble
) -> None:
    """A pooler that cut something off is set up well: a worker tries again, and nobody is sent to its pool_mode."""
    engine = create_engine(pooler(more=f"{limit} = 1"))
    with pytest.raises(DBAPIError) as caught:
        work(engine)
    assert trouble_of(caught.value) is trouble
    assert passes_by_itself(caught.value)
    engine.dispose()


@pytest.mark.parametrize("through_a_pooler", [False, True])
def test_a_server_with_other_habits_gives_the_same_days(
    empty_postgresql_url: str, pooler: Callable[..., str], tmp_path: Path, through_a_pooler: bool
) -> None:
    """Dates and moments are the same, whatever DateStyle and time zone the server prefers."""
    server, _, name = empty_postgresql_url.rpartition("/")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE \"{name}\" SET datestyle = 'SQL, DMY'")
        connection.execute(f"ALTER DATABASE \"{name}\" SET timezone = 'Pacific/Kiritimati'")
        connection.execute(f"ALTER DATABASE \"{name}\" SET intervalstyle = 'iso_8601'")
    office = open_office(_settings(tmp_path, pooler() if through_a_pooler else empty_postgresql_url))
    before = office.clock.now()
    _at_once(office, 1)
    row = office.casework.case("ZAAK-0").journal[0]
    assert row.on == before.date()
    assert abs((row.at - before).total_seconds()) < 60
    assert list(broken_journals(office)) == []
    office.engine.dispose()


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_that_cannot_keep_every_letter_is_named(
    bare_postgresql_url: str, tmp_path: Path, encoding: str
) -> None:
    """One sentence with the encoding and how to make another; a name with an accent would be lost in it."""
    server, _, name = bare_postgresql_url.rpartition("/")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}"')
        connection.execute(f"CREATE DATABASE \"{name}\" TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'")
    with pytest.raises(AddressError, match=f"als {encoding}. Maak een database met: CREATE DATABASE"):
        open_office(_settings(tmp_path, bare_postgresql_url))


@pytest.fixture
def small_user(empty_postgresql_url: str) -> Iterator[str]:
    """A user who may make nothing in `public`, and has a schema of his own."""
    name = "routekaart_klein"
    with psycopg.connect(empty_postgresql_url, autocommit=True) as connection:
        connection.execute(f"DROP ROLE IF EXISTS {name}")
        connection.execute(f"CREATE ROLE {name} LOGIN")
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
        connection.execute(f"CREATE SCHEMA zaken AUTHORIZATION {name}")
    yield empty_postgresql_url.replace("root@", f"{name}@")
    with psycopg.connect(empty_postgresql_url, autocommit=True) as connection:
        connection.execute(f"DROP OWNED BY {name} CASCADE")
        connection.execute(f"DROP ROLE {name}")


def test_a_user_without_rights_on_public_uses_a_schema_of_his_own(small_user: str, tmp_path: Path) -> None:
    """Without the setting the sentence names it; with it cases go, and a backup is made and put back."""
    with pytest.raises(DBAPIError) as caught:
        open_office(_settings(tmp_path, small_user))
    assert "ROUTEKAART_DATABASE_SCHEMA" in explain(caught.value).sentence
    office = open_office(_settings(tmp_path, small_user, "zaken"))
    _at_once(office, 3)
    if shutil.which("pg_dump") is not None:
        make_backup(small_user, tmp_path / "een.backup", "zaken")
        office.engine.dispose()
        assert put_back(small_user, tmp_path / "een.backup", "zaken").cases == 3
    office.engine.dispose()
