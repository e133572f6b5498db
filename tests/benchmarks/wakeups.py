"""Wake-ups a second: our worker beside Prefect's own process worker, on one Prefect server.

    python tests/benchmarks/wakeups.py [--stock 12] [--source 200] [--resume 100] [--cases 40]
                                       [--postgres] [--concurrency 4] [--pairs 2 [--cgroup FOLDER]]

A wake-up takes a parked flow run to RUNNING, runs its flow from the top, and parks it again. Each one writes
a row of its own, and at the end every run must be parked with exactly the wake-ups that it was given. The flow is
the same for both workers. Beside that, whole cases are woken: with terms, messages, tags, pages, forms and logs.

Prefect keeps its rows in SQLite, or with --postgres in a PostgreSQL database, beside one of the cases.

--pairs has more servers, each with a worker, for the same cases. Where one pair has the whole machine, a second adds
nothing: --cgroup names a folder (and a number) of a control group that bounds the CPU of each pair.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import sqlite3
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import measuring
import psutil
from measuring import REPOSITORY, Line, cpu_seconds, report
from prefect import flow, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.context import FlowRunContext
from prefect.settings import PREFECT_API_URL, temporary_settings
from pydantic import BaseModel, Field
from sqlmodel import col, func, select

from adapters.office import open_office
from adapters.runtime.settings import Settings
from adapters.storage.database import ProcessRow, reading
from deployments.environment import prefect_environment
from deployments.garbage import collect_less
from flows.entry_points import also_ours
from flows.prefect_seam.parking import park, take_answer
from flows.wake_source import WakeUp, WakeUpResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from prefect.client.orchestration import SyncPrefectClient
    from sqlalchemy import Engine

FILE = "ROUTEKAART_BENCHMARK_FILE"
STOCK_AT_ONCE = 4
SHIPPED_ON_POSTGRESQL = 4  # ROUTEKAART_WORKER_CONCURRENCY of our compose file and units
WANTED = 40  # times the process worker
COMPARED = ("ours, wake source", "ours, Resume")


# -- the flow that is woken ----------------------------------------------------------------------------------


class _Uitkomst(BaseModel):  # without a text above it, as the forms of our processes are
    bereikt: bool = Field(title="Is de inwoner bereikt?")


@flow(name="proef")
def waiting() -> None:
    """Write one row for each wake-up and park again."""
    answer = take_answer()
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        raise RuntimeError
    with notes() as database:
        database.execute(
            "insert into wake_up (flow_run_id, answer) values (?, ?)",
            (str(context.flow_run.id), answer.id if answer else None),
        )
    park("Wacht op gesprek", "Tot 1 mei 2026 (Wgs art. 4 lid 1)", _Uitkomst)


@contextmanager
def notes() -> Iterator[sqlite3.Connection]:
    """Open the file in which the parts of this benchmark meet."""
    database = sqlite3.connect(os.environ[FILE], timeout=30)
    try:
        with database:
            yield database
    finally:
        database.close()


class NotedWakeUps:
    """A wake source on a plain table."""

    def claim(self, limit: int) -> Sequence[WakeUp]:
        """Take the oldest wake-ups off the table."""
        with notes() as database:
            rows = database.execute(
                "update due set taken = 1 where rowid in (select rowid from due where not taken limit ?) "
                "returning flow_run_id",
                (limit,),
            ).fetchall()
        return [WakeUp(UUID(row[0])) for row in rows]

    def done(self, wake_up: WakeUp, result: WakeUpResult) -> None:
        """Note how it ended."""
        with notes() as database:
            database.execute(
                "update due set result = ? where flow_run_id = ?", (str(result), str(wake_up.flow_run_id))
            )


# -- the processes -------------------------------------------------------------------------------------------


def environment(home: Path, port: int, database: str | None) -> dict[str, str]:
    """Return the settings of the server and of both workers: those that we ship."""
    ours = prefect_environment(Settings(home=home, prefect_port=port))
    more = {
        "ROUTEKAART_HOME": str(home),
        "ROUTEKAART_PREFECT_PORT": str(port),
        "PREFECT_LOGGING_LEVEL": "WARNING",
        FILE: str(home / "notes.db"),
    }
    if database:
        more["PREFECT_SERVER_DATABASE_CONNECTION_URL"] = database.replace(
            "postgresql://", "postgresql+asyncpg://"
        )
    return ours | more


@contextmanager
def process(*command: str, log: str = "", **more: str) -> Iterator[psutil.Process]:
    """Run a command of Python and end it."""
    name = log or "-".join(command[-3:]).replace("/", "_")
    file = Path(os.environ["ROUTEKAART_HOME"]) / f"{name}.log"
    with measuring.process(sys.executable, *command, log=file, environment=os.environ | more) as started:
        yield started


# -- measuring -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Measured:
    """One line of the table."""

    what: str
    wake_ups: int
    seconds: float
    worker_cpu: float
    server_cpu: float

    @property
    def rate(self) -> float:
        """Wake-ups a second."""
        return self.wake_ups / self.seconds

    @property
    def cpu(self) -> float:
        """Seconds of CPU for one wake-up, in worker and server."""
        return self.worker_cpu + self.server_cpu


@dataclass
class Bench:
    """The server and a client of it."""

    client: SyncPrefectClient
    server: psutil.Process
    beside: list[tuple[str, psutil.Process]] = field(default_factory=list)
    """The API of each other server."""
    cgroup: str = ""

    def bound(self, pair: int, *processes: psutil.Process) -> None:
        """Put a server and its worker in the control group of their pair."""
        if self.cgroup:
            for one in processes:
                Path(f"{self.cgroup}{pair}", "cgroup.procs").write_text(str(one.pid), encoding="utf-8")

    def deploy(self, pool: str, pool_type: str) -> UUID:
        """Make a work pool with the toy flow in it."""
        self.client.create_work_pool(WorkPoolCreate(name=pool, type=pool_type))
        return self.client.create_deployment(
            flow_id=self.client.create_flow_from_name("proef"),
            name=pool,
            work_pool_name=pool,
            path=str(REPOSITORY),
            entrypoint="tests/benchmarks/wakeups.py:waiting",
        )

    def open(self, deployment: UUID, number: int) -> list[UUID]:
        """Start flow runs and wait until all are parked for the first time."""
        runs = [self.client.create_flow_run_from_deployment(deployment).id for _ in range(number)]
        self.until_parked(deployment, number)
        return runs

    def until_parked(self, deployment: UUID, number: int) -> None:
        """Wait until so many runs of a deployment are parked."""
        wait_for(lambda: self.parked(deployment) == number, 300)

    def parked(self, deployment: UUID) -> int:
        """Count the parked runs of a deployment."""
        return self.client.count_flow_runs(
            flow_run_filter=FlowRunFilter(
                state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.PAUSED]))
            ),
            deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment])),
        )

    def measure(
        self, what: str, worker: psutil.Process, runs: list[UUID], wake: Callable[[], None]
    ) -> Measured:
        """Wake runs, wait until each has one more wake-up, and note the time and the CPU that took."""
        before = count_wake_ups()
        expected = {str(run): before.get(str(run), 0) + 1 for run in runs}
        # The clock must not measure how fast we can press Resume, so the worker holds its breath meanwhile. First it
        # may store the form of the last pause.
        time.sleep(1)
        worker.suspend()
        wake()
        worker_cpu, server_cpu, start = cpu_seconds(worker), cpu_seconds(self.server), time.perf_counter()
        worker.resume()
        wait_for(lambda: expected.items() <= count_wake_ups().items(), 300)
        wait_for(lambda: all(self.is_parked(run) for run in runs[-STOCK_AT_ONCE:]), 60)
        seconds = time.perf_counter() - start
        time.sleep(1)  # the server still writes events of what has ended
        after = count_wake_ups()
        wrong = {run: after[run] - n for run, n in expected.items() if after[run] != n}
        if wrong:
            sys.exit(f"{what}: some runs did not get exactly one wake-up: {wrong}")
        return Measured(
            what,
            len(runs),
            seconds,
            (cpu_seconds(worker) - worker_cpu) / len(runs),
            (cpu_seconds(self.server) - server_cpu) / len(runs),
        )

    def is_parked(self, run: UUID) -> bool:
        """Tell whether a run is parked."""
        return self.client.read_flow_run(run).state_type == StateType.PAUSED

    def resume(self, runs: list[UUID]) -> None:
        """Answer the form of each run, as a person does in the UI, who tries again when it is not there yet."""
        for run in runs:
            for _ in range(50):
                result = self.client.resume_flow_run(run, run_input={"bereikt": True})
                if result.status.value == "ACCEPT":
                    break
                time.sleep(0.2)
            else:
                sys.exit(f"Resume was refused: {result.details}")


def count_wake_ups() -> dict[str, int]:
    """Count the wake-ups of each run."""
    with notes() as database:
        return dict(database.execute("select flow_run_id, count(*) from wake_up group by 1").fetchall())


def note_due(runs: list[UUID]) -> None:
    """Put wake-ups in the source."""
    with notes() as database:
        database.executemany("insert into due (flow_run_id) values (?)", [(str(run),) for run in runs])


def wait_for(condition: Callable[[], bool], seconds: float) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            sys.exit("It took too long: see the logs in " + os.environ["ROUTEKAART_HOME"])
        time.sleep(0.2)


def measure_all(arguments: argparse.Namespace, bench: Bench) -> list[Measured]:
    """Measure the stock worker, then ours through both of its sources."""
    results = []
    if arguments.stock:
        stock = bench.deploy("stock", "process")
        command = ("-m", "prefect", "worker", "start", "--limit", str(STOCK_AT_ONCE), "--pool", "stock")
        with process(*command) as worker:
            runs = bench.open(stock, arguments.stock)
            results.append(
                bench.measure("process worker, 4 at once", worker, runs, lambda: bench.resume(runs))
            )
            print(f"process worker: {results[0].rate:.2f}/s", flush=True)
    if not arguments.source:
        return results
    ours = bench.deploy("routekaart", "routekaart")
    with process(__file__, "--worker") as worker:
        runs = bench.open(ours, max(arguments.source, arguments.resume))
        due, answered = runs[: arguments.source], runs[: arguments.resume]
        results.append(bench.measure("ours, wake source", worker, due, lambda: note_due(due)))
        results.append(bench.measure("ours, Resume", worker, answered, lambda: bench.resume(answered)))
        bench.until_parked(ours, len(runs))
        print(f"memory of our worker: {worker.memory_info().rss / 1e6:.0f} MB")
    return results


CASE_EVENTS = ("aanmelding_geregistreerd", "niet_bedreigend", "afspraak_gemaakt")


def a_worker(pair: int, api: str) -> AbstractContextManager[psutil.Process]:
    """Run the worker as it is shipped, for the server at this address."""
    more = {"PREFECT_LOGGING_LEVEL": "INFO", "PREFECT_API_URL": api, "ROUTEKAART_WORKER_NAME": f"paar-{pair}"}
    return process("-m", "deployments.cli", "worker", log=f"worker-{pair}", **more)


def measure_cases(bench: Bench, number: int) -> list[Measured]:
    """Measure the worker as it is shipped on cases: opening them, and an event in each of them."""
    home = Path(os.environ["ROUTEKAART_HOME"])
    office = open_office(Settings(home=home))
    ready = home / "worker.ready"
    pairs = [(os.environ["PREFECT_API_URL"], bench.server), *bench.beside]
    with ExitStack() as stack:
        workers = []
        for pair, (api, server) in enumerate(pairs):
            workers.append(stack.enter_context(a_worker(pair, api)))
            wait_for(ready.exists, 120)
            ready.unlink()
            bench.bound(pair, server, workers[-1])

        def cpu_of_servers() -> float:
            return sum(cpu_seconds(server) for _, server in pairs)

        def cpu_of_workers() -> float:
            return sum(cpu_seconds(worker) for worker in workers)

        def until_shown(what: str, change: Callable[[], None]) -> Measured:
            for worker in workers:
                worker.suspend()
            change()
            worker_cpu, server_cpu, begin = cpu_of_workers(), cpu_of_servers(), time.perf_counter()
            for worker in workers:
                worker.resume()
            wait_for(lambda: not waiting_for_attention(office.engine), 600)
            seconds = time.perf_counter() - begin
            time.sleep(1)
            return Measured(
                what,
                number,
                seconds,
                (cpu_of_workers() - worker_cpu) / number,
                (cpu_of_servers() - server_cpu) / number,
            )

        references: list[str] = []

        def open_cases() -> None:
            references.extend(
                office.casework.open("M3", municipality="0518").reference for _ in range(number)
            )

        def report_events(event: str) -> None:
            for reference in references:
                office.casework.report(reference, event)

        opened = until_shown("ours, a new case", open_cases)
        events = [until_shown(event, partial(report_events, event)) for event in CASE_EVENTS]
    office.engine.dispose()
    count = len(events)
    together = Measured(
        "ours, an event in a case",
        number * count,
        sum(one.seconds for one in events),
        sum(one.worker_cpu for one in events) / count,
        sum(one.server_cpu for one in events) / count,
    )
    return [opened, together]


def waiting_for_attention(engine: Engine) -> int:
    """Count the processes that Prefect does not show as they are."""
    with reading(engine) as session:
        query = select(func.count()).select_from(ProcessRow).where(col(ProcessRow.attention).is_(True))
        return session.exec(query).one()


def lines_of(results: list[Measured], database: str) -> list[Line]:
    """Return the results as lines beside the first of them: how many a second, and at what CPU."""
    stock = results[0] if "process worker" in results[0].what else None
    name = f"wake-ups, Prefect on {database}"
    lines = [
        Line(
            name,
            f"{one.what}; worker {one.worker_cpu * 1000:.0f} ms, server {one.server_cpu * 1000:.0f} ms of CPU each",
            one.rate,
            "/s",
            "the process worker" if stock and one is not stock else "",
            one.rate / stock.rate if stock and one is not stock else None,
            f"{WANTED} x" if stock and one.what in COMPARED else "",
            one.rate / stock.rate >= WANTED if stock and one.what in COMPARED else None,
        )
        for one in results
    ]
    if stock is not None:
        lines += [
            Line(
                name,
                f"{one.what}: CPU of worker and server together",
                one.cpu * 1000,
                "ms each",
                f"less than the process worker, {stock.cpu * 1000:,.0f} ms",
                stock.cpu / one.cpu,
                f"{WANTED} x",
                stock.cpu / one.cpu >= WANTED,
            )
            for one in results
            if one.what in COMPARED
        ]
    return lines


def run_worker() -> None:
    """Run our worker with the wake source of this benchmark."""
    from flows.worker import RoutekaartWorker  # noqa: PLC0415  # only this process needs it

    also_ours("tests/benchmarks/wakeups.py:waiting", waiting)
    collect_less()
    asyncio.run(RoutekaartWorker("routekaart", wake_source=NotedWakeUps()).start())


def main() -> None:
    """Start a server, measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stock", type=int, default=12)
    parser.add_argument("--source", type=int, default=200)
    parser.add_argument("--resume", type=int, default=100)
    parser.add_argument("--cases", type=int, default=40)
    parser.add_argument("--concurrency", type=int, default=0, help="as shipped: 4 on PostgreSQL")
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--pairs", type=int, default=1)
    parser.add_argument("--cgroup", default="")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        run_worker()
        return
    with ExitStack() as stack:
        database = None
        if arguments.postgres:
            database = stack.enter_context(measuring.postgres_database())
            for key in ("PERSON", "LINK", "INTEGRATION"):
                os.environ[f"ROUTEKAART_{key}_KEY"] = secrets.token_hex(32)
            os.environ["ROUTEKAART_DATABASE_URL"] = stack.enter_context(measuring.postgres_database())
        results = measure_on(arguments, database)
    report(lines_of(results, "PostgreSQL" if arguments.postgres else "SQLite"))


def a_server(port: int, *options: str) -> AbstractContextManager[psutil.Process]:
    """Run a server of Prefect as it is shipped."""
    command = ("-m", "deployments.prefect_server", "server", "start", *options)
    return process(*command, "--host", "127.0.0.1", "--port", str(port))


def measure_on(arguments: argparse.Namespace, database: str | None) -> list[Measured]:
    """Start a server on a database and measure."""
    port = measuring.free_port()
    home = Path(tempfile.mkdtemp(prefix="routekaart-wakeups-"))
    os.environ.update(environment(home, port, database))
    if concurrency := arguments.concurrency or (SHIPPED_ON_POSTGRESQL if database else 0):
        os.environ["ROUTEKAART_WORKER_CONCURRENCY"] = str(concurrency)
    with notes() as connection:
        connection.execute("pragma journal_mode = wal")
        connection.execute("create table wake_up (flow_run_id text, answer text)")
        connection.execute("create table due (flow_run_id text, taken integer default 0, result text)")
    with (
        ExitStack() as others,
        a_server(port) as running,
        temporary_settings({PREFECT_API_URL: os.environ["PREFECT_API_URL"]}),
        get_client(sync_client=True) as client,
    ):
        wait_for(lambda: client.api_healthcheck() is None, 120)
        bench = Bench(client, running, cgroup=arguments.cgroup)
        for _ in range(1, arguments.pairs):
            other = measuring.free_port()
            api = os.environ["PREFECT_API_URL"].replace(str(port), str(other))
            bench.beside.append((api, others.enter_context(a_server(other, "--no-services"))))
        results = measure_all(arguments, bench)
        if arguments.cases:
            results += measure_cases(bench, arguments.cases)
    return results


if __name__ == "__main__":
    main()
