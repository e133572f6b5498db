"""A process that is asked to stop finishes or hands back its work; an upgrade needs no standstill."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import psutil
import pytest
from support.invariants import violations
from support.next_release import add_a_column
from support.stack import Stack, free_port, wait_until
from support.workshop import Nursery, PrefectServer, Workshop

from adapters.cases.attention import Attention
from adapters.office import open_office
from adapters.runtime.settings import Settings
from adapters.storage.database import create_engine, migrate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

    from adapters.cases.casework import Casework
    from adapters.runtime.clock import SetClock

TESTS = Path(__file__).parents[1]
WAITS, REGISTERED = "Wacht op registratie aanmelding", "Wacht op crisischeck"
BY_TELEPHONE = "Wacht op crisischeck per telefoon"


# --- without servers ----------------------------------------------------------------------------------------


def test_a_worker_that_stops_gives_back_all_that_it_holds(casework: Casework, engine: Engine) -> None:
    """What was claimed and not run is free at once, without waiting for the lease; it holds nothing after that."""
    stopping, other = Attention(engine), Attention(engine)
    for _ in range(3):
        casework.open("M1", municipality="0518")
    assert len(stopping.claim(10)) == 3
    assert other.claim(10) == []
    assert stopping.leases.release_all() == 3
    assert stopping.leases.release_all() == 0
    assert len(other.claim(10)) == 3


def test_a_worker_leaves_a_version_that_it_does_not_know_to_newer_ones(
    casework: Casework, engine: Engine, clock: SetClock
) -> None:
    """During an upgrade an old worker claims and fires only processes of versions that its release has."""
    old = casework.open("M3", municipality="0518").reference
    new = casework.open("M3", municipality="0518").reference
    with engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE processes SET version = 99 WHERE case_reference = '{new}'")
    assert [held.case_reference for held in Attention(engine).claim(10)] == [old]
    clock.moment += timedelta(days=20)
    assert casework.cases_with_due_terms() == [old]


def test_a_release_leaves_a_newer_schema_as_it_is(tmp_path: Path) -> None:
    """A process of the release before an upgrade can still start, and works on the newer schema."""
    office = open_office(Settings(home=tmp_path))
    reference = office.casework.open("M3", municipality="0518").reference
    add_a_column(office.settings.database)
    again = open_office(Settings(home=tmp_path))
    again.casework.report(reference, "aanmelding_geregistreerd")
    assert again.casework.case(reference).case.process("M3").state == "CRISISCHECK"


@pytest.mark.long
def test_processes_that_start_together_migrate_once(postgresql_url: str) -> None:
    """Four processes that open an empty PostgreSQL at the same moment all find the newest schema."""
    program = "import sys; from adapters.storage.database import *; migrate(create_engine(sys.argv[1]))"
    started = [
        subprocess.Popen([sys.executable, "-c", program, postgresql_url], stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    results = [(process.communicate()[1].decode(), process.returncode) for process in started]
    assert [code for _, code in results] == [0, 0, 0, 0], results
    engine = create_engine(postgresql_url)
    migrate(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    engine.dispose()


# --- with real processes ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    """A Prefect server."""
    made = PrefectServer(tmp_path_factory.mktemp("server") / "prefect")
    made.start()
    yield made
    made.kill()


@pytest.fixture(scope="module")
def nursery(server: PrefectServer) -> Iterator[Nursery]:
    """A nursery of workers of this release."""
    made = Nursery(server)
    yield made
    made.close()


@pytest.fixture
def shop(server: PrefectServer, nursery: Nursery, tmp_path: Path) -> Iterator[Workshop]:
    """Cases of their own; a lease is so long that nobody takes over because one ran out."""
    made = Workshop(server, nursery, tmp_path / "home", {"ROUTEKAART_LEASE_SECONDS": "600"})
    yield made
    made.stop()


def _ends(shop: Workshop, name: str) -> float:
    """Ask a process to stop; give the seconds until it was gone."""
    began = time.monotonic()
    shop.kill(name, signal.SIGTERM)
    shop.wait(lambda: not psutil.pid_exists(shop.pids[name]), 40)
    return time.monotonic() - began


@pytest.mark.prefect
@pytest.mark.long
def test_a_worker_that_is_asked_to_stop_hands_back_its_runs(shop: Workshop, server: PrefectServer) -> None:
    """SIGTERM with a queue in hand: the run that is going on ends well, the others go to a neighbour at once."""
    port = free_port()
    shop.start("eerste", ROUTEKAART_WORKER_NAME="eerste", ROUTEKAART_WORKER_PORT=str(port))
    references = [
        shop.office.casework.open("M3", municipality="0518", reference=f"STOP-{number}").reference
        for number in range(16)
    ]
    shop.wait_for_state(references[0], WAITS)
    assert _held(shop.office.engine)  # there is a queue
    assert httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=10).is_success
    figures = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=20).text
    assert 'routekaart_wake_ups_total{result="parked"}' in figures
    assert 'routekaart_open_processes{mijlpaal="M3"} 16.0' in figures
    assert _named_by_dashboard_and_alarms() - _given(figures) == {
        "routekaart_api_requests",
        "routekaart_api_request_seconds",
    }
    seconds = _ends(shop, "eerste")
    assert seconds < 30
    assert _held(shop.office.engine) == []
    log = (shop.home / "eerste.log").read_text()
    assert '"event": "worker_stopped"' in log
    assert "Traceback" not in log
    assert server.call("POST", "/work_pools/routekaart/workers/filter") == []
    runs = server.runs([run for ref in references if (run := shop.run_id(ref))])
    assert "RUNNING" not in {run["state_type"] for run in runs.values()}

    shop.start("tweede", ROUTEKAART_WORKER_NAME="tweede")
    for reference in references:
        shop.wait_for_state(reference, WAITS)
    runs = server.runs([shop.run_id(ref) or "" for ref in references])
    assert violations(shop.office, runs=runs) == []


@pytest.mark.prefect
@pytest.mark.long
def test_an_api_that_is_asked_to_stop_answers_what_it_was_asked(shop: Workshop) -> None:
    """SIGTERM in the middle of a request: the request is answered, the event is safe, and then the API ends."""
    reference = shop.office.casework.open("M1", municipality="0518").reference
    shop.start("api", "api")
    shop.wait(lambda: (shop.home / "api-sleutel").exists() and _connects(shop.api_port), 40)
    key = (shop.home / "api-sleutel").read_text().strip()
    figures = httpx.get(f"http://127.0.0.1:{shop.api_port}/metrics", headers={"X-API-Key": key}, timeout=20)
    assert _named_by_dashboard_and_alarms() <= _given(figures.text)
    body = b'{"gebeurtenis": "informatie_gegeven"}'
    head = (
        f"POST /v1/zaken/{reference}/gebeurtenissen HTTP/1.1\r\nHost: routekaart\r\n"
        f"X-API-Key: {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", shop.api_port), timeout=20) as asked:
        asked.sendall(head.encode() + body[:10])
        time.sleep(1)
        shop.kill("api", signal.SIGTERM)
        time.sleep(1)
        asked.sendall(body[10:])
        assert asked.recv(100).startswith(b"HTTP/1.1 201")
    shop.wait(lambda: not psutil.pid_exists(shop.pids["api"]), 30)
    assert [row.event for row in shop.office.casework.case(reference).journal] == [
        "geopend",
        "informatie_gegeven",
    ]


@pytest.mark.prefect
@pytest.mark.long
def test_start_that_is_asked_to_stop_leaves_nothing_in_hand(tmp_path: Path) -> None:
    """SIGTERM to `routekaart start` with work going on: exit 0, every process gone, every case free."""
    stack = Stack(tmp_path / "home")
    stack.start()
    assert stack.process is not None
    children = psutil.Process(stack.process.pid).children(recursive=True)
    office = open_office(Settings(home=stack.home))
    try:
        for number in range(12):
            office.casework.open("M3", municipality="0518", reference=f"START-{number}")
        wait_until(lambda: _held(office.engine), 30, stack.logs)
        stack.process.terminate()
        assert stack.process.wait(60) == 0
        assert not any(child.is_running() for child in children)
        assert _held(office.engine) == []
        assert [line for line in violations(office) if "was not carried out" not in line] == []
    finally:
        if stack.process.poll() is None:
            stack.kill()
        office.engine.dispose()


def _held(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        query = "SELECT case_reference FROM processes WHERE leased_by IS NOT NULL"
        return list(connection.exec_driver_sql(query).scalars())


def _named_by_dashboard_and_alarms() -> set[str]:
    """Return every metric that the files of Prometheus and Grafana ask for, without what PromQL adds to its name."""
    monitoring = TESTS.parent / "deployments" / "monitoring"
    text = "".join((monitoring / name).read_text() for name in ("dashboard.json", "alarmen.yml"))
    found = set(re.findall(r"\broutekaart_[a-z_]+\b", text))
    return {re.sub(r"_(total|bucket|sum|count)$", "", name) for name in found}


def _given(figures: str) -> set[str]:
    """Return every metric in an answer of `/metrics`."""
    return {
        re.sub(r"_total$", "", name) for name in re.findall(r"^# TYPE (\w+)", figures, flags=re.MULTILINE)
    }


def _connects(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _next_release(shop: Workshop, *words: str) -> subprocess.Popen[bytes]:
    """Start a process of the next release on the same cases."""
    with (shop.home / "nieuw.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, str(TESTS / "support" / "next_release.py"), *words],
            env=shop.server.environment
            | shop.environment
            | {"ROUTEKAART_WORKER_NAME": "nieuw", "ROUTEKAART_DEPLOY_ON_START": "false"}
            | {"PYTHONPATH": str(TESTS.parent)},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    threading.Thread(target=process.wait, daemon=True).start()  # nobody else buries it
    return process


def _online(server: PrefectServer) -> set[str]:
    workers = server.call("POST", "/work_pools/routekaart/workers/filter")
    return {worker["name"] for worker in workers if worker["status"] == "ONLINE"}


@pytest.mark.prefect
@pytest.mark.long
def test_an_upgrade_worker_by_worker_loses_no_parked_run(shop: Workshop, server: PrefectServer) -> None:
    """Runs that the old release parked stay parked, and the new one wakes them, each on its own version."""
    casework = shop.office.casework
    shop.start("oud", ROUTEKAART_WORKER_NAME="oud")
    parked = [
        casework.open("M3", municipality="0518", reference=f"OUD-{number}").reference for number in range(4)
    ]
    before = {reference: shop.wait_for_state(reference, WAITS) for reference in parked}

    # The new release migrates, and works beside the old one for a while.
    add_a_column(shop.office.settings.database)
    shop.pids["nieuw"] = _next_release(shop, "worker").pid
    shop.wait(lambda: _online(server) == {"oud", "nieuw"}, 120)
    fresh = "NIEUW-1"
    assert _next_release(shop, "open", "--mijlpaal", "M3", "--zaak", fresh).wait(60) == 0
    shop.wait_for_state(fresh, WAITS)
    casework.report(parked[0], "aanmelding_geregistreerd")
    shop.wait_for_state(parked[0], REGISTERED)

    assert _ends(shop, "oud") < 30
    after = server.runs([run["id"] for run in before.values()])
    for reference in parked[1:]:
        run = after[before[reference]["id"]]
        assert (run["state_type"], run["state_id"]) == ("PAUSED", before[reference]["state_id"])

    server.answer(before[parked[1]]["id"], gebeurtenis="Aanmelding geregistreerd")
    casework.report(parked[2], "aanmelding_geregistreerd")
    assert _next_release(shop, "meld", fresh, "aanmelding_geregistreerd").wait(60) == 0
    for reference in parked[:3]:
        assert shop.wait_for_state(reference, REGISTERED)["id"] == before[reference]["id"]
    assert shop.wait_for_state(fresh, BY_TELEPHONE)["state_type"] == "PAUSED"
    assert shop.wait_for_state(parked[3], WAITS)["state_id"] == before[parked[3]]["state_id"]
    assert [line for line in violations(shop.office) if "NIEUW-1" not in line] == []
