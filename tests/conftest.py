"""Fixtures that several tests share."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import uuid
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

import hypothesis
import psycopg
import pytest
from sqlmodel import SQLModel
from support.stack import Stack
from support.workshop import Nursery, PrefectServer, Workshop

from adapters.cases.casework import Casework
from adapters.office import Office
from adapters.runtime.calendar_data import dutch_calendar
from adapters.runtime.clock import AMSTERDAM, SetClock
from adapters.runtime.settings import Settings
from adapters.storage import database
from adapters.storage.database import create_engine, migrate
from milestones.policy import Policy, Rules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy import Engine

POSTGRESQL = os.environ.get("ROUTEKAART_TEST_POSTGRESQL", "postgresql://root@127.0.0.1:5432/postgres")

# A slow machine fails no test.
hypothesis.settings.register_profile(
    "slow", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("slow")

# Nor does the database end the transaction of a test on a machine that stood still.
database.WRITER_MAY_STAND_STILL_SECONDS = 500.0

# The receivers of the tests are on this machine.
os.environ.setdefault("ROUTEKAART_WEBHOOK_NETWORKS", '["127.0.0.0/8", "::1/128"]')

# The tests start some hundred processes, and each would compile all that is ours where nothing compiled is kept.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# A port where nobody listens: whoever asks this proxy gets nothing.
DEAD_PROXY = "http://127.0.0.1:9"

# Each is started once; all tests that use one run in one process, one after the other.
SHARED = ("stack", "server", "prefect_url")


def _postgresql_answers() -> bool:
    try:
        psycopg.connect(POSTGRESQL, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite case database that was migrated once, for tests to copy."""
    path = tmp_path_factory.mktemp("migrated") / "zaken.db"
    made = create_engine(f"sqlite:///{path}")
    migrate(made)
    made.dispose()
    return path


@contextmanager
def _postgresql_database(like: str = "") -> Iterator[str]:
    """Make a PostgreSQL database, empty or `like` another, and remove it afterwards; skip where no server answers."""
    if not _postgresql_answers():
        pytest.skip("no PostgreSQL on this machine")
    name = f"routekaart_test_{uuid.uuid4().hex[:8]}"
    template = like.rpartition("/")[2] or "template1"
    with psycopg.connect(POSTGRESQL, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        # Nobody pulls the plug of this server, and every commit would wait for its disk.
        connection.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
    yield POSTGRESQL.rsplit("/", 1)[0] + f"/{name}"
    with psycopg.connect(POSTGRESQL, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def migrated_postgresql() -> Iterator[str]:
    """A PostgreSQL database that was migrated once, for others to be made like it."""
    with _postgresql_database() as url:
        made = create_engine(url)
        migrate(made)
        made.dispose()
        yield url


@pytest.fixture(scope="session")
def postgresql_url(migrated_postgresql: str) -> Iterator[str]:
    """A migrated PostgreSQL database of our own that the fixture `database_url` empties after each test."""
    with _postgresql_database(migrated_postgresql) as url:
        yield url


@pytest.fixture
def empty_postgresql_url(migrated_postgresql: str) -> Iterator[str]:
    """A migrated PostgreSQL database of one test, for workers and servers that are killed with connections open."""
    with _postgresql_database(migrated_postgresql) as url:
        yield url


@pytest.fixture
def bare_postgresql_url() -> Iterator[str]:
    """A PostgreSQL database of one test without a table."""
    with _postgresql_database() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty case database, on SQLite and on the real PostgreSQL."""
    if request.param == "sqlite":
        path = shutil.copy(request.getfixturevalue("migrated_file"), tmp_path / "zaken.db")
        yield f"sqlite:///{path}"
        return
    url = request.getfixturevalue("postgresql_url")
    yield url
    made = create_engine(url)
    with made.begin() as connection:  # much faster than TRUNCATE, which makes new files
        for table in reversed(SQLModel.metadata.sorted_tables):
            connection.execute(table.delete())
        connection.exec_driver_sql(
            "SELECT setval(quote_ident(sequencename)::regclass, 1, false) FROM pg_sequences"
            " WHERE schemaname = 'public'"
        )
    made.dispose()


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An empty case database, on SQLite and on the real PostgreSQL."""
    made = create_engine(database_url)
    yield made
    made.dispose()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def lasting_engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    """A case database that the tests of a file share, one of each kind: they only read what a fixture put there."""
    with ExitStack() as closing:
        if request.param == "sqlite":
            path = tmp_path_factory.mktemp("blijvend") / "zaken.db"
            url = f"sqlite:///{shutil.copy(request.getfixturevalue('migrated_file'), path)}"
        else:
            url = closing.enter_context(_postgresql_database(request.getfixturevalue("migrated_postgresql")))
        made = create_engine(url)
        closing.callback(made.dispose)
        yield made


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist looks at the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With workers, keep tests on one server in one process: those that share one, and else those of one file."""
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        shared = next((name for name in SHARED if name in fixtures), None)
        if shared is not None:
            item.add_marker(pytest.mark.xdist_group(shared))
        elif item.get_closest_marker("prefect") or item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.xdist_group(item.path.stem))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """Stop what many tests share after the last of them, because a server at rest still takes a tenth of a core."""
    yield
    needed = getattr(nextitem, "fixturenames", ())
    for name in SHARED:
        if isinstance(item, pytest.Function) and name in item.fixturenames and name not in needed:
            request: Any = item._request  # pytest knows no scope "group"
            for shared in item._fixtureinfo.name2fixturedefs.get(name, ()):
                shared.finish(request)
            # After no item at all comes the end; a copy of this process that tries a change goes on.
            if name == "prefect_url" and isinstance(nextitem, pytest.Item | None):
                from support.prefect_here import stop  # noqa: PLC0415 - with all of Prefect

                stop()


@pytest.fixture(autouse=True)
def _environment_of_its_own() -> Iterator[None]:
    """Leave the next test the environment that this one found: commands set Prefect's address in theirs."""
    found = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(found)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 kB of its own."""
    folder = tmp_path / "schijf"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("this user may mount no disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def clock() -> SetClock:
    """A clock that stands on Monday 9 March 2026, nine o'clock."""
    return SetClock(datetime(2026, 3, 9, 9, tzinfo=AMSTERDAM))


@pytest.fixture
def casework(engine: Engine, clock: SetClock) -> Casework:
    """The service on an empty database."""
    rules = Rules(dutch_calendar(), Policy())
    return Casework(engine, clock, lambda _: rules)


@pytest.fixture
def office(engine: Engine, clock: SetClock, tmp_path: Path) -> Office:
    """A whole office on an empty database."""
    return Office(Settings(home=tmp_path), engine, clock)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The real thing, started once for all tests that use it: in a home of an odd name, behind a proxy that is dead."""
    proxies = dict.fromkeys(("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"), DEAD_PROXY)
    folder = tmp_path_factory.mktemp("stack")
    odd = folder / "wat?nu #1 50% één"
    made = Stack(odd, extra=proxies | {"NO_PROXY": "localhost"})
    made.start()
    yield made
    assert made.stop() == 0


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    """A Prefect server that stays up."""
    made = PrefectServer(tmp_path_factory.mktemp("server") / "prefect")
    made.start(wait=False)
    yield made
    made.kill()


@pytest.fixture
def prefect_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of Prefect's server in a thread of this process, which every client here finds."""
    from support.prefect_here import prefect_here  # noqa: PLC0415 - with all of Prefect

    with prefect_here(lambda: tmp_path_factory.mktemp("prefect")) as url:
        yield url


@pytest.fixture(scope="session")
def nursery(server: PrefectServer) -> Iterator[Nursery]:
    """A nursery of workers on that server."""
    made = Nursery(server)  # imports while the server starts
    server.wait_until_it_answers()
    yield made
    made.close()


@pytest.fixture
def workshop(server: PrefectServer, nursery: Nursery, tmp_path: Path) -> Iterator[Callable[..., Workshop]]:
    """Make workshops that are ended after the test."""
    made: list[Workshop] = []

    def make(**extra: str) -> Workshop:
        made.append(Workshop(server, nursery, tmp_path / f"werk{len(made)}", extra))
        return made[-1]

    yield make
    for one in made:
        one.stop()
