"""`routekaart start`: the embedded default as one command, until Ctrl-C.

Starts Prefect's server, the API and a worker as processes of their own, watches them, starts one again when it
dies, and stops all of them together. Everything that must survive lives in the home folder.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import datetime
from types import FrameType
from typing import IO, TYPE_CHECKING

import httpx
import structlog
from rich.console import Console

from adapters.messages.message_check import message_problems
from adapters.office import open_office
from adapters.runtime.clock import AMSTERDAM
from adapters.runtime.log_files import rotate
from adapters.runtime.logs import set_up_logs
from adapters.runtime.settings import Settings, SettingsError, settings
from deployments.closed import open_problems, refuse_when_open, server_problems
from deployments.door.entering import address_to_come_in
from deployments.door.ways_in import login_problems
from deployments.environment import LOOPBACK, OWN, for_a_question, names_other_server, prefect_environment
from deployments.grafana_check import grafana_problems
from deployments.prefect_check import prefect_problems
from deployments.prefect_database import move_database_aside, refuse_unfit_database
from flows.report_pages import OVERVIEW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

READY_SECONDS = 600.0  # a busy machine: it gives up when a process died, not when it is slow
STOP_SECONDS = 20.0
LOOK_AT_LOGS_SECONDS = 60.0
_PR_SET_PDEATHSIG = 1

_out = Console(highlight=False, soft_wrap=True)
log = structlog.get_logger("routekaart.start")


@dataclass
class Service:
    """One process that belongs to the whole."""

    name: str
    command: list[str]
    environment: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    restarts: int = field(default=0)

    def start(self) -> None:
        """Start the process; it dies with us, and Ctrl-C reaches it only through us."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own commands
                self.command,
                env=os.environ | self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - nothing but one system call
            )

    @property
    def runs(self) -> bool:
        """Whether the process is there."""
        return self.process is not None and self.process.poll() is None

    def stop(self) -> None:
        """Ask the process to finish, and end it when it does not."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _die_with_parent() -> None:
    """Let the kernel end this process when its parent is killed (Linux; elsewhere nothing happens)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def start_all(
    given: Settings | None = None, on_ready: Callable[[], None] | None = None, *, new_prefect: bool = False
) -> int:
    """Start everything and stay until SIGINT or SIGTERM; give the exit code.

    `new_prefect` lets Prefect begin with an empty database; all open cases come back in it from the journal.
    """
    chosen = given or settings()
    home = chosen.ensure_home()
    set_up_logs(
        chosen, default_level="error"
    )  # people read what it prints; the services have logs of their own
    environment = os.environ | prefect_environment(chosen)
    refuse_when_open(
        [*open_problems(chosen, environment), *server_problems(environment), *grafana_problems(chosen)]
    )
    if not names_other_server(prefect_environment(chosen), chosen):
        refuse_when_open(login_problems(chosen, LOOPBACK))
    with _only_one(home), _stop_signals() as stopping:
        open_office(chosen)  # makes and migrates the case database before anything needs it
        if new_prefect and (kept := move_database_aside(chosen)):
            _out.print(f"De database van Prefect staat nu als {kept}; er komt een nieuwe.", markup=False)
        services = _services(chosen)
        _ready_file(chosen).unlink(missing_ok=True)  # by the hour of a file no clock that jumps could tell
        try:
            for service in services:
                service.start()
                if service.name == "prefect" and not _wait_for_server(service, stopping):
                    return 0 if stopping else _give_up(service)
            if not _wait_for_worker(chosen, services, stopping):
                return 0 if stopping else _give_up(services[-1])
            _print_addresses(chosen)
            if on_ready:
                on_ready()
            _watch(services, stopping, chosen)
        finally:
            for service in reversed(services):
                service.stop()
    _out.print("Gestopt. Alle zaken staan veilig; start weer met: routekaart start")
    return 0


def _services(chosen: Settings) -> list[Service]:
    environment = prefect_environment(chosen) | {"ROUTEKAART_HOME": str(chosen.home_folder)}
    logs = chosen.home_folder / "logs"
    logs.mkdir(exist_ok=True)
    python = [sys.executable, "-m"]
    found: list[Service] = []
    if not names_other_server(environment, chosen):
        refuse_unfit_database(chosen)
        _refuse_busy_port(chosen.prefect_port, "ROUTEKAART_PREFECT_PORT")
        server = [
            *python,
            "deployments.prefect_server",
            "server",
            "start",
            "--host",
            LOOPBACK,
            "--port",
            str(chosen.prefect_port),
        ]
        found.append(Service("prefect", server, environment, logs / "prefect.log"))
    _refuse_busy_port(chosen.api_port, "ROUTEKAART_API_PORT")
    found.append(Service("api", [*python, "deployments.cli", "api"], environment, logs / "api.log"))
    found.append(Service("worker", [*python, "deployments.cli", "worker"], environment, logs / "worker.log"))
    return found


def _refuse_busy_port(port: int, setting: str) -> None:
    with socket.socket(socket.AF_INET6 if ":" in LOOPBACK else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            why = {
                errno.EADDRINUSE: f"Poort {port} is bezet.",
                errno.EACCES: f"Poort {port} mag deze gebruiker niet gebruiken.",
            }
            said = why.get(
                error.errno or 0, f"Op {LOOPBACK}, poort {port}, kan niemand luisteren ({error.strerror})."
            )
            raise SettingsError(f"{said} Kies een andere poort met {setting}.") from None


@contextlib.contextmanager
def _only_one(home: Path) -> Iterator[IO[str]]:
    """Refuse a second start on the same home folder."""
    with (home / "start.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise SettingsError(f"routekaart draait al voor {home}.") from None
        yield lock


@contextlib.contextmanager
def _stop_signals() -> Iterator[list[int]]:
    """Collect SIGINT and SIGTERM instead of dying of them."""
    received: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        received.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _wait_for_server(service: Service, stopping: list[int]) -> bool:
    """Wait until Prefect's server answers; False when it died, took too long, or we must stop."""
    url = f"{service.environment['PREFECT_API_URL']}/health"
    return _wait_until(lambda: _answers(url), lambda: service.runs, stopping)


def _wait_for_worker(chosen: Settings, services: list[Service], stopping: list[int]) -> bool:
    """Wait until the worker has deployed and is online, and the API answers."""
    ready = _ready_file(chosen)
    health = f"{OWN}:{chosen.api_port}/healthz"
    return _wait_until(
        lambda: ready.exists() and _answers(health),
        lambda: all(service.runs for service in services),
        stopping,
    )


def _ready_file(chosen: Settings) -> Path:
    return chosen.home_folder / "worker.ready"


def _wait_until(ready: Callable[[], bool], alive: Callable[[], bool], stopping: list[int]) -> bool:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and alive() and not stopping:
        if ready():
            return True
        time.sleep(0.2)
    return False


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=10).is_success  # a busy machine is slow
    except httpx.HTTPError:
        return False


def _give_up(service: Service) -> int:
    _out.print(f"{service.name} start niet. Kijk in {service.log}.", markup=False)
    return 1


def _print_addresses(chosen: Settings) -> None:
    _out.print("routekaart draait. Open dit adres in uw browser; het werkt een keer:")
    _out.print(f"  {address_to_come_in(chosen)}", markup=False)
    _out.print("Een nieuw adres geeft: routekaart ui")
    _out.print(f"  Voorpagina      {chosen.prefect_page(f'artifacts/key/{OVERVIEW}')}", markup=False)
    _out.print(f"  Prefect UI      {chosen.prefect_ui}", markup=False)
    _out.print(f"  API             {OWN}:{chosen.api_port}/v1", markup=False)
    _out.print(
        f"  API-sleutel     {chosen.home_folder / 'api-sleutel'} (alleen voor u te lezen)", markup=False
    )
    _out.print(f"  Prefect API     {prefect_environment(chosen)['PREFECT_API_URL']}", markup=False)
    with for_a_question(chosen):
        for problem in (*message_problems(open_office(chosen)), *prefect_problems(chosen)):
            _out.print(f"  Let op: {problem}", markup=False)
    if chosen.recipients_file is None:
        _out.print(f"  Berichten       {chosen.messages_file} (nog geen ontvangers ingesteld)", markup=False)
    _out.print("Stop met Ctrl-C.")


def _watch(services: list[Service], stopping: list[int], chosen: Settings) -> None:
    """Stay until a stop signal; start a process again when it dies, and put its log away when it is time."""
    looked = -LOOK_AT_LOGS_SECONDS
    while not stopping:
        time.sleep(0.3)
        if time.monotonic() - looked > LOOK_AT_LOGS_SECONDS:
            looked = time.monotonic()
            for service in services:
                rotate(service.log, datetime.now(AMSTERDAM), chosen.keep_ended_runs_days)
        for service in services:
            if not service.runs and not stopping:
                service.restarts += 1
                log.warning("service_restarted", service=service.name, times=service.restarts)
                _out.print(f"{service.name} is gestopt en start opnieuw (log: {service.log}).", markup=False)
                time.sleep(min(10.0, service.restarts))
                service.start()
