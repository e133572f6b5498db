"""Prefect's own server in this process, and what a worker does with it, one wake-up at a time."""

from __future__ import annotations

import os
import shutil
import threading
from contextlib import contextmanager, suppress
from contextvars import copy_context
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import uvicorn
from prefect import get_client
from prefect.exceptions import FailedRun
from prefect.logging.handlers import APILogHandler
from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_URL,
    PREFECT_HOME,
    PREFECT_SERVER_ANALYTICS_ENABLED,
    PREFECT_SERVER_DATABASE_CONNECTION_URL,
    temporary_settings,
)
from prefect.states import Pending

from adapters.office import office, set_clock
from adapters.runtime.clock import AcceleratedClock
from adapters.runtime.settings import settings
from flows.case_queue import DEPLOYMENT, CaseQueue
from flows.prefect_seam.in_process import InProcessRunner
from flows.prefect_seam.pausing_again import let_a_pause_follow_a_pause
from flows.processes import FLOWS
from support.stack import free_port, give_prefect_database, wait_until
from support.workshop import BEGIN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from uuid import UUID

    from prefect import Flow
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun

    from adapters.office import Office
    from flows.prefect_seam.in_process import WakeUpClient
    from flows.wake_source import WakeUpResult


_MOST_WAKE_UPS = 500
MARKER = "Wordt bijgewerkt door een proef"


@dataclass
class _Served:
    """The server of this process; a copy of the process begins with none."""

    url: str
    settings: dict[Any, Any]
    server: uvicorn.Server
    thread: threading.Thread

    def stop(self) -> None:
        """Send what waits for the server, and end it."""
        with temporary_settings(self.settings):
            APILogHandler().flush()
        self.server.should_exit = True
        self.thread.join(30)
        _served.clear()


_served: list[_Served] = []


@contextmanager
def prefect_here(make_folder: Callable[[], Path]) -> Iterator[str]:
    """Let every client here find Prefect's server, which a thread of this process serves from the first call on."""
    served = _served[0] if _served else _serve(make_folder())
    with temporary_settings(served.settings):
        yield served.url
        APILogHandler().flush()


def _serve(home: Path) -> _Served:
    give_prefect_database(home)
    port = free_port()
    url = f"http://127.0.0.1:{port}/api"
    settings = {
        PREFECT_HOME: home / "prefect",
        PREFECT_API_URL: url,
        PREFECT_API_AUTH_STRING: None,
        PREFECT_SERVER_ANALYTICS_ENABLED: False,
        PREFECT_SERVER_DATABASE_CONNECTION_URL: f"sqlite+aiosqlite:///{home}/prefect/prefect.db",
    }
    with temporary_settings(settings):
        from prefect.server.api.server import create_app  # noqa: PLC0415 - only who serves needs it

        let_a_pause_follow_a_pause()  # as our server does
        app = create_app(ephemeral=True, ignore_cache=True)
        server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning", lifespan="on"))
        # A thread begins without the settings of who starts it.
        thread = threading.Thread(target=copy_context().run, args=(server.run,), daemon=True)
        thread.start()
        wait_until(lambda: server.started, 180, lambda: "Prefect does not start")
    served = _Served(url, settings, server, thread)
    _served.append(served)
    return served


def stop() -> None:
    """End the server, if there is one; the next call starts another."""
    for served in _served[:]:
        served.stop()


# Before no thread can begin any more: then a part of the server asks for one again and again.
threading._register_atexit(stop)  # type: ignore[attr-defined]
os.register_at_fork(before=stop)  # a copy of this process has no threads


class ByHand:
    """The part of a worker that runs flows, in surroundings of its own."""

    def __init__(self) -> None:
        self._runner, self._around = InProcessRunner(MARKER), copy_context()

    def run(self, flow: Flow[..., Any], run: FlowRun) -> WakeUpResult:
        """Run a flow run until it parks or ends."""
        return self._around.run(self._runner.run, flow, run)

    def client(self) -> WakeUpClient:
        """Return the client that every run here has."""
        return self._around.run(self._runner._client)

    def close(self) -> None:
        """Leave those surroundings."""
        self.client()
        self._around.run(self._runner._thread.stack.close)


class AtWork:
    """What a worker does, by hand: it claims, runs and gives back."""

    def __init__(self, office: Office, client: SyncPrefectClient) -> None:
        self.office, self.client = office, client
        self.queue = CaseQueue(office)
        self.worker = ByHand()
        self._places: dict[str, UUID] = {}

    def deploy(self, *codes: str) -> None:
        """Make the deployments of some processes."""
        for code in codes:
            known = self.client.create_flow_from_name(FLOWS[code].name)
            self.client.create_deployment(known, name=DEPLOYMENT)

    def set_time(self, moment: datetime) -> None:
        """Set the clock of everybody on these cases."""
        set_clock(self.office.engine, AcceleratedClock(moment, datetime.now(UTC), speed=0))
        clock: Any = self.office.clock
        clock._read_at = 0.0  # else it stays as it was for a second of the machine's own time

    def work(self) -> list[WakeUpResult]:
        """Wake what asks for attention, until nothing does; give how each wake-up ended."""
        results: list[WakeUpResult] = []
        while wake_ups := self.queue.claim(20):
            assert len(results) < _MOST_WAKE_UPS, "something asks for attention for ever"
            for wake_up in wake_ups:
                run = self.client.read_flow_run(wake_up.flow_run_id)
                code = run.parameters["proces"].partition("#")[0]
                results.append(self.worker.run(FLOWS[code], run))
                self.queue.done(wake_up, results[-1])
        return results

    def run_of(self, reference: str, name: str) -> FlowRun:
        """Return the run that shows a process."""
        found = self.office.attention.run_of(reference, name)
        assert found is not None
        return self.client.read_flow_run(found)

    def resume(self, flow_run_id: UUID, values: dict[str, Any] | None) -> str:
        """Press Resume; give the verdict of the server."""
        return self.client.resume_flow_run(flow_run_id, run_input=values).status.value

    def answer(self, reference: str, name: str, **values: Any) -> FlowRun:
        """Fill in the form of a process, wake its run, and return that."""
        run = self.run_of(reference, name)
        assert self.resume(run.id, values) == "ACCEPT"
        self.work()
        return self.wake(FLOWS[name.partition("#")[0]], run)

    def act(self, flow: Flow[..., Any], tags: Sequence[str] = (), **parameters: Any) -> FlowRun:
        """Run a flow of a coordinator once, and return its run."""
        place = self._places.get(flow.name)
        if place is None:
            place = self._places[flow.name] = self.client.create_deployment(
                self.client.create_flow(flow),
                name=flow.name.lower(),
                tags=list(tags),
                description=flow.description,
            )
        return self.wake(
            flow,
            self.client.create_flow_run_from_deployment(place, parameters=parameters, state=Pending()),
        )

    def wake(self, flow: Flow[..., Any], run: FlowRun) -> FlowRun:
        """Run a flow run until it parks or ends, and return it as it is then."""
        with suppress(FailedRun):  # a worker notes that, and goes on
            self.worker.run(flow, self.client.read_flow_run(run.id))
        return self.client.read_flow_run(run.id)


@contextmanager
def at_work_in(home: Path, migrated: Path) -> Iterator[AtWork]:
    """Open an office in a home of its own, with a clock that stands still; Prefect's server is there already."""
    shutil.copy(migrated, home / "zaken.db")
    os.environ["ROUTEKAART_HOME"] = str(home)
    _forget()
    set_clock(office().engine, AcceleratedClock(BEGIN, datetime.now(UTC), speed=0))
    office().engine.dispose()
    office.cache_clear()
    with get_client(sync_client=True) as client:
        made = AtWork(office(), client)
        yield made
        made.worker.close()
    office().engine.dispose()
    _forget()


def _forget() -> None:
    settings.cache_clear()
    office.cache_clear()
