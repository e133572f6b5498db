"""Random kills of worker, API and Prefect server, and a PostgreSQL that comes and goes; in short and in full."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from chaos import DAYS, Chaos, run_chaos
from support.cluster import Cluster, postgresql_programs
from support.workshop import Workshop

from adapters.runtime.checkpoints import Checkpoint

if TYPE_CHECKING:
    from pathlib import Path

    from support.workshop import Nursery, PrefectServer

pytestmark = pytest.mark.prefect

CASES = 10
KILLS = {"worker": 1, "api": 1, "server": 1}
RESTARTS = 1 if postgresql_programs() is not None else 0
# A death at a named point in the work on one of the cases, beside the random kills.
FAULTS = (f"{Checkpoint.AFTER_EFFECT}@M3-tot-M4-9",)
needs_postgresql = pytest.mark.skipif(postgresql_programs() is None, reason="no PostgreSQL programs here")


@pytest.mark.short
def test_a_few_blows_break_no_invariant(server: PrefectServer, nursery: Nursery, tmp_path: Path) -> None:
    """Worker, API, server and PostgreSQL went down and came back, and nothing is lost or done twice."""
    with ExitStack() as stack:
        cluster, extra = None, {}
        if RESTARTS:
            cluster = Cluster()
            stack.callback(cluster.remove)
            extra["ROUTEKAART_DATABASE_URL"] = cluster.create("zaken")
        shop = Workshop(server, nursery, tmp_path / "home", extra)
        stack.callback(shop.stop)
        assert shop.office
        shop.watch("worker", "api", ROUTEKAART_FAULT=",".join(FAULTS))
        shop.wait(lambda: shop.is_up("api"), 60)
        chaos = Chaos(shop, CASES, KILLS, pause=0.5, cluster=cluster, restarts=RESTARTS, days=DAYS[:1])
        assert chaos.run() == []
        blows = Counter(KILLS, postgresql=RESTARTS)
        assert blows <= chaos.killed
        assert {mark.name for mark in (shop.home / "fouten").iterdir()} == set(FAULTS)
        assert len(chaos.accepted) + len(chaos.filled_in) == chaos.steps
        assert set(chaos.answers) <= {201, 503}


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=needs_postgresql)])
def test_two_hundred_kills_over_five_hundred_cases_break_no_invariant(database: str) -> None:
    """Worker, API and Prefect server are killed 200 times while 500 cases go on."""
    broken, figures = run_chaos(database, kills=200, cases=500, restarts=0, seed=1)
    print(figures)
    assert broken == []


@needs_postgresql
@pytest.mark.timeout(1800)
def test_a_postgresql_that_restarts_every_few_seconds_breaks_no_invariant() -> None:
    """PostgreSQL, with the cases and with Prefect's own database, goes down 60 times while 200 cases go on."""
    broken, figures = run_chaos("postgresql", kills=0, cases=200, restarts=60, seed=1)
    print(figures)
    assert broken == []
