"""A case database that was there and is gone, empty or damaged stops everything; the way back works on top of it."""

from __future__ import annotations

import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from fastapi.testclient import TestClient
from support.terminal import forget_settings, run_here

from adapters.api.app import create_api
from adapters.exchange import signals
from adapters.exchange.ddas import check_structure
from adapters.exchange.signals import HalfTakenInError, import_signals
from adapters.office import open_office
from adapters.operations.backup import BackupError, make_backup, put_back
from adapters.runtime.settings import Settings
from adapters.storage.database_file import LostDatabaseError, damage_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapters.office import Office

FIXTURES = Path(__file__).parents[1] / "fixtures"
NEEDS_PG_DUMP = pytest.mark.skipif(shutil.which("pg_dump") is None, reason="no pg_dump on this machine")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home with one case, and a backup beside it."""
    folder = tmp_path / "home"
    monkeypatch.setenv("ROUTEKAART_HOME", str(folder))
    opened = open_office(Settings(home=folder))
    opened.casework.open("M3", municipality="0518", reference="ZAAK-1")
    opened.engine.dispose()
    make_backup(opened.settings.database, tmp_path / "een.backup")
    yield folder
    forget_settings()


def _run(words: str, capfd: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    return run_here(capfd, *words.split())


def _empty(file: Path) -> None:
    file.write_bytes(b"")


def _gone(file: Path) -> None:
    file.unlink()


def _no_header(file: Path) -> None:
    file.write_bytes(b"x" * 100 + file.read_bytes()[100:])


def _pages(file: Path) -> None:
    content = bytearray(file.read_bytes())
    for page in range(2, len(content) // 4096):
        content[page * 4096 : page * 4096 + 200] = b"\xff" * 200
    file.write_bytes(content)


@pytest.mark.parametrize("harm", [_empty, _gone, _no_header, _pages])
def test_a_harmed_database_stops_everything_and_a_backup_goes_on_top(
    home: Path, capfd: pytest.CaptureFixture[str], harm: object
) -> None:
    """Each command says so with the way back and exit code; `terugzetten` works, and keeps the damaged file."""
    assert callable(harm)
    file = home / "zaken.db"
    harm(file)
    content = file.read_bytes() if file.exists() else None
    code, _, wrong = _run("controleer", capfd)
    assert code in (1, 2)
    assert len(wrong.splitlines()) == 1
    assert "routekaart terugzetten BESTAND" in wrong
    assert (file.read_bytes() if file.exists() else None) == content
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("deployments.cli.repair.repair", lambda *_, **__: 0)
        code, said, wrong = _run(f"terugzetten {home.parent / 'een.backup'} --ja", capfd)
    assert (code, wrong) == (0, "")
    assert "1 zaak" in said
    office = open_office(Settings(home=home))
    assert office.casework.case("ZAAK-1").journal
    assert damage_in(office.engine) is None
    office.engine.dispose()
    kept = [
        item
        for item in home.iterdir()
        if ".beschadigd-" in item.name and not item.name.endswith(("-wal", "-shm"))
    ]
    assert [item.read_bytes() for item in kept] == ([] if content is None else [content])


def test_an_empty_file_of_before_the_marks_is_known_by_its_keys(home: Path) -> None:
    """A home that an older release made has no mark; its keys say that there was a database."""
    (home / "zaken.db.gemaakt").unlink()
    (home / "zaken.db").write_bytes(b"")
    with pytest.raises(LostDatabaseError, match="is leeg, en was er wel"):
        open_office(Settings(home=home))


def test_a_database_that_another_process_is_making_is_not_lost(home: Path) -> None:
    """Its file is empty for a moment; where the keys were brought first, that says nothing of a database before."""
    file = home / "zaken.db"
    (home / "zaken.db.gemaakt").unlink()
    made = file.read_bytes()
    file.write_bytes(b"")
    with ThreadPoolExecutor(1) as pool:
        opening = pool.submit(open_office, Settings(home=home))
        time.sleep(0.2)
        file.write_bytes(made)
        assert opening.result().casework.case("ZAAK-1").case.processes


def test_a_damaged_database_gives_no_backup(home: Path) -> None:
    """A backup that would not be whole is refused, so that it never takes the place of a good one."""
    _pages(home / "zaken.db")
    with pytest.raises(BackupError, match="beschadigd; er is geen backup gemaakt"):
        make_backup(Settings(home=home).database, home / "twee.backup")
    assert not (home / "twee.backup").exists()


# --- disks ----------------------------------------------------------------------------------------------------------


@contextmanager
def _disk(folder: Path, options: str) -> Iterator[None]:
    folder.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("this user may mount no disk")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def _fill(folder: Path) -> None:
    with (folder / "vol").open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4096)):
            pass


def test_a_backup_onto_a_full_disk_is_said(database_url: str, office: Office, tmp_path: Path) -> None:
    """The disk of the backup is named and not that of the cases, and nothing is left there."""
    office.casework.open("M3", municipality="0518")
    if office.engine.dialect.name == "postgresql" and shutil.which("pg_dump") is None:
        pytest.skip("no pg_dump on this machine")
    folder = tmp_path / "backups"
    with _disk(folder, "size=64k"):
        _fill(folder)
        with pytest.raises(BackupError, match="vol") as caught:
            make_backup(database_url, folder / "een.backup")
        assert "schijf met zaken" not in caught.value.sentence
        assert [item.name for item in folder.iterdir()] == ["vol"]


def test_readiness_asks_for_a_disk_that_can_be_written(tmp_path: Path) -> None:
    """`/readyz` is 503 with a sentence on a full and on a read-only disk, and 200 when there is room again."""
    folder = tmp_path / "home"
    with _disk(folder, "size=4m"):
        office = open_office(Settings(home=folder))
        with TestClient(create_api(office), base_url="http://127.0.0.1") as api:
            assert api.get("/readyz").status_code == 200
            _fill(folder)
            full = api.get("/readyz")
            assert (full.status_code, full.json()["detail"]) == (
                503,
                "De schijf met zaken is vol of alleen te lezen.",
            )
            (folder / "vol").unlink()
            assert api.get("/readyz").status_code == 200
        office.engine.dispose()


def test_readiness_asks_for_a_server_that_can_be_written(empty_postgresql_url: str, tmp_path: Path) -> None:
    """A PostgreSQL that only reads is not ready, and is ready again when it writes."""
    server, _, name = empty_postgresql_url.rpartition("/")
    office = open_office(
        Settings(
            home=tmp_path,
            database_url=empty_postgresql_url,
            person_key="p",
            link_key="l",
            integration_key="i",
        )
    )
    with TestClient(create_api(office), base_url="http://127.0.0.1") as api:
        assert api.get("/readyz").status_code == 200
        for value, status in (("on", 503), ("off", 200)):
            with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
                connection.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = {value}')
            office.engine.dispose()
            assert api.get("/readyz").status_code == status
    office.engine.dispose()


# --- half an import -------------------------------------------------------------------------------------------------


def test_an_import_that_stops_half_way_says_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the first batch the disk is full: the sentence counts, and never says that nothing was written."""
    monkeypatch.setattr(signals, "_BATCH", 1)
    folder = tmp_path / "home"
    with _disk(folder, "size=3m"):
        office = open_office(Settings(home=folder))
        path = FIXTURES / "vroegsignalen_v1_0.json"
        reports = import_signals(path, check_structure(path), office)
        next(reports)
        _fill(folder)
        with pytest.raises(HalfTakenInError) as caught:
            list(reports)
        assert "het eerste signaal is verwerkt" in caught.value.sentence
        assert "niets vastgelegd" not in caught.value.sentence
        office.engine.dispose()


# --- a schema of our own --------------------------------------------------------------------------------------------


@NEEDS_PG_DUMP
def test_a_backup_keeps_to_the_schema_of_the_setting(empty_postgresql_url: str, tmp_path: Path) -> None:
    """Only our schema is copied and put back; a backup of another schema is refused before anything goes."""

    def settings(schema: str | None) -> Settings:
        keys = {"person_key": "p", "link_key": "l", "integration_key": "i"}
        return Settings(home=tmp_path, database_url=empty_postgresql_url, database_schema=schema, **keys)

    office = open_office(settings("Zaken_1"))
    reference = office.casework.open("M3", municipality="0518").reference
    make_backup(empty_postgresql_url, tmp_path / "een.backup", "Zaken_1")
    office.casework.open("M1", municipality="0518")
    office.engine.dispose()
    with pytest.raises(BackupError, match="ROUTEKAART_DATABASE_SCHEMA"):
        put_back(empty_postgresql_url, tmp_path / "een.backup")
    assert put_back(empty_postgresql_url, tmp_path / "een.backup", "Zaken_1").cases == 1
    again = open_office(settings("Zaken_1"))
    assert again.casework.case(reference).journal
    again.engine.dispose()
    public = open_office(settings(None))
    assert public.casework.cases_with_due_terms() == []
    public.engine.dispose()
