"""What a process writes is for its own user, and nothing about a person is left in a file, whatever ends it."""

from __future__ import annotations

import os
import stat
import subprocess
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr
from sqlmodel import select
from support.api import caller
from support.signal_deliveries import DENNIS, SAMIRA, delivery, signal
from support.stack import ROUTEKAART, run

from adapters.api import signals
from adapters.office import open_office
from adapters.operations.backup import make_backup
from adapters.runtime.clock import AMSTERDAM
from adapters.runtime.log_files import rotate
from adapters.runtime.persons import person_key
from adapters.runtime.settings import Settings
from adapters.storage.database import CaseRow, reading

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.testclient import TestClient

    from adapters.exchange.ddas import Delivery
    from adapters.office import Office

NOW = datetime(2026, 3, 9, 12, 0, tzinfo=AMSTERDAM)


def test_a_delivery_that_is_read_has_no_name(
    api: TestClient, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a delivery is taken in its folder is empty, so that a kill at that moment leaves nothing."""
    seen: list[list[Path]] = []
    folder, checked = office.settings.home_folder / "inkomend", signals.check_structure

    def look(path: Path) -> Delivery:
        assert SAMIRA.encode() in path.read_bytes()
        seen.append(list(folder.iterdir()))
        return checked(path)

    monkeypatch.setattr(signals, "check_structure", look)
    assert api.post("/v1/vroegsignalen", json=delivery(signal("A", SAMIRA))).status_code == 201
    assert seen == [[]]


def test_a_start_removes_what_an_older_release_left(office: Office, tmp_path: Path) -> None:
    """A file that a killed process left is gone after the next start; no link leads to others, no folder stops it."""
    folder = signals.incoming_folder(office.settings)
    left, link, elsewhere = folder / "tmpx.json", folder / "tmpy.json", tmp_path / "elders"
    elsewhere.mkdir()
    other = elsewhere / "van-een-ander"
    other.write_text("blijft")
    left.write_text(SAMIRA)
    link.symlink_to(other)
    (folder / "map").mkdir()
    (folder / "naar-elders").symlink_to(elsewhere)
    caller(office)
    assert [path.name for path in folder.iterdir()] == ["map"]
    (folder / "map").rmdir()
    folder.rmdir()
    folder.symlink_to(elsewhere)
    caller(office)
    assert other.read_text() == "blijft"


def test_files_are_for_this_user_alone_whatever_the_umask(tmp_path: Path) -> None:
    """Under umask 000 a command makes no file or folder that others can read."""
    home = tmp_path / "home"
    environment = os.environ | {"ROUTEKAART_HOME": str(home)}
    subprocess.run(
        [*ROUTEKAART, "open", "--mijlpaal", "M3"], env=environment, check=True, umask=0, capture_output=True
    )
    made = [home, *home.rglob("*")]
    assert len(made) > 1
    assert [path for path in made if stat.S_IMODE(path.stat().st_mode) & 0o077] == []


def test_a_bsn_is_no_argument(tmp_path: Path) -> None:
    """A BSN as an argument is refused, since the list of processes shows it; on standard input it is read."""
    environment = os.environ | {"ROUTEKAART_HOME": str(tmp_path), "ROUTEKAART_PERSON_KEY": "sleutel" * 5}
    words = ("open", "--mijlpaal", "M3", "--client")
    refused = run(*words, DENNIS, environment=environment, check=False)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "nooit als argument" in refused.stderr
    assert DENNIS not in refused.stderr
    empty = run(*words, "-", environment=environment, check=False, given="")
    assert empty.returncode == 2
    run(*words, "-", environment=environment, given=f"{DENNIS}\n")
    made = open_office(Settings(home=tmp_path, person_key=SecretStr("sleutel" * 5)))
    with reading(made.engine) as session:
        assert session.exec(select(CaseRow.person_key)).all() == [person_key(DENNIS, b"sleutel" * 5)]


def test_a_backup_is_one_file(office: Office, tmp_path: Path) -> None:
    """A backup leaves nothing beside it, and only its owner can read it."""
    office.casework.open("M3", municipality="0518")
    folder = tmp_path / "backups"
    folder.mkdir()
    make_backup(office.settings.database, folder / "zaken.backup")
    assert [path.name for path in folder.iterdir()] == ["zaken.backup"]
    assert stat.S_IMODE((folder / "zaken.backup").stat().st_mode) == 0o600


def test_a_log_of_yesterday_is_put_away_and_gone_after_its_time(tmp_path: Path) -> None:
    """A log begins anew each day; its writer goes on; what was put away goes when the retention ends."""
    log = tmp_path / "api.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"gisteren\n")
        os.utime(log, (NOW.timestamp(), NOW.timestamp()))
        rotate(log, NOW, 90)
        assert log.read_text() == "gisteren\n"
        rotate(log, NOW + timedelta(days=1), 90)
        writer.write(b"vandaag\n")
    assert log.read_text() == "vandaag\n"
    (away,) = tmp_path.glob("api-*.log")
    assert away.read_text() == "gisteren\n"
    rotate(log, NOW + timedelta(days=92), 90)
    assert not away.exists()


def test_a_log_that_grows_large_is_put_away(tmp_path: Path) -> None:
    """A log does not fill the disk: at its largest it is put away."""
    log = tmp_path / "worker.log"
    log.write_text("x" * 100)
    rotate(log, datetime.now(AMSTERDAM), 90, largest=100)
    assert log.read_text() == ""
