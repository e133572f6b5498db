"""A database that is locked, full or gone: nothing is accepted that is not stored, and people hear why."""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import func, select
from starlette.testclient import TestClient
from support.cluster import Cluster, postgresql_programs
from support.stack import ROUTEKAART, home_with_keys

from adapters.api import create_api
from adapters.exchange.clients import first_key_file
from adapters.office import Office, open_office
from adapters.operations.integrity import broken_cases
from adapters.operations.sentences import explain
from adapters.runtime.settings import Settings
from adapters.storage.database import CaseRow, JournalRow, create_engine, reading
from adapters.storage.storage_trouble import Trouble, passes_by_itself, trouble_of, waits_out_trouble
from deployments import cli

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx
    from sqlalchemy import Connection

WAIT = 0.3
RETRY_LATER = 503


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """An office on SQLite that gives up waiting soon."""
    made = open_office(Settings(home=tmp_path, municipality="0518", database_wait_seconds=WAIT))
    yield made
    made.engine.dispose()


def _caller(office: Office) -> TestClient:
    api = create_api(office)
    key = first_key_file(office).read_text()
    return TestClient(api, headers={"X-API-Key": key}, raise_server_exceptions=False)


def _open(api: TestClient, reference: str) -> httpx.Response:
    body = {"mijlpaal": "M1", "zaak": reference}
    return api.post("/v1/zaken", json=body, headers={"Idempotency-Key": reference})


def _stored(office: Office) -> tuple[int, int]:
    with reading(office.engine) as session:
        return tuple(
            session.exec(select(func.count()).select_from(row)).one() for row in (CaseRow, JournalRow)
        )  # type: ignore[return-value]


def _refused(answer: httpx.Response, sentence: str) -> bool:
    assert answer.status_code == RETRY_LATER, answer.text
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.headers["content-type"] == "application/problem+json"
    return sentence in answer.json()["detail"]


# --- the API ------------------------------------------------------------------------------------------------


def test_a_locked_database_gives_503_and_the_same_request_counts_later(office: Office) -> None:
    """While another writer holds SQLite the API says when to come back; then the repeat is stored, once."""
    api = _caller(office)
    with closing(sqlite3.connect(office.settings.home_folder / "zaken.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with ThreadPoolExecutor(30) as many:
            answers = list(many.map(lambda number: _open(api, f"SLOT-{number}"), range(30)))
        assert all(_refused(answer, "bezet") for answer in answers)
        assert _stored(office) == (0, 0)
        other.execute("ROLLBACK")
    assert [_open(api, "SLOT-1").status_code for _ in range(2)] == [201, 201]
    assert _stored(office) == (1, 1)


def test_a_full_disk_gives_503_and_every_accepted_case_is_stored(office: Office) -> None:
    """SQLite runs out of pages: what was accepted is there, what was refused is not, and later it goes on."""
    api = _caller(office)
    with office.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    limit = {"pages": int(pages) + 8}

    @event.listens_for(office.engine, "begin")
    def _limit(connection: Any) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count={limit['pages']}")

    answers = [_open(api, f"VOL-{number}") for number in range(25)]
    accepted = [answer for answer in answers if answer.status_code == 201]
    assert 0 < len(accepted) < len(answers)
    assert all(_refused(answer, "vol") for answer in answers if answer not in accepted)
    assert _stored(office) == (len(accepted), len(accepted))
    assert list(broken_cases(office.engine, office.rules_named)) == []
    limit["pages"] = 1_000_000
    assert {_open(api, f"VOL-{number}").status_code for number in range(25)} == {201}
    assert _stored(office) == (25, 25)


@pytest.mark.skipif(postgresql_programs() is None, reason="no PostgreSQL programs on this machine")
def test_a_postgresql_that_comes_and_goes_gives_503_and_loses_nothing(tmp_path: Path) -> None:
    """PostgreSQL crashes and comes back: 503 while it is gone, and a repeat of each request is stored once."""
    cluster = Cluster()
    try:
        settings = Settings(home=home_with_keys(tmp_path), database_url=cluster.url(), municipality="0518")
        office = open_office(settings)
        api = _caller(office)
        assert _open(api, "WEG-0").status_code == 201
        for round_ in range(1, 4):
            cluster.stop()
            assert _refused(_open(api, f"WEG-{round_}"), "niet bereikbaar")
            cluster.start()
            assert _open(api, f"WEG-{round_}").status_code == 201
            assert _open(api, f"WEG-{round_ - 1}").status_code == 201
        assert _stored(office) == (4, 4)
        office.engine.dispose()
    finally:
        cluster.remove()


@pytest.fixture
def served(empty_postgresql_url: str, tmp_path: Path) -> Iterator[Office]:
    """An office on PostgreSQL in which the first who writes in the journal stands still until his time is over."""
    home = home_with_keys(tmp_path / "home")
    made = open_office(Settings(home=home, database_url=empty_postgresql_url, municipality="0518"))
    waiting = ["once"]

    @event.listens_for(made.engine, "before_cursor_execute")
    def _stand_still(connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith("INSERT INTO journal") or not waiting:
            return
        waiting.clear()
        connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 50")
        pid = connection.scalar(text("SELECT pg_backend_pid()"))
        with psycopg.connect(empty_postgresql_url, autocommit=True) as other:
            while other.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", (pid,)).fetchone():
                time.sleep(0.02)

    yield made
    made.engine.dispose()
    assert not waiting


@pytest.mark.parametrize("who", ["api", "command", "worker"])
def test_a_process_that_stood_still_loses_its_transaction_and_a_repeat_counts_once(
    served: Office, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], who: str
) -> None:
    """The API says 503, the command line one sentence that blames no healthy server, and a worker does it again."""
    if who == "api":
        api = _caller(served)
        assert _refused(_open(api, "STIL-1"), "stond te lang stil")
        assert _stored(served) == (0, 0)
        assert [_open(api, "STIL-1").status_code for _ in range(2)] == [201, 201]
    elif who == "command":
        monkeypatch.setattr("adapters.office.office", lambda: served)
        words = ["open", "--mijlpaal", "M1", "--zaak", "STIL-1"]
        assert cli.run(words) == 2
        assert capsys.readouterr().err == f"{Trouble.STOOD_STILL}\n"
        assert cli.run(words) == 0
    else:
        waits_out_trouble(served.casework.open)("M1", municipality="0518", reference="STIL-1")
    assert _stored(served) == (1, 1)


@pytest.mark.parametrize(
    ("limit", "trouble"),
    [("statement_timeout%3D50", Trouble.TOO_LONG), ("default_transaction_read_only%3Don", Trouble.STANDBY)],
)
def test_a_limit_of_the_server_is_named_and_waited_out(
    postgresql_url: str, limit: str, trouble: Trouble
) -> None:
    """A server that answers is never called one that cannot be reached."""
    engine = create_engine(f"{postgresql_url}?options=-c%20{limit}")
    with engine.connect() as connection, pytest.raises(DBAPIError) as caught:
        connection.exec_driver_sql("SELECT pg_sleep(0.5); CREATE TABLE iets (een int)")
    assert trouble_of(caught.value) is trouble
    assert passes_by_itself(caught.value)
    assert explain(caught.value).sentence == str(trouble)


# --- the command line ---------------------------------------------------------------------------------------


def _meld(reference: str) -> list[str]:
    return ["meld", reference, "informatie_gegeven"]


def test_the_command_line_says_in_one_sentence_what_is_the_matter(
    office: Office, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Locked or gone: exit 2, one Dutch sentence on stderr, and nothing written."""
    reference = office.casework.open("M1", municipality="0518").reference
    monkeypatch.setattr("adapters.office.office", lambda: office)
    with closing(sqlite3.connect(office.settings.home_folder / "zaken.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert cli.run(_meld(reference)) == 2
        other.execute("ROLLBACK")
    assert capsys.readouterr().err == f"{Trouble.BUSY}\n"
    nowhere = Settings(home=office.settings.home, database_url="postgresql://routekaart@127.0.0.1:1/zaken")
    monkeypatch.setattr("adapters.office.office", lambda: open_office(nowhere))
    assert cli.run(_meld(reference)) == 2
    assert capsys.readouterr().err == f"{Trouble.GONE} Controleer ROUTEKAART_DATABASE_URL.\n"
    assert _stored(office) == (1, 1)


def test_the_command_line_says_that_the_disk_refuses(office: Office) -> None:
    """A command that may write no further (a limit of the system on its files) exits 2 and says why."""
    reference = office.casework.open("M1", municipality="0518").reference
    largest = (office.settings.home_folder / "zaken.db-wal").stat().st_size
    done = subprocess.run(
        [*ROUTEKAART, *_meld(reference)],
        env=os.environ | {"ROUTEKAART_HOME": str(office.settings.home_folder)},
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest)),
    )
    assert (done.returncode, done.stderr) == (2, f"{Trouble.FULL}\n")
    assert _stored(office) == (1, 1)


# --- the worker ---------------------------------------------------------------------------------------------


def test_the_worker_waits_out_a_locked_database(office: Office) -> None:
    """Noting what is shown and giving back are tried again until the other writer is done."""
    office.casework.open("M1", municipality="0518")
    attention = office.attention
    with closing(
        sqlite3.connect(
            office.settings.home_folder / "zaken.db", isolation_level=None, check_same_thread=False
        )
    ) as other:
        for work in (lambda item: attention.shown(item, 1), attention.release):
            (held,) = attention.claim(1)  # a message is still to be sent, so it keeps asking
            other.execute("BEGIN IMMEDIATE")
            with ThreadPoolExecutor(1) as worker:
                waiting = worker.submit(work, held)
                with pytest.raises(TimeoutError):
                    waiting.result(WAIT * 3)
                other.execute("ROLLBACK")
                waiting.result(20)
    assert [item.case_reference for item in attention.claim(1)] == [held.case_reference]


def test_an_error_that_waiting_does_not_cure_is_not_waited_for(office: Office) -> None:
    """A table that is not there is a fault of ours, and raised at once."""

    @waits_out_trouble
    def wrong() -> None:
        with office.engine.connect() as connection:
            connection.exec_driver_sql("SELECT * FROM bestaat_niet")

    with pytest.raises(Exception, match="bestaat_niet") as caught:
        wrong()
    assert trouble_of(caught.value) is None
