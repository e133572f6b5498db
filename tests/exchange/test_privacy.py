"""Nothing personal leaks: marked persons go in by every way, and none of the marks is found anywhere."""

from __future__ import annotations

import io
import json
import logging
from typing import TYPE_CHECKING, Any, LiteralString

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import inspect, text
from support.api import caller
from support.marked_persons import AMOUNT, MARKS, PERSON, drive
from support.other_systems import Receiver
from support.signal_deliveries import delivery, signal
from support.stack import home_with_keys

from adapters.exchange.clients import first_key_file
from adapters.exchange.webhooks import deliver_due, fan_out, subscribe
from adapters.office import Office
from adapters.runtime.settings import Settings
from adapters.storage.database import create_engine
from deployments import cli

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from adapters.runtime.clock import SetClock


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Collect every line that anything logs, down to the queries."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(lambda record: "testserver" not in record.getMessage())  # the test's own client
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    logging.getLogger("routekaart").setLevel(logging.DEBUG)
    logging.getLogger("sqlalchemy.engine").setLevel(logging.WARNING)
    yield stream
    root.removeHandler(handler)
    root.setLevel(before)


def all_rows(office: Office) -> Iterator[str]:
    """Yield every row of every table as text."""
    with office.engine.connect() as connection:
        for table in inspect(office.engine).get_table_names():
            for row in connection.execute(text(f'SELECT * FROM "{table}"')):
                yield f"{table}: {tuple(row)}"


def all_files(folder: Path) -> Iterator[str]:
    """Yield the contents of every file of the home folder."""
    for path in folder.rglob("*"):
        if path.is_file():
            yield f"{path}: {path.read_bytes().decode('latin-1')}"


def test_no_mark_is_found_anywhere(
    office: Office,
    receiver: Receiver,
    logged: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Not in a table, a file, a log line, an answer, a message, an event, or the output of a command."""
    subscribe(office, "dashboard", receiver.url)
    answers = drive(caller(office, raise_server_exceptions=False))
    fan_out(office)
    deliver_due(office)
    assert len(receiver.received) > 5
    monkeypatch.setattr("adapters.office.office", lambda: office)
    capsys.readouterr()
    source = tmp_path / "bron" / "levering.json"
    source.parent.mkdir()
    source.write_text(json.dumps(delivery(signal("S-9", None, bedrag=AMOUNT, client=PERSON))))
    commands = (
        ["importeer", "vroegsignalen", str(source)],
        ["postbak", "lijst", "--alles"],
        ["abonnement", "mislukt"],
        ["client", "lijst"],
        ["exporteer", "ddas", "--van", "2026-01-01", "--tot", "2026-12-31", "--uit", str(tmp_path / "uit1")],
        [
            "exporteer",
            "ddas",
            "--van",
            "2026-01-01",
            "--tot",
            "2026-12-31",
            "--soort",
            "vroegsignaalzaken",
            "--uit",
            str(tmp_path / "uit2"),
        ],
    )
    for command in commands:
        assert cli.run(list(command)) == 0, command
    source.unlink()
    office.engine.dispose()  # what SQLite still holds back goes to its file
    places = {
        "answers": answers,
        "rows": list(all_rows(office)),
        "files": list(all_files(office.settings.home_folder)),
        "logs": [logged.getvalue()],
        "webhooks": [str(item) for item in receiver.received],
        "commands": list(capsys.readouterr()),
    }
    assert len(places["rows"]) > 30
    assert "event_accepted" in logged.getvalue()
    assert first_key_file(office).exists()
    for place, texts in places.items():
        for mark in MARKS:
            found = [item for item in texts if mark in item]
            assert not found, f"{mark} stands in {place}: {found[0][:300]}"


def pages_of(url: str) -> bytes:
    """Return every page of every table and index of a PostgreSQL database as it is on the disk, free pages as well."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
        found = connection.execute(
            "SELECT pg_read_binary_file(pg_relation_filepath(oid)) FROM pg_class WHERE relkind IN ('r', 'i', 't', 'S')"
            " AND relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname IN ('public', 'pg_toast'))"
        )
        return b"".join(row[0] for row in found)


def log_since(url: str, begin: str) -> bytes:
    """Return the write-ahead log of PostgreSQL from a place up to now."""
    with psycopg.connect(url, autocommit=True) as connection:
        at, segment = _one(connection, "SELECT pg_current_wal_insert_lsn()"), 16 * 1024 * 1024
        length = int(_one(connection, "SELECT pg_wal_lsn_diff(%s, %s)", at, begin))
        offset = int(_one(connection, "SELECT file_offset FROM pg_walfile_name_offset(%s)", begin))
        places = range(0, offset + length, segment)
        files = [
            _one(connection, "SELECT pg_walfile_name(%s::pg_lsn + %s)", begin, place) for place in places
        ]
        read = "SELECT pg_read_binary_file('pg_wal/' || %s, 0, %s, true)"
        # What was put away meanwhile, as on a server where others work too, is not there any more.
        parts = [_one(connection, read, name, segment) or bytes(segment) for name in files]
        return b"".join(bytes(part) for part in parts)[offset : offset + length]


def _one(connection: psycopg.Connection[Any], question: LiteralString, *given: object) -> Any:
    row = connection.execute(question, given or None).fetchone()
    assert row is not None
    return row[0]


def test_no_mark_is_in_a_page_or_the_log_of_postgresql(
    empty_postgresql_url: str, clock: SetClock, tmp_path: Path
) -> None:
    """What was removed again stays in free pages and in the write-ahead log: no mark ever came there."""
    with psycopg.connect(empty_postgresql_url, autocommit=True) as connection:
        begin = _one(connection, "SELECT pg_current_wal_insert_lsn()")
        packed = connection.execute(  # a packed value would hide a mark from who looks at bytes
            "SELECT attrelid::regclass::text, attname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid"
            " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND attnum > 0 AND attstorage = 'x'"
        ).fetchall()
        for table, column in packed:
            named = (sql.Identifier(table), sql.Identifier(column))
            connection.execute(sql.SQL("ALTER TABLE {} ALTER COLUMN {} SET STORAGE EXTERNAL").format(*named))
    office = Office(
        Settings(home=home_with_keys(tmp_path / "home"), database_url=empty_postgresql_url),
        create_engine(empty_postgresql_url),
        clock,
    )
    drive(caller(office, raise_server_exceptions=False))
    reference = office.casework.open("M3", municipality="0518").reference
    office.engine.dispose()
    for place, content in (
        ("pages", pages_of(empty_postgresql_url)),
        ("log", log_since(empty_postgresql_url, begin)),
    ):
        assert reference.encode() in content, place  # so that a mark would be found
        for mark in MARKS:
            assert mark.encode() not in content, f"{mark} stands in the {place}"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_marks_would_be_found(office: Office) -> None:
    """The search of the test above finds a mark where there is one."""
    office.casework._reference_pattern = "Merkteken-1"
    office.casework.open("M3", municipality="0518", reference="Merkteken-1")
    assert any("Merkteken" in row for row in all_rows(office))
