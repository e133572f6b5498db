"""A case that is destroyed leaves nothing behind in a real Prefect, nor in the files of our own database."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from support.workshop import BEGIN, Workshop

from adapters.operations.chain_heads import head_problems, keep_heads
from adapters.operations.destruction import destroyable
from adapters.operations.integrity import broken_journals

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [pytest.mark.prefect, pytest.mark.short("sqlite")]
GONE, STAYS = "WEG-7431", "BLIJF-7432"


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> dict[str, str]:
    """What the workshop is told of the case database."""
    if request.param == "sqlite":
        return {}
    return {"ROUTEKAART_DATABASE_URL": request.getfixturevalue("empty_postgresql_url")}


def _ended(work: Workshop, reference: str) -> None:
    work.wait_for_state(reference, "Wacht op registratie aanmelding")
    run = work.run_id(reference)
    assert run is not None
    work.server.answer(run, gebeurtenis="Aanmelding geregistreerd")
    work.wait_for_state(reference, "Wacht op crisischeck")
    work.office.casework.report(reference, "ingetrokken", data={"motivering": "m-1"})


def _named_in(folder: Path, name: str) -> list[str]:
    words = (name.encode(), name.lower().encode())
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".log"]
    return [path.name for path in files if any(word in path.read_bytes() for word in words)]


def _rows_naming(file: Path, name: str) -> list[str]:
    """Return which tables of an SQLite file name something, and how."""
    with closing(sqlite3.connect(file)) as opened:
        tables = [row[0] for row in opened.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return [
            f"{table}: {row}"
            for table in tables
            for row in opened.execute(f'SELECT * FROM "{table}"')
            if name.lower() in str(row).lower()
        ]


def test_nothing_of_a_destroyed_case_is_in_prefect_or_in_our_files(
    workshop: Callable[..., Workshop], database: dict[str, str]
) -> None:
    """Runs, inputs, pages, logs and events go, free pages and write-ahead logs included; the other case stays."""
    work = workshop(**database)
    for reference in (GONE, STAYS):
        work.office.casework.open("M3", municipality="0000", reference=reference)
    work.start()
    for reference in (GONE, STAYS):
        _ended(work, reference)
    work.wait(lambda: all(work.office.casework.case(one).rows["M3"].finished for one in (GONE, STAYS)))
    keep_heads(work.office)
    work.set_time(BEGIN + timedelta(days=6 * 366))
    for reference in work.office.casework.cases_with_due_terms():
        work.office.casework.fire_due(reference)
    work.wait(lambda: {case.reference for case in destroyable(work.office)} == {GONE, STAYS})
    prefect = work.server.folder
    assert _named_in(prefect, GONE)
    work.command("vernietiging", "goedkeuren", GONE, "--door", "mw-17")
    said = work.command("vernietiging", "uitvoeren")
    assert said.startswith("1 zaak vernietigd.")
    assert "niet te bereiken" not in said
    work.kill()
    assert _rows_naming(next(prefect.rglob("prefect.db")), GONE) == []
    assert [name for name in _named_in(prefect, GONE) if "db" in name] == []
    assert _named_in(prefect, STAYS)
    if not database:
        assert [name for name in _named_in(work.home, GONE) if name != "worker.log"] == []
    assert list(head_problems(work.office)) == []
    assert list(broken_journals(work.office)) == []
    assert os.access(work.office.settings.destroyed_file, os.R_OK)
    assert "goedgekeurd door medewerker mw-17" in work.command("vernietiging", "verklaring")
