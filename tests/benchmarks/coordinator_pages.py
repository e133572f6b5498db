"""What a coordinator waits for with 20,000 open cases on PostgreSQL, and what the idle server costs.

    python tests/benchmarks/coordinator_pages.py [--cases 20000] [--seconds 60]

Some cases are made by our own code and shown by a real worker; the rest are copies of their rows in both
databases. Then a headless Chromium opens the pages, and CPU is measured while nobody does anything. Needs a
PostgreSQL (ROUTEKAART_TEST_POSTGRESQL) on which it may make databases; it removes them again.
"""

# a benchmark prints its table; the names in its SQL are its own
from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import psycopg
from playwright.sync_api import expect, sync_playwright
from sqlalchemy import func
from sqlmodel import col, select

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "tests")]

from support.sample_cases import fill  # noqa: E402
from support.stack import Stack, home_with_keys  # noqa: E402

from adapters.office import open_office  # noqa: E402
from adapters.oversight.workload import read_workload  # noqa: E402
from adapters.runtime.settings import Settings  # noqa: E402
from adapters.storage.database import ProcessRow, reading  # noqa: E402
from flows.report_pages import workload_page  # noqa: E402
from flows.views import address  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

POSTGRESQL = os.environ.get("ROUTEKAART_TEST_POSTGRESQL", "postgresql://root@127.0.0.1:5432/postgres")
MUNICIPALITY = "0518"
REAL_CASES = 100
LIMIT_SECONDS = 3.0
LIMIT_CPU = 10.0


def database(name: str) -> str:
    """Return the address of a database on the same server."""
    return POSTGRESQL.rsplit("/", 1)[0] + f"/{name}"


def columns(connection: psycopg.Connection[Any], table: str) -> list[str]:
    """Return the columns of a table."""
    rows = connection.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND table_schema = 'public' "
        "AND is_generated = 'NEVER'",
        (table,),
    )
    return [row[0] for row in rows]


def copy(connection: psycopg.Connection[Any], table: str, number: int, **changes: str) -> None:
    """Copy every row of a table so many times, with some columns made from an expression over `t` and `i`."""
    names = [name for name in columns(connection, table) if changes.get(name) != ""]
    values = [changes.get(name, f't."{name}"') for name in names]
    listed = ", ".join(f'"{name}"' for name in names)
    connection.execute(
        f'INSERT INTO "{table}" ({listed}) SELECT {", ".join(values)} FROM "{table}" t, generate_series(1, {number}) i'
    )


def multiply(cases: str, engine: str, number: int) -> None:
    """Copy the cases and their flow runs in both databases."""
    run = "md5({}::text || '-' || i)::uuid"
    with psycopg.connect(cases) as connection:
        reference = "t.case_reference || '-' || i"
        copy(connection, "cases", number, reference="t.reference || '-' || i")
        connection.execute("CREATE TEMP TABLE original AS SELECT id, flow_run_id FROM processes")
        top = connection.execute("SELECT max(id) FROM processes").fetchone()
        last = int(top[0]) if top else 0
        new_id = f"(t.id + {last} * i)"
        copied = f"CASE WHEN t.flow_run_id IS NULL THEN NULL ELSE ({run.format('t.flow_run_id')})::text END"
        copy(connection, "processes", number, id=new_id, case_reference=reference, flow_run_id=copied)
        copy(connection, "timers", number, id="", process_id=f"(t.process_id + {last} * i)")
        copy(connection, "journal", number, id="", case_reference=reference)
        copy(connection, "shown", number, process_id=f"(t.process_id + {last} * i)")
        connection.execute("SELECT setval('processes_id_seq', (SELECT max(id) FROM processes))")
    with psycopg.connect(engine) as connection:
        connection.execute("SET session_replication_role = replica")  # runs and states point at each other
        state = run.format("t.state_id")
        copy(
            connection, "flow_run", number, id=run.format("t.id"), state_id=state, idempotency_key="NULL",
            name="replace(t.name, ' · ', '-' || i || ' · ')",
        )  # fmt: skip
        connection.execute("CREATE TEMP TABLE current_states AS SELECT state_id FROM flow_run")
        names = columns(connection, "flow_run_state")
        changed = {"id": run.format("t.id"), "flow_run_id": run.format("t.flow_run_id")}
        connection.execute(
            f"INSERT INTO flow_run_state ({', '.join(names)}) "
            f"SELECT {', '.join(changed.get(name, f't.{name}') for name in names)} FROM flow_run_state t "
            f"JOIN flow_run r ON r.state_id = t.id, generate_series(1, {number}) i"
        )
        own = {"id": run.format("t.id"), "flow_run_id": run.format("t.flow_run_id"), "state_id": "NULL"}
        copy(connection, "task_run", number, **own)
        flow = run.format("t.flow_run_id")
        copy(connection, "artifact", number, id=run.format("t.id"), flow_run_id=flow, key="t.key || '-' || i")
    for url in (cases, engine):
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")


def measured(what: str, work: Callable[[], Any]) -> float:
    """Do something three times and give the slowest."""
    slowest = 0.0
    for _ in range(3):
        began = time.perf_counter()
        work()
        slowest = max(slowest, time.perf_counter() - began)
    verdict = "ok" if slowest < LIMIT_SECONDS else "TOO SLOW"
    print(f"{what:<44} {slowest:6.2f} s   {verdict}", flush=True)
    return slowest


def idle(stack: Stack, seconds: float) -> None:
    """Measure what each process uses while nobody does anything."""
    processes = {name: psutil.Process(stack.pid_of(name)) for name in ("prefect", "worker", "api")}
    families = {name: [one, *one.children(recursive=True)] for name, one in processes.items()}
    before = {name: sum(sum(one.cpu_times()[:2]) for one in family) for name, family in families.items()}
    time.sleep(seconds)
    for name, family in families.items():
        used = sum(sum(one.cpu_times()[:2]) for one in family) - before[name]
        share = 100 * used / seconds
        print(f"idle CPU of {name:<32} {share:6.1f} %   {'ok' if share < LIMIT_CPU else 'TOO MUCH'}")


def look(stack: Stack, office: Any) -> None:
    """Open the pages as a coordinator does."""
    base = f"http://127.0.0.1:{stack.prefect_port}/"
    late = stack.prefect("POST", "/flow_runs/filter", flow_runs={"tags": {"all_": ["te-laat"]}}, limit=1)[0]
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        stack.let_in(page)
        for ui in (base, f"{base}v2/"):  # each UI itself is loaded once
            page.goto(ui)
            page.wait_for_timeout(5_000)

        def until_shown(path: str, text: str) -> Callable[[], None]:
            def work() -> None:
                page.goto(base + path)
                expect(page.get_by_text(text).first).to_be_visible(timeout=60_000)

            return work

        listed = address("open").removeprefix("../../")
        filtered = address("te-laat").removeprefix("../../")
        measured("run list: everything that is open", until_shown(listed, " · "))
        measured("run list: tag te-laat", until_shown(filtered, " · "))
        measured("run list of the second UI: tag te-laat", until_shown(f"v2/{filtered}", " · "))
        measured("run page", until_shown(f"runs/flow-run/{late['id']}", "Uiterlijk"))
        measured(
            "werkvoorraad: read and write the page",
            lambda: workload_page(read_workload(office, MUNICIPALITY)),
        )
        stack.run_action("werkvoorraad")
        stack.run_action("overzicht")
        measured("front page: open", until_shown("artifacts/key/overzicht", "Per mijlpaal"))
        key = f"artifacts/key/werkvoorraad-{MUNICIPALITY}"
        measured("werkvoorraad: open the page", until_shown(key, "Werkvoorraad gemeente"))
        browser.close()


def main() -> None:
    """Fill, look, rest, and clean up."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=60)
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # clean up all the same
    suffix = uuid.uuid4().hex[:6]
    names = [f"rk_coord_cases_{suffix}", f"rk_coord_prefect_{suffix}"]
    with psycopg.connect(POSTGRESQL, autocommit=True) as connection:
        for name in names:
            connection.execute(f'CREATE DATABASE "{name}"')
    cases, engine = (database(name) for name in names)
    folder = Path(tempfile.mkdtemp())
    settings = Settings(home=home_with_keys(folder / "home"), database_url=cases, municipality=MUNICIPALITY)
    extra = {
        "ROUTEKAART_DATABASE_URL": cases,
        "ROUTEKAART_MUNICIPALITY": MUNICIPALITY,
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": engine.replace("postgresql://", "postgresql+asyncpg://"),
        "PYTHONPATH": os.environ.get("PYTHONPATH", str(REPOSITORY)),
    }
    stack = Stack(settings.home_folder, extra=extra)
    try:
        office = open_office(settings)
        fill(office, REAL_CASES)
        stack.start()
        began = time.monotonic()
        waiting = select(func.count()).where(col(ProcessRow.attention), col(ProcessRow.finished).is_(False))
        while _count(office, waiting):
            time.sleep(1)
        print(f"{REAL_CASES} cases shown in {time.monotonic() - began:.0f} s", flush=True)
        began = time.monotonic()
        multiply(cases, engine, max(1, chosen.cases // REAL_CASES - 1))
        print(f"copied in {time.monotonic() - began:.0f} s", flush=True)
        still_open = _count(office, select(func.count()).where(col(ProcessRow.closed).is_(False)))
        print(f"{chosen.cases} cases, {still_open} open processes, PostgreSQL, {os.cpu_count()} cores")
        look(stack, office)
        time.sleep(10)
        idle(stack, chosen.seconds)
    finally:
        stack.stop()
        with psycopg.connect(POSTGRESQL, autocommit=True) as connection:
            for name in names:
                connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        shutil.rmtree(folder, ignore_errors=True)


def _count(office: Any, question: Any) -> int:
    with reading(office.engine) as session:
        return int(session.exec(question).one())


if __name__ == "__main__":
    main()
