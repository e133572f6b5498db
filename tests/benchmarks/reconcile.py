"""What it costs the worker and the Prefect server to compare open processes with their flow runs.

    python tests/benchmarks/reconcile.py [--processes 1000]

Makes open cases with a parked run each, on SQLite, and measures the look around that a worker takes every minute
and the complete comparison of `routekaart herstel`; then some runs are cancelled, deleted and failed.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.append(str(Path(__file__).parents[1]))

import psutil
from support.workshop import PrefectServer

from adapters.office import open_office
from adapters.runtime.clock import SystemClock
from adapters.runtime.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

SHOWN = "Wacht op registratie aanmelding"


def _cpu(pid: int) -> float:
    parent = psutil.Process(pid)
    times = [one.cpu_times() for one in (parent, *parent.children(recursive=True))]
    return sum(item.user + item.system for item in times)


def main() -> None:
    """Make the processes, measure, damage, measure again."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--processes", type=int, default=1000)
    number = arguments.parse_args().processes
    with tempfile.TemporaryDirectory() as folder:
        server = PrefectServer(Path(folder) / "prefect")
        server.start()
        try:
            os.environ |= {name: value for name, value in server.environment.items() if "PREFECT" in name}
            _measure(server, Path(folder) / "home", number)
        finally:
            server.kill()


def _measure(server: PrefectServer, home: Path, number: int) -> None:
    # Prefect reads its settings on import, so only now.
    from prefect.client.orchestration import get_client  # noqa: PLC0415
    from prefect.client.schemas.objects import StateType  # noqa: PLC0415
    from prefect.states import State  # noqa: PLC0415

    from flows.processes import FLOWS  # noqa: PLC0415
    from flows.repair import Repair, counted  # noqa: PLC0415

    office = open_office(Settings(home=home, prefect_port=server.port), SystemClock())
    client = get_client(sync_client=True)
    began, ids = time.monotonic(), []
    for index in range(number):
        reference = f"MEET-{index:05}"
        office.casework.open("M3", municipality="0518", reference=reference)
        state: State[Any] = State(type=StateType.PAUSED, name=SHOWN)
        run = client.create_flow_run(
            FLOWS["M3"], parameters={"zaak": reference, "proces": "M3"}, name=reference, state=state
        )
        ids.append(str(run.id))
    with office.engine.connect().execution_options(writes=True) as connection:
        for index, run_id in enumerate(ids):
            connection.exec_driver_sql(
                f"UPDATE processes SET flow_run_id = '{run_id}', attention = 0 "
                f"WHERE case_reference = 'MEET-{index:05}'"
            )
        connection.commit()
    print(f"{number} processes made in {time.monotonic() - began:.0f} s")
    logging.getLogger("routekaart.repair").setLevel(logging.ERROR)  # it names each run; here they are counted
    repair = Repair(office, client)
    assert server.process is not None
    pid = server.process.pid

    def timed(what: str, work: Callable[[], Any]) -> Any:
        ours, theirs, start = time.process_time(), _cpu(pid), time.monotonic()
        result = work()
        took = time.monotonic() - start
        print(
            f"{what}: {took:.2f} s, CPU {1000 * (time.process_time() - ours):.0f} ms of the worker "
            f"and {1000 * (_cpu(pid) - theirs):.0f} ms of the server"
        )
        return result

    for _ in range(3):
        assert timed("look around, all is well", repair.look_around) == []
    assert timed("look at everything, all is well", repair.look_at_everything) == (number, [])
    for index in range(10):
        server.call("DELETE", f"/flow_runs/{ids[index]}")
        for place, kind in ((10 + index, "CANCELLED"), (20 + index, "FAILED")):
            state_ = {"type": kind, "name": kind.capitalize()}
            server.call("POST", f"/flow_runs/{ids[place]}/set_state", state=state_, force=True)
    found = timed("look around, 30 damaged", repair.look_around)
    print(Counter({finding.name: count for finding, count in counted(found).items()}))


if __name__ == "__main__":
    main()
