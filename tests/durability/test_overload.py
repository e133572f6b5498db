"""Databases that are locked for longer than anybody waits: the worker waits them out, and no run fails."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from support.invariants import violations

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.workshop import PrefectServer, Workshop

pytestmark = [pytest.mark.prefect, pytest.mark.timeout(600)]

EVENTS = ("aanmelding_geregistreerd", "niet_bedreigend", "ingetrokken")
DATA = {"ingetrokken": {"motivering": "m-1"}}


def _lock(path: Path, seconds: float) -> None:
    """Keep every other writer out for so long."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=60)) as other:
        other.execute("BEGIN IMMEDIATE")
        time.sleep(seconds)
        other.execute("ROLLBACK")


def _states(server: PrefectServer, runs: list[str]) -> set[str]:
    """Return the types of all states that these runs ever had."""
    marks = ",".join("?" * len(runs))
    with closing(sqlite3.connect(server.folder / "prefect" / "prefect.db", timeout=60)) as prefect:
        query = f"SELECT DISTINCT type FROM flow_run_state WHERE flow_run_id IN ({marks})"
        return {kind for (kind,) in prefect.execute(query, runs)}


@pytest.mark.parametrize(
    ("locked", "cases", "seconds"),
    [
        pytest.param("cases", 2, [3], marks=pytest.mark.short),
        ("cases", 6, [6, 6, 6]),
        ("prefect", 6, [15, 15, 15]),  # Prefect itself gives up after ten
    ],
)
def test_the_worker_waits_out_a_locked_database(
    workshop: Callable[..., Workshop], server: PrefectServer, locked: str, cases: int, seconds: list[float]
) -> None:
    """With the cases, or Prefect's own database, locked again and again, every case is shown and no run fails."""
    shop = workshop(ROUTEKAART_DATABASE_WAIT_SECONDS="1")
    casework = shop.office.casework
    path = shop.home / "zaken.db" if locked == "cases" else server.folder / "prefect" / "prefect.db"
    shop.start()
    references = [
        casework.open("M3", municipality="0518", reference=f"SLOT-{locked[0]}-{number}").reference
        for number in range(cases)
    ]
    for round_, (name, locked_for) in enumerate(zip(EVENTS, seconds, strict=False)):
        time.sleep(1)
        _lock(path, locked_for)
        for reference in references[round_:]:
            casework.report(reference, name, data=DATA.get(name), event_id=f"{round_}")
    shop.wait(lambda: not any(casework.case(item).rows["M3"].attention for item in references), 240)
    ids = [shop.run_id(reference) or "" for reference in references]
    shop.wait(lambda: violations(shop.office, runs=server.runs(ids)) == [], 60)
    assert _states(server, ids).isdisjoint({"FAILED", "CRASHED"})
