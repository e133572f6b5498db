"""What the outside does to a worker: a disk or server that only reads for a while, a Prefect that is slow."""

from __future__ import annotations

import shutil
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
import pytest
from support.invariants import messages, violations
from support.slow_way import SlowWay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.workshop import PrefectServer, Workshop

pytestmark = [pytest.mark.prefect, pytest.mark.timeout(600)]

REPORTED, REGISTERED = "aanmelding_geregistreerd", "Wacht op crisischeck"
ONLY_READS_SECONDS = 60.0
PATIENT = {"ROUTEKAART_DATABASE_WAIT_SECONDS": "1"}


@contextmanager
def _file_that_only_reads(shop: Workshop) -> Iterator[None]:
    """Let the file of the cases take nothing, as when the kernel makes a disk read-only."""
    files = [str(shop.home / name) for name in ("zaken.db", "zaken.db-wal")]
    if shutil.which("chattr") is None or subprocess.run(["chattr", "+i", *files], check=False).returncode:
        pytest.skip("this disk has no files that only read")
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", *files], check=True)


@contextmanager
def _server_that_only_reads(url: str) -> Iterator[None]:
    """Let a PostgreSQL database take nothing, as one that fails over to a copy."""
    server, _, name = url.rpartition("/")

    def only_reads(value: str) -> None:
        with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
            connection.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = {value}')
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
            )

    only_reads("on")
    try:
        yield
    finally:
        only_reads("off")


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_database_that_only_reads_for_a_minute_loses_nothing(
    workshop: Callable[..., Workshop],
    server: PrefectServer,
    request: pytest.FixtureRequest,
    database: str,
) -> None:
    """A form that was answered in that minute counts after it, once; no run fails, and every event is shown."""
    extra = dict(PATIENT)
    if database == "postgresql":
        extra["ROUTEKAART_DATABASE_URL"] = request.getfixturevalue("empty_postgresql_url")
    shop = workshop(**extra)
    shop.start()
    casework = shop.office.casework
    names = [f"LEEST-{database[:3]}-{number}" for number in range(4)]
    for name in names:
        casework.open("M3", municipality="0518", reference=name)
    runs = [shop.wait_for_state(name, "Wacht op registratie aanmelding")["id"] for name in names]
    only_reads = (
        _file_that_only_reads(shop)
        if database == "sqlite"
        else _server_that_only_reads(extra["ROUTEKAART_DATABASE_URL"])
    )
    casework.report(names[3], REPORTED)
    with only_reads:
        for run in runs[:3]:
            server.answer(run, gebeurtenis="Aanmelding geregistreerd")
        time.sleep(ONLY_READS_SECONDS)
    for name in names:
        shop.wait_for_state(name, REGISTERED)
    assert violations(shop.office, runs=server.runs(runs)) == []
    for name in names:
        assert [row.event for row in casework.case(name).journal] == ["geopend", REPORTED]
    failed = server.call("POST", "/flow_runs/filter", flow_runs={"id": {"any_": runs}, "state": {"type": {"any_": ["FAILED", "CRASHED"]}}})  # fmt: skip  # noqa: E501
    assert failed == []


def test_a_prefect_that_is_slow_takes_no_process_away(
    workshop: Callable[..., Workshop], server: PrefectServer
) -> None:
    """Every answer takes two seconds, longer than half a lease: each process has one holder, each message one id."""
    way = SlowWay(server.port, 2.0)
    shop = workshop(
        ROUTEKAART_LEASE_SECONDS="4",
        PREFECT_API_URL=f"http://127.0.0.1:{way.port}/api",
        ROUTEKAART_WORKER_NAME="traag",
    )
    shop.start("een")
    shop.start("twee", ROUTEKAART_WORKER_NAME="traag-2")
    casework = shop.office.casework
    names = [f"TRAAG-{number}" for number in range(3)]
    for name in names:
        casework.open("M3", municipality="0518", reference=name)
    for name in names:
        shop.wait_for_state(name, "Wacht op registratie aanmelding", seconds=300)
        casework.report(name, REPORTED)
    runs = [shop.wait_for_state(name, REGISTERED, seconds=300)["id"] for name in names]
    assert violations(shop.office, runs=server.runs(runs)) == []
    ids = [item["id"] for item in messages(shop.office.settings.messages_file)]
    assert len(ids) == len(set(ids))
    way.close()
