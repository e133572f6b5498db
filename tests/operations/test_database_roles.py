"""The two roles of `deployments/rollen.sql` on a real PostgreSQL: the service works, and cannot touch the journal."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import yaml
from sqlalchemy import make_url, text
from sqlalchemy.exc import ProgrammingError
from support.ended_cases import ended, six_years_on
from support.stack import home_with_keys

from adapters.office import Office, open_office
from adapters.operations.chain_heads import head_problems, keep_heads
from adapters.operations.destruction import approve, approved, may_destroy, remove_case
from adapters.operations.integrity import broken_journals
from adapters.operations.retention import forget
from adapters.runtime.actor import Actor, ActorKind, acts
from adapters.runtime.clock import AMSTERDAM, SetClock
from adapters.runtime.settings import Settings
from adapters.storage.database import create_engine, migrate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import URL, Engine

FILE = Path(__file__).parents[2] / "deployments" / "rollen.sql"
OF_PREFECT = FILE.with_name("prefect-rol.sql")
# What a release with another role left in Prefect's database: tables with a sequence, types, functions.
LEFT = """
CREATE TYPE state_type AS ENUM ('RUNNING', 'PAUSED');
CREATE TABLE flow_run (id serial PRIMARY KEY, state state_type);
CREATE VIEW paused AS SELECT * FROM flow_run WHERE state = 'PAUSED';
CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1';
"""
ROLES = ("routekaart_eigenaar", "routekaart_dienst")
# What changes a history, or gives a way to.
HISTORY = (
    "UPDATE journal SET event = 'x'",
    "DELETE FROM journal",
    "TRUNCATE journal",
    "ALTER TABLE journal ADD COLUMN x int",
    "DROP TABLE journal",
    "UPDATE looks SET actor_code = 'x'",
    "DELETE FROM looks",
    "TRUNCATE looks",
    "DROP TRIGGER keep_young_looks ON looks",
    "UPDATE destroyed_cases SET approved_by = 'x'",
    "DELETE FROM destroyed_cases",
    "UPDATE alembic_version SET version_num = 'x'",
    "CREATE TABLE mine (x int)",
    "CREATE ROLE mine",
)


@pytest.fixture
def urls(bare_postgresql_url: str) -> Iterator[dict[str, str]]:
    """The address of a new database for each role, after the file and the migration; roles of this test alone."""
    suffix = make_url(bare_postgresql_url).database or ""
    names = {role: f"{role}_{suffix[-8:]}" for role in ROLES}
    script = re.sub("|".join(ROLES), lambda found: names[found[0]], FILE.read_text(encoding="utf-8"))
    found = {
        role: make_url(bare_postgresql_url).set(username=name).render_as_string(hide_password=False)
        for role, name in names.items()
    }
    with psycopg.connect(bare_postgresql_url, autocommit=True) as connection:
        try:
            connection.execute(script)
            owner = create_engine(found["routekaart_eigenaar"])
            migrate(owner)
            owner.dispose()
            connection.execute(script)  # again, now that the tables are there
            yield found
        finally:
            for name in names.values():
                connection.execute(f'DROP OWNED BY "{name}" CASCADE')
                connection.execute(f'DROP ROLE "{name}"')


def _office(url: str, home: Path, clock: SetClock) -> Office:
    return open_office(Settings(home=home_with_keys(home), database_url=url), clock)


def _refused(engine: Engine, statement: str) -> bool:
    try:
        with engine.begin() as connection:
            connection.execute(text(statement))
    except ProgrammingError as error:
        return "permission denied" in str(error) or "must be owner" in str(error)
    return False


def _look(moment: str) -> str:
    """Return the statement that writes a look of a moment by the clock of the database."""
    return (
        "INSERT INTO looks (case_reference, municipality, actor_kind, actor_code, actor_way, slot, at)"
        f" VALUES ('ROL-1', '0518', 'medewerker', 'mw-17', 'formulier', 1, {moment})"
    )


def test_the_service_removes_looks_that_are_past_their_time(
    urls: dict[str, str], tmp_path: Path, clock: SetClock
) -> None:
    """The log of who looked is only added to; its rows go when they were kept long enough."""
    service = _office(urls["routekaart_dienst"], tmp_path / "home", clock)
    assert not _refused(service.engine, _look("now() - interval '32 days'"))
    clock.moment = datetime.now(AMSTERDAM) + timedelta(days=1)
    assert service.looks.forget(31) == 1
    service.engine.dispose()


def test_the_service_does_its_work_and_the_owner_destroys(
    urls: dict[str, str], tmp_path: Path, clock: SetClock
) -> None:
    """Cases are opened, reported on, ended and checked by the service; what was approved goes by the owner alone."""
    service = _office(urls["routekaart_dienst"], tmp_path / "home", clock)
    with acts(Actor(ActorKind.PERSON, "mw-17")):
        ended(service, "ROL-1")
        keep_heads(service)
        six_years_on(service, clock)
        forget(service)
        approve(service, ["ROL-1"])
    assert list(broken_journals(service)) == []
    assert not may_destroy(service.engine)
    owner = _office(urls["routekaart_eigenaar"], tmp_path / "home", clock)
    assert may_destroy(owner.engine)
    assert [case.reference for case in approved(owner)] == ["ROL-1"]
    assert remove_case(owner, "ROL-1")
    assert list(head_problems(service)) == []
    for office in (service, owner):
        office.engine.dispose()


def test_the_service_changes_no_history(urls: dict[str, str], tmp_path: Path, clock: SetClock) -> None:
    """Whoever has the password of the service can do none of these, not even by a role or a table of his own."""
    service = _office(urls["routekaart_dienst"], tmp_path / "home", clock)
    service.casework.open("M3", municipality="0518", reference="ROL-1")
    assert not _refused(service.engine, _look("now()"))
    assert [statement for statement in HISTORY if not _refused(service.engine, statement)] == []
    service.engine.dispose()


def _job(
    job: dict[str, Any], url: URL, folder: Path, passwords: dict[str, str]
) -> tuple[dict[str, str], list[str]]:
    """Return environment and words of a job of compose, with its files and secrets in a folder."""
    assert set(job["secrets"]) == set(passwords)
    for name, password in passwords.items():
        (folder / name).write_text(password, encoding="utf-8")
    given = {"PGHOST": url.host or "", "PGUSER": url.username or "", "PGDATABASE": url.database or ""}
    assert set(given) == set(job["environment"])
    shell, option, text = job["command"]
    text = text.replace("/run/secrets", str(folder)).replace("-f /", f"-f {folder}/").replace("$$", "$")
    given |= {"PATH": os.environ["PATH"], "PGPORT": str(url.port or 5432)}
    return given, [shell, option, text]


@pytest.mark.skipif(shutil.which("psql") is None, reason="no psql on this machine")
def test_compose_makes_the_roles_with_their_passwords(bare_postgresql_url: str, tmp_path: Path) -> None:
    """Its job runs twice, before and after the tables are there; a password stands in no list of processes."""
    compose = yaml.safe_load((FILE.parent / "compose.yaml").read_text(encoding="utf-8"))
    url = make_url(bare_postgresql_url)
    suffix = (url.database or "")[-8:]
    names = {role: f"{role}_{suffix}" for role in ROLES}
    for name, content in (
        ("/rollen.sql", FILE.read_text(encoding="utf-8")),
        ("/wachtwoorden.sql", compose["configs"]["passwords"]["content"]),
    ):
        mine = re.sub("|".join(ROLES), lambda found: names[found[0]], content)
        (tmp_path / name[1:]).write_text(mine.replace("/run/secrets", str(tmp_path)), encoding="utf-8")
    passwords = {
        "POSTGRES_PASSWORD": url.password or "",
        "POSTGRES_OWNER_PASSWORD": "van de 'eigenaar'",
        "POSTGRES_SERVICE_PASSWORD": "van de dienst",
    }
    given, words = _job(compose["x-roles"], url, tmp_path, passwords)
    with psycopg.connect(bare_postgresql_url, autocommit=True) as connection:
        try:
            for _ in range(2):
                done = subprocess.run(words, env=given, capture_output=True, text=True, check=False)
                assert done.returncode == 0, done.stderr
                owner = create_engine(url.set(username=names[ROLES[0]]).render_as_string(hide_password=False))
                migrate(owner)
                owner.dispose()
            kept = connection.execute(
                "SELECT count(*) FROM pg_authid WHERE rolname = ANY(%s) AND rolpassword IS NOT NULL",
                [list(names.values())],
            )
            assert kept.fetchone() == (2,)
        finally:
            for name in names.values():
                connection.execute(f'DROP OWNED BY "{name}" CASCADE')
                connection.execute(f'DROP ROLE "{name}"')


@pytest.mark.skipif(shutil.which("psql") is None, reason="no psql on this machine")
def test_prefect_owns_its_database_and_nothing_else(bare_postgresql_url: str, tmp_path: Path) -> None:
    """Its job in compose runs twice over what another role left; then it migrates, and makes no role or database."""
    compose = yaml.safe_load((FILE.parent / "compose.yaml").read_text(encoding="utf-8"))
    job, url = compose["x-prefect-role"], make_url(bare_postgresql_url)
    name = f"prefect_{(url.database or '')[-8:]}"
    for file, content in (
        ("/prefect-rol.sql", OF_PREFECT.read_text(encoding="utf-8")),
        ("/wachtwoord.sql", compose["configs"]["prefect-password"]["content"]),
    ):
        mine = re.sub(r"(?<=')prefect(?=')|(?<=TO )prefect\b|(?<=ROLE )prefect\b", name, content)
        (tmp_path / file[1:]).write_text(mine.replace("/run/secrets", str(tmp_path)), encoding="utf-8")
    password = "van 'Prefect'"
    passwords = {"POSTGRES_PASSWORD": url.password or "", "POSTGRES_PREFECT_PASSWORD": password}
    given, words = _job(job, url, tmp_path, passwords)
    with psycopg.connect(bare_postgresql_url, autocommit=True) as connection:
        connection.execute(LEFT)
        try:
            for _ in range(2):
                done = subprocess.run(words, env=given, capture_output=True, text=True, check=False)
                assert done.returncode == 0, done.stderr
            shown = {"host": url.host, "port": url.port or 5432, "dbname": url.database}
            shown |= {"user": name, "password": password}
            with psycopg.connect(**shown, autocommit=True) as role:
                for statement in (
                    "ALTER TABLE flow_run ADD COLUMN name text",
                    "ALTER TYPE state_type ADD VALUE 'FAILED'",
                    "DROP VIEW paused",
                    "DROP FUNCTION one()",
                    "CREATE EXTENSION IF NOT EXISTS pg_trgm",
                    "CREATE INDEX trigrams ON flow_run USING gin (name gin_trgm_ops)",
                    "VACUUM flow_run",
                ):
                    role.execute(statement)
                for statement in (
                    "CREATE ROLE mine",
                    "CREATE DATABASE mine",
                    "COPY (SELECT 1) TO PROGRAM 'id'",
                ):
                    with pytest.raises(psycopg.errors.InsufficientPrivilege):
                        role.execute(statement)
        finally:
            connection.execute(f'ALTER DATABASE "{url.database}" OWNER TO CURRENT_USER')
            connection.execute(f'DROP OWNED BY "{name}" CASCADE')
            connection.execute(f'DROP ROLE "{name}"')
