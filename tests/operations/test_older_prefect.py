"""After going back to an older Prefect: the refusal that says what to do, and the way out, on the real PostgreSQL."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from typing import TYPE_CHECKING

import psycopg
import pytest
from support.stack import free_port

from adapters.runtime.settings import Settings, SettingsError
from deployments.environment import prefect_environment
from deployments.prefect_check import prefect_problems
from deployments.prefect_database import move_database_aside, refuse_unfit_database

if TYPE_CHECKING:
    from pathlib import Path

URL = "PREFECT_SERVER_DATABASE_CONNECTION_URL"
NEWER = "UPDATE alembic_version SET version_num = 'ffffffffffff'"


@pytest.fixture
def prefect_on_postgresql(
    bare_postgresql_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    """Settings of a machine whose Prefect keeps its data in a PostgreSQL database of its own."""
    monkeypatch.setenv(URL, bare_postgresql_url.replace("postgresql://", "postgresql+asyncpg://"))
    return Settings(home=tmp_path, prefect_port=free_port())


def test_without_a_database_of_prefect_there_is_nothing_to_refuse_or_to_move(
    prefect_on_postgresql: Settings,
) -> None:
    """An empty database is one that Prefect will fill."""
    refuse_unfit_database(prefect_on_postgresql)
    assert move_database_aside(prefect_on_postgresql) is None


@pytest.mark.parametrize("named", [False, True])
def test_a_newer_file_is_refused_wherever_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, named: bool
) -> None:
    """Also in a home whose name has to be written in another way in an address, as our own processes name it."""
    home = tmp_path / "wat?nu #1 50% één"
    settings = Settings(home=home, prefect_port=free_port())
    (home / "prefect").mkdir(parents=True)
    if named:
        monkeypatch.setenv(URL, prefect_environment(settings)[URL])
    with closing(sqlite3.connect(home / "prefect" / "prefect.db")) as database, database:
        database.execute("CREATE TABLE alembic_version (version_num)")
        database.execute("INSERT INTO alembic_version VALUES ('ffffffffffff')")
    with pytest.raises(SettingsError, match="nieuwere Prefect"):
        refuse_unfit_database(settings)
    assert "nieuwere Prefect" in "".join(prefect_problems(settings))  # so says `controleer`
    moved = move_database_aside(settings)
    assert moved is not None
    assert moved.startswith(str(home / "prefect" / "prefect.db."))
    refuse_unfit_database(settings)


@pytest.mark.long
def test_a_newer_database_is_refused_and_put_aside(
    prefect_on_postgresql: Settings, bare_postgresql_url: str
) -> None:
    """One sentence says the way; then Prefect's own migration fills the empty place, and the old rows are there."""
    _prefect_migrates()
    refuse_unfit_database(prefect_on_postgresql)
    with psycopg.connect(bare_postgresql_url, autocommit=True) as database:
        database.execute(NEWER)
        with pytest.raises(SettingsError, match=r"nieuwere Prefect dan .* --nieuwe-prefect"):
            refuse_unfit_database(prefect_on_postgresql)
        assert "nieuwere Prefect" in "".join(prefect_problems(prefect_on_postgresql))  # so says `controleer`
        moved = move_database_aside(prefect_on_postgresql)
        refuse_unfit_database(prefect_on_postgresql)
        _prefect_migrates()
        assert moved is not None
        kept = database.execute(f"SELECT version_num FROM {moved.removeprefix('schema ')}.alembic_version")
        assert kept.fetchall() == [("ffffffffffff",)]


def test_a_schema_that_holds_the_cases_too_is_never_put_aside(
    postgresql_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cases never go aside with Prefect: the sentence asks for a database of Prefect's own."""
    monkeypatch.setenv(URL, postgresql_url)
    with psycopg.connect(postgresql_url, autocommit=True) as database:
        with pytest.raises(SettingsError, match="staan ook de zaken"):
            move_database_aside(Settings(home=tmp_path))
        assert database.execute("SELECT to_regclass('cases')").fetchall() == [("cases",)]


def test_a_database_that_does_not_answer_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`controleer` says that it is Prefect's own database, without its password."""
    monkeypatch.setenv(URL, f"postgresql+asyncpg://prefect:geheim@127.0.0.1:{free_port()}/prefect")
    (problem,) = prefect_problems(Settings(home=tmp_path, prefect_port=free_port()))
    assert problem.startswith("De database van Prefect (127.0.0.1) antwoordt niet")
    assert "geheim" not in problem


def test_a_machine_without_room_for_temporary_files_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A root that only reads, without a /tmp: SQLite would fail half way a migration, on a table that is not there."""
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: ["/proc"])
    (problem,) = prefect_problems(Settings(home=tmp_path, prefect_port=free_port()))
    assert problem.startswith("Er is geen map voor tijdelijke bestanden")
    assert "TMPDIR" in problem


def _prefect_migrates() -> None:
    command = [sys.executable, "-m", "prefect", "server", "database", "upgrade", "-y"]
    subprocess.run(command, env=os.environ, check=True, capture_output=True)
