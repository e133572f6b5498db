"""The case database in one file, and back; nothing is lost but what came after it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.invariants import violations
from support.workshop import Nursery, PrefectServer, Workshop

from adapters.office import open_office
from adapters.operations.backup import BackupError, content_of, make_backup, put_back
from adapters.runtime.settings import Settings
from adapters.storage.database import create_engine
from deployments import cli

if TYPE_CHECKING:
    from adapters.office import Office

NEEDS_PG_DUMP = pytest.mark.skipif(shutil.which("pg_dump") is None, reason="no pg_dump on this machine")


def _url(office: Office) -> str:
    return office.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")


def _whole(office: Office) -> list[str]:
    return [line for line in violations(office) if "was not carried out" not in line]


@NEEDS_PG_DUMP
def test_a_restored_database_is_that_of_the_backup(office: Office, tmp_path: Path) -> None:
    """What was there at the backup is there again, its journal is whole, and its cases go on."""
    kept = office.casework.open("M3", municipality="0518").reference
    office.attention.claim(10)  # a worker has it in hand while the backup is made
    file = tmp_path / "een.backup"
    assert make_backup(_url(office), file) > 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = office.casework.case(kept)
    office.casework.report(kept, "aanmelding_geregistreerd")
    office.casework.open("M1", municipality="0518", reference="LATER-1")
    office.engine.dispose()

    content = put_back(_url(office), file)

    assert (content.cases, content.journal_rows) == (1, 1)
    assert office.casework.case(kept).journal == before.journal
    assert len(office.attention.claim(10)) == 1
    office.casework.report(kept, "aanmelding_geregistreerd")
    assert _whole(office) == []


@NEEDS_PG_DUMP
@pytest.mark.long
def test_a_backup_of_an_older_schema_is_brought_up_to_date(office: Office, tmp_path: Path) -> None:
    """A backup from before a migration takes the place of a database after it, and is migrated."""
    office.casework.open("M3", municipality="0518")
    with office.engine.begin() as connection:
        connection.exec_driver_sql("DROP INDEX ix_timers_running_due")
        connection.exec_driver_sql("ALTER TABLE processes DROP COLUMN asked_at")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0005'")
    make_backup(_url(office), tmp_path / "oud.backup")
    office.engine.dispose()
    put_back(_url(office), tmp_path / "oud.backup")
    put_back(_url(office), tmp_path / "oud.backup")
    assert content_of(office.engine).cases == 1
    assert _whole(office) == []


def test_a_backup_can_be_made_while_others_write(office: Office, tmp_path: Path) -> None:
    """Writers go on during a backup; what the backup holds is one moment, with a whole journal."""
    if office.engine.dialect.name != "sqlite":
        pytest.skip("pg_dump reads one snapshot by itself")
    reference = office.casework.open("M1", municipality="0518").reference
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            office.casework.report(reference, "informatie_gegeven")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(3):
            make_backup(_url(office), tmp_path / f"{number}.backup")
    finally:
        stop.set()
        writer.join()
    now = content_of(office.engine).journal_rows
    for number in range(3):
        engine = create_engine(f"sqlite:///{tmp_path / f'{number}.backup'}")
        assert 0 < content_of(engine).journal_rows <= now
        copy = type(office)(office.settings, engine, office.clock)
        assert _whole(copy) == []
        engine.dispose()


def test_a_bad_file_changes_nothing(office: Office, tmp_path: Path) -> None:
    """A file that is no backup, or that is damaged, is refused with one sentence, and the cases stay."""
    reference = office.casework.open("M3", municipality="0518").reference
    (tmp_path / "tekst").write_text("dit is geen backup")
    kind = office.engine.dialect.name
    head = b"SQLite format 3\0" if kind == "sqlite" else b"PGDMP"
    (tmp_path / "kapot").write_bytes(head + b"\x00" * 5000)
    for name in ("tekst", "kapot", "er-niet"):
        with pytest.raises(BackupError):
            put_back(_url(office), tmp_path / name)
    assert office.casework.case(reference).journal


def test_a_backup_that_fails_leaves_no_file(office: Office, tmp_path: Path) -> None:
    """An existing file is never overwritten, and a backup that fails leaves nothing behind."""
    folder = tmp_path / "backups"
    folder.mkdir()
    (folder / "een.backup").write_text("van gisteren")
    with pytest.raises(BackupError, match="bestaat al"):
        make_backup(_url(office), folder / "een.backup")
    with pytest.raises(BackupError):
        make_backup("sqlite:////er/is/niets.db", folder / "twee.backup")
    assert [item.name for item in folder.iterdir()] == ["een.backup"]
    assert (folder / "een.backup").read_text() == "van gisteren"


def test_what_a_lost_database_left_behind_is_not_applied(tmp_path: Path) -> None:
    """A write-ahead log beside a database that is gone does not get into the restored one."""
    first = open_office(Settings(home=tmp_path / "eerst"))
    first.casework.open("M3", municipality="0518")
    make_backup(_url(first), tmp_path / "een.backup")
    lost = tmp_path / "zaken.db"
    for left in ("-wal", "-shm"):
        lost.with_name(lost.name + left).write_bytes(os.urandom(4096))
    assert put_back(f"sqlite:///{lost}", tmp_path / "een.backup").cases == 1


def test_the_command_refuses_in_dutch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A backup of nothing is one Dutch sentence and exit 2."""
    monkeypatch.setenv("ROUTEKAART_HOME", str(tmp_path / "leeg"))
    monkeypatch.setattr("adapters.runtime.settings.settings", lambda: Settings(home=tmp_path / "leeg"))
    assert cli.run(["backup", str(tmp_path / "x.backup")]) == 2
    assert "Er is geen database" in capsys.readouterr().err


@pytest.mark.prefect
@pytest.mark.long
def test_cases_go_on_after_the_database_was_lost(tmp_path: Path) -> None:
    """The database is lost and put back: cases of the backup are shown as they were then, newer runs end."""
    server = PrefectServer(tmp_path / "prefect")
    server.start()
    nursery = Nursery(server)
    shop = Workshop(server, nursery, tmp_path / "home")
    waits, registered = "Wacht op registratie aanmelding", "Wacht op crisischeck"
    try:
        shop.start()
        for name in ("BLIJFT", "VERDER", "DICHT"):
            shop.office.casework.open("M3", municipality="0518", reference=name)
        before = {name: shop.wait_for_state(name, waits)["id"] for name in ("BLIJFT", "VERDER", "DICHT")}
        shop.command("backup", str(tmp_path / "een.backup"))
        shop.office.casework.report("VERDER", "aanmelding_geregistreerd")
        shop.office.casework.report("DICHT", "ingetrokken", data={"motivering": "m-1"})
        shop.office.casework.open("M3", municipality="0518", reference="LATER-1")
        shop.wait_for_state("VERDER", registered)
        shop.wait_for_state("DICHT", "Afgesloten")
        newer = shop.wait_for_state("LATER-1", waits)["id"]
        shop.kill()
        shop.office.engine.dispose()
        for file in shop.home.glob("zaken.db*"):
            file.unlink()
        _grow_old(server, newer)

        said = shop.command("terugzetten", str(tmp_path / "een.backup"), "--ja")

        assert "3 zaken, 3 journaalregels" in said
        assert "1 flow runs hoorden bij geen proces" in said
        assert server.run(newer)["state_name"] == "Vervallen"
        shop.start()
        for name in ("BLIJFT", "VERDER", "DICHT"):
            run = shop.wait_for_state(name, waits)
            assert (run["id"] == before[name]) == (name != "DICHT")
        server.answer(shop.run_id("DICHT") or "", gebeurtenis="Aanmelding geregistreerd")
        shop.wait_for_state("DICHT", registered)
        runs = server.runs([shop.run_id(name) or "" for name in before])
        # What was sent about events that are lost is out, and belongs to nothing any more.
        assert [
            line for line in violations(shop.office, runs=runs) if "belongs to no effect" not in line
        ] == []
    finally:
        shop.stop()
        nursery.close()
        server.kill()


def _grow_old(server: PrefectServer, run_id: str) -> None:
    """Make it look as if this run was made ten minutes ago."""
    with sqlite3.connect(server.folder / "prefect" / "prefect.db", timeout=30) as opened:
        opened.execute(
            "UPDATE flow_run SET created = datetime('now', '-10 minutes') || '.000000' WHERE id = ?",
            (run_id,),
        )
