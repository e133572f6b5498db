"""Random kills of worker, API and Prefect server, and a PostgreSQL that comes and goes; in short and in full."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from chaos import FORM_SHOWN, Chaos, run_chaos
from cluster import postgresql_programs
from invariants import messages
from workshop import Nursery, PrefectServer, Workshop

from adapters.cases.cancellations import open_cancellations
from adapters.faults import FaultPoint

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.prefect

CASES = 10
KILLS = {"worker": 1, "api": 1, "server": 1}
# A death at a named point in the work on one of the cases, beside the random kills.
FAULTS = (f"{FaultPoint.AFTER_EFFECT}@M3-tot-M4-9",)
needs_postgresql = pytest.mark.skipif(postgresql_programs() is None, reason="no PostgreSQL programs here")


@pytest.fixture(scope="module")
def small(
    server: PrefectServer, nursery: Nursery, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Chaos, list[str]]]:
    """A dozen cases, a few kills, and what is broken afterwards."""
    shop = Workshop(server, nursery, tmp_path_factory.mktemp("kort") / "home")
    assert shop.office
    shop.watch("worker", "api", ROUTEKAART_FAULT=",".join(FAULTS))
    try:
        shop.wait(lambda: shop.is_up("api"), 60)
        chaos = Chaos(shop, CASES, KILLS, pause=0.7)
        yield chaos, chaos.run()
    finally:
        shop.stop()


@pytest.mark.long
def test_a_few_kills_break_no_invariant(small: tuple[Chaos, list[str]]) -> None:
    """Worker, API and server were killed, at random and at named points, and nothing is lost or done twice."""
    chaos, broken = small
    assert broken == []
    assert dict(chaos.killed) == KILLS
    assert {mark.name for mark in (chaos.shop.home / "fouten").iterdir()} == set(FAULTS)
    assert len(chaos.accepted) + len(chaos.filled_in) == chaos.steps
    assert set(chaos.answers) <= {201, 503}


@pytest.mark.long
def test_a_message_that_is_sent_again_has_the_same_id(small: tuple[Chaos, list[str]]) -> None:
    """The worker that died after sending and before noting sent the message twice, under one id."""
    chaos, _ = small
    ids = [
        item["id"]
        for item in messages(chaos.shop.office.settings.messages_file)
        if "M3-tot-M4-9" in item["tekst"]
    ]
    assert len(ids) > len(set(ids))


@pytest.mark.long
def test_a_cancelled_and_a_deleted_run_come_back(small: tuple[Chaos, list[str]]) -> None:
    """The worker makes new runs by itself, and the cancellation waits for a coordinator."""
    chaos, _ = small
    shop, server = chaos.shop, chaos.shop.server
    casework = shop.office.casework
    references = [
        casework.open("M3", municipality="0518", reference=f"ZWERF-{name}").reference for name in "AB"
    ]
    cancelled, deleted = (shop.wait_for_state(reference, FORM_SHOWN)["id"] for reference in references)
    state = {"type": "CANCELLED", "name": "Cancelled"}
    server.call("POST", f"/flow_runs/{cancelled}/set_state", state=state, force=True)
    server.call("DELETE", f"/flow_runs/{deleted}")
    shop.wait(
        lambda: {cancelled, deleted}.isdisjoint(shop.run_id(reference) or "" for reference in references)
    )
    for reference in references:
        shop.wait_for_state(reference, FORM_SHOWN)
    assert [item.flow_run_id for item in open_cancellations(shop.office.engine)] == [cancelled]


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
