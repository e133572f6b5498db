"""An event is shown soon, whenever it comes; and two workers never have the same process in hand."""

from __future__ import annotations

import signal
import time
import uuid
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from sqlalchemy import update
from sqlmodel import select
from support.invariants import messages, violations
from support.workshop import Nursery, Workshop

from adapters.cases.attention import Attention
from adapters.runtime.checkpoints import Checkpoint
from adapters.runtime.worker_identity import identity
from adapters.storage.database import ProcessRow, reading, writing
from adapters.storage.leases import LEASE

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from sqlalchemy import Engine
    from support.workshop import PrefectServer

    from adapters.cases.casework import Casework
    from milestones.policy import Rules

FAKETIME = sorted(map(str, Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")))
REPORTED, REGISTERED = "aanmelding_geregistreerd", "Wacht op crisischeck"
MOMENTS = (
    Checkpoint.CLAIMED,
    Checkpoint.RUN_MADE,
    Checkpoint.RUN_LINKED,
    Checkpoint.RUN_STARTED,
    Checkpoint.BEFORE_EFFECT,
    Checkpoint.EFFECT_NOTED,
    Checkpoint.BEFORE_PARK,
    Checkpoint.BEFORE_FORM,
    Checkpoint.AFTER_PARK,
    Checkpoint.SHOWN,
)


# --- in the database ----------------------------------------------------------------------------------------


def _row(engine: Engine) -> ProcessRow:
    with reading(engine) as session:
        return session.exec(select(ProcessRow)).one()


def _carried_out(engine: Engine, effect_id: str) -> None:
    """Note that a message was planned, as the planner of deliveries does."""
    with engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE outbox SET done_at = CURRENT_TIMESTAMP WHERE id = '{effect_id}'")


@pytest.mark.short("sqlite")
def test_an_event_that_comes_after_reading_keeps_its_attention(casework: Casework, engine: Engine) -> None:
    """A worker that shows what it read before an event leaves the process asking for attention."""
    attention = Attention(engine)
    reference = casework.open("M1", municipality="0518").reference
    (held,) = attention.claim(1)
    attention.shown(held, 1)  # a message is still to be sent
    (held,) = attention.claim(1)
    for effect in attention.open_effects(held.process_id):
        _carried_out(engine, effect.id)
    casework.report(reference, "informatie_gegeven")
    attention.shown(held, 1)
    attention.release(held)
    assert _row(engine).attention
    assert [item.case_reference for item in attention.claim(1)] == [reference]


@pytest.mark.short("postgresql")
def test_an_event_that_was_half_written_when_the_worker_let_go_is_not_lost(
    casework: Casework, engine: Engine
) -> None:
    """The worker notes "shown" between the reading and the writing of a transition: attention stands."""
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time, so this cannot happen there")
    attention = Attention(engine)
    reference = casework.open("M1", municipality="0518").reference
    (held,) = attention.claim(1)
    for effect in attention.open_effects(held.process_id):
        _carried_out(engine, effect.id)
    usual = casework.rules_for

    def in_between(municipality: str) -> Rules:
        # Called after the case was read and before anything of it is written.
        attention.shown(held, 1)
        attention.release(held)
        return usual(municipality)

    casework.rules_for = in_between
    casework.report(reference, "informatie_gegeven")
    assert _row(engine).attention


@pytest.mark.short("sqlite")
def test_an_event_while_claimed_is_seen_by_the_run_that_was_claimed_for(
    casework: Casework, engine: Engine
) -> None:
    """The claim keeps others off, and the run of this worker takes it over with a lease of its own."""
    attention = Attention(engine)
    reference = casework.open("M1", municipality="0518").reference
    (held,) = attention.claim(1)
    casework.report(reference, "informatie_gegeven")
    assert attention.claim(1) == []
    assert Attention(engine).claim(1) == []
    attention.release(held)
    assert len(attention.claim(1)) == 1


@pytest.mark.short("sqlite")
def test_a_lease_that_ran_out_gives_no_rights(casework: Casework, engine: Engine) -> None:
    """After another worker took over, the first can neither keep, link, show nor release."""
    slow, quick = Attention(engine), Attention(engine)
    casework.open("M1", municipality="0518")
    (old,) = slow.claim(1)
    assert quick.claim(1) == []
    _pass(engine, LEASE)
    (new,) = quick.claim(1)
    slow.leases.remember(-LEASE.total_seconds(), old.lease)  # a minute passed for the first worker too
    assert not slow.keep(old)
    assert not slow.link(old, uuid.uuid4())
    slow.shown(old, 1, finished=True)
    slow.release(old)
    slow.leases.renew()
    row = _row(engine)
    assert (row.leased_by, row.attention, row.finished) == (new.lease.token, True, False)
    assert quick.keep(new)


@pytest.mark.short("sqlite")
def test_a_renewed_lease_does_not_run_out(casework: Casework, engine: Engine) -> None:
    """A worker that renews keeps a process for as long as it lives."""
    living, other = Attention(engine), Attention(engine)
    casework.open("M1", municipality="0518")
    (held,) = living.claim(1)
    for _ in range(6):
        _pass(engine, LEASE / 2)
        living.leases.renew()
        assert other.claim(1) == []
    assert living.keep(held)


def _pass(engine: Engine, span: timedelta) -> None:
    """Let leases in the database grow older."""
    (until,) = (row.leased_until for row in [_row(engine)] if row.leased_until is not None)
    with writing(engine) as session:
        session.execute(update(ProcessRow).values(leased_until=until - span))


@pytest.mark.short("sqlite")
def test_the_lease_of_a_dead_neighbour_is_taken_back_at_once(casework: Casework, engine: Engine) -> None:
    """A lease of a process that does not live any more on this machine is free; one of a living process is not."""
    casework.open("M1", municipality="0518")
    Attention(engine).claim(1)
    assert Attention(engine).leases.release_dead() == 0
    place, _pid, start = identity().split(":")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"UPDATE processes SET leased_by = '{place}:4194304:{start}:x:1'")
        connection.commit()
    assert Attention(engine).leases.release_dead() == 1
    assert len(Attention(engine).claim(1)) == 1


# --- with real workers --------------------------------------------------------------------------------------


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> dict[str, str]:
    """Where the cases are."""
    if request.param == "sqlite":
        return {}
    return {"ROUTEKAART_DATABASE_URL": request.getfixturevalue("empty_postgresql_url")}


@pytest.mark.prefect
@pytest.mark.short("sqlite")
def test_an_event_at_each_named_moment_is_shown(
    workshop: Callable[..., Workshop], server: PrefectServer, database: dict[str, str]
) -> None:
    """The worker is stopped at a point in its work on a case, an event comes in, it goes on: the event is shown."""
    shop = workshop(**database)
    casework = shop.office.casework
    case_at = {
        f"{point}@TIJD-{number}": casework.open(
            "M3", municipality="0518", reference=f"TIJD-{number}"
        ).reference
        for number, point in enumerate(MOMENTS)
    }
    shop.start(
        ROUTEKAART_FAULT=",".join(f"{mark}:stop" for mark in case_at), ROUTEKAART_WORKER_CONCURRENCY="1"
    )
    told: set[str] = set()
    while told != case_at.keys():
        shop.wait(lambda: psutil.Process(shop.pids["worker"]).status() == psutil.STATUS_STOPPED, 60)
        with ThreadPoolExecutor() as reporters:
            fresh = {path.name for path in (shop.home / "fouten").iterdir()} - told
            reports = [reporters.submit(casework.report, case_at[mark], REPORTED) for mark in fresh]
            wait(reports, 1)  # a stopped worker may hold the lock of SQLite: then they come when it goes on
            shop.kill(how=signal.SIGCONT)
        assert all(report.result().new for report in reports)
        told |= fresh
    # The clock stands still, so no term brings it up.
    runs = [shop.wait_for_state(reference, REGISTERED, seconds=30) for reference in case_at.values()]
    assert violations(shop.office, runs=server.runs([run["id"] for run in runs])) == []


@pytest.mark.prefect
def test_events_that_come_at_every_moment_are_shown_soon(
    workshop: Callable[..., Workshop], server: PrefectServer, database: dict[str, str]
) -> None:
    """Events that arrive while a run is claimed, running and parking are all shown, without a timer."""
    shop = workshop(**database)
    shop.start()
    references = [
        shop.office.casework.open("M1", municipality="0518", reference=f"DRUK-{number}").reference
        for number in range(8)
    ]
    for round_ in range(4):
        for reference in references:  # the worker is in the middle of the events before these
            shop.office.casework.report(reference, "informatie_gegeven", event_id=f"r{round_}")

    def shown() -> bool:
        rows = [shop.office.casework.case(reference).rows["M1"] for reference in references]
        return not any(row.attention for row in rows)

    shop.wait(shown, 60)
    runs = server.runs([shop.run_id(reference, "M1") or "" for reference in references])
    assert violations(shop.office, runs=runs) == []


@pytest.mark.prefect
@pytest.mark.parametrize(
    "point",
    [
        pytest.param(Checkpoint.BEFORE_PARK, marks=pytest.mark.short("sqlite")),
        Checkpoint.BEFORE_EFFECT,
        Checkpoint.RUN_STARTED,
    ],
)
def test_a_worker_that_stood_still_does_nothing_when_it_comes_back(
    workshop: Callable[..., Workshop], database: dict[str, str], point: Checkpoint
) -> None:
    """Stopped for longer than its lease, a worker finds its process taken, and leaves it as the other shows it."""
    shop = workshop(ROUTEKAART_LEASE_SECONDS="3", **database)
    reference = _sleeps_and_comes_back(shop, point)
    run = shop.wait_for_state(reference, REGISTERED)
    assert violations(shop.office, runs={run["id"]: run}) == []
    ids = [item["id"] for item in messages(shop.office.settings.messages_file)]
    # The message that was in the hands of the sleeper may come twice, never more, under one id.
    assert len(ids) - len(set(ids)) <= (1 if point is Checkpoint.BEFORE_EFFECT else 0)


@pytest.mark.prefect
def test_a_worker_that_stood_still_for_more_than_a_minute(
    workshop: Callable[..., Workshop], database: dict[str, str]
) -> None:
    """With the lease of every day, a minute: the other takes over after it, and the first lets go."""
    shop = workshop(**database)
    began = time.monotonic()
    reference = _sleeps_and_comes_back(shop, Checkpoint.BEFORE_PARK)
    assert time.monotonic() - began > LEASE.total_seconds()
    run = shop.wait_for_state(reference, REGISTERED)
    assert violations(shop.office, runs={run["id"]: run}) == []


@pytest.mark.prefect
def test_a_worker_that_was_frozen_for_an_hour_works_on(server: PrefectServer, tmp_path: Path) -> None:
    """Every clock of its machine says an hour later: it does nothing to what another took, and shows the next case."""
    if not FAKETIME:
        pytest.skip("no libfaketime on this machine")
    clock = tmp_path / "klok"
    clock.write_text("+0")
    machine = {
        "LD_PRELOAD": FAKETIME[0],
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_CACHE_DURATION": "1",
    }
    with ExitStack() as ends:
        nursery = Nursery(replace(server, extra=server.extra | machine))
        ends.callback(nursery.close)
        shop = Workshop(server, nursery, tmp_path / "werk")
        ends.callback(shop.stop)
        reference = _sleeps_and_comes_back(shop, Checkpoint.BEFORE_PARK, lambda: clock.write_text("+1h"))
        run = shop.wait_for_state(reference, REGISTERED)
        assert violations(shop.office, runs={run["id"]: run}) == []
        shop.kill("wakker")
        shop.office.casework.open("M3", municipality="0518", reference="STIL-99")
        shop.wait_for_state("STIL-99", "Wacht op registratie aanmelding")
        ids = [item["id"] for item in messages(shop.office.settings.messages_file)]
        assert len(ids) == len(set(ids))


def _sleeps_and_comes_back(
    shop: Workshop, point: Checkpoint, meanwhile: Callable[[], object] = lambda: None
) -> str:
    """Stop a worker at a point in its work on a case; it goes on when another has shown an event in that case."""
    casework = shop.office.casework
    reference = casework.open(
        "M3", municipality="0518", reference=f"STIL-{list(Checkpoint).index(point)}"
    ).reference
    shop.start("slaper", ROUTEKAART_FAULT=f"{point}@{reference}:stop", ROUTEKAART_WORKER_NAME="slaper")
    shop.wait(lambda: psutil.Process(shop.pids["slaper"]).status() == psutil.STATUS_STOPPED)
    meanwhile()
    shop.start("wakker", ROUTEKAART_WORKER_NAME="wakker")
    casework.report(reference, REPORTED)
    shop.wait_for_state(reference, REGISTERED)
    shop.kill("slaper", signal.SIGCONT)
    time.sleep(2)
    return reference
