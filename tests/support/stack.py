"""The real thing for tests: `routekaart start` in a folder of its own, on ports of its own."""

from __future__ import annotations

import fcntl
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psutil

from adapters.cases.presentation import case_as_json
from adapters.office import open_office
from adapters.runtime.credential import Credential
from adapters.runtime.settings import KEY_FILES, Settings, secret_file
from deployments.door.entering import address_to_come_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from playwright.sync_api import Page

    from adapters.office import Office

ROUTEKAART = [sys.executable, "-m", "deployments.cli"]
READY_SECONDS = 600.0
PATIENCE = 240.0
_PORTS = range(10_000, 32_000)
_MARKS: list[socket.socket] = []
_KEPT = Path(__file__).parents[2] / ".pytest_cache"
_MIGRATE = (
    "import asyncio; from prefect.server.database import provide_database_interface as database; "
    "asyncio.run(database().create_db())"
)


def free_port() -> int:
    """Return a port that nobody uses, and that this process keeps from every other that asks here.

    It is below the ports that the system gives to outgoing connections, one of which would be there when a server
    that takes a while to start binds it.
    """
    for port in random.sample(_PORTS, len(_PORTS)):  # each process begins elsewhere
        mark = socket.socket(socket.AF_UNIX)
        try:
            mark.bind(f"\0routekaart-test-{port}")  # gone with this process, however it ends
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            mark.close()
            continue
        _MARKS.append(mark)
        return port
    raise AssertionError("every port is in use")


def home_with_keys(home: Path) -> Path:
    """Return a home folder with its keys: with a case database on a server none is made by itself."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in KEY_FILES.values():
        secret_file(home / name)
    return home


def give_prefect_database(home: Path) -> None:
    """Put an empty database of Prefect into a home that has none: migrating takes as long as the rest of a start."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    target = home / "prefect" / "prefect.db"
    target.parent.mkdir(exist_ok=True, mode=0o700)
    if not target.exists():
        shutil.copy(_migrated_prefect(), target)


@cache
def _migrated_prefect() -> Path:
    """Return a database that this version of Prefect migrated, made once on this machine."""
    kept = _KEPT / f"prefect-{version('prefect')}.db"
    _KEPT.mkdir(exist_ok=True)
    with (_KEPT / "prefect.lock").open("w") as lock, tempfile.TemporaryDirectory(dir=_KEPT) as folder:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            made = Path(folder) / "prefect.db"
            address = {"PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{made}"}
            clean = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
            subprocess.run(
                [sys.executable, "-c", _MIGRATE], env=clean | address | {"PREFECT_HOME": folder}, check=True
            )
            made.rename(kept)
    return kept


@dataclass
class Stack:
    """A running `routekaart start`, with a database of Prefect that was migrated before."""

    home: Path
    prefect_port: int = field(default_factory=free_port)
    api_port: int = field(default_factory=free_port)
    extra: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[str] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """The environment of every command on this stack."""
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PREFECT_", "ROUTEKAART_"))
        }
        return clean | {
            "ROUTEKAART_HOME": str(self.home),
            "ROUTEKAART_PREFECT_PORT": str(self.prefect_port),
            "ROUTEKAART_API_PORT": str(self.api_port),
            "ROUTEKAART_WEBHOOK_NETWORKS": '["127.0.0.0/8", "::1/128"]',
        } | self.extra  # fmt: skip

    def start(self) -> float:
        """Start and wait until it says that it runs; give the seconds that took."""
        give_prefect_database(self.home)
        began = time.monotonic()
        log = self.home.parent / f"{self.home.name}-start.log"
        self.process = subprocess.Popen(
            [*ROUTEKAART, "start"],
            env=self.environment,
            stdout=log.open("w"),
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        while "Ctrl-C" not in log.read_text():
            if self.process.poll() is not None or time.monotonic() - began > READY_SECONDS:
                raise AssertionError(f"routekaart start failed:\n{log.read_text()}\n{self.logs()}")
            time.sleep(0.2)
        return time.monotonic() - began

    def stop(self) -> int:
        """Press Ctrl-C and wait; give the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)

    def kill(self) -> None:
        """Kill it and everything that it started, with SIGKILL."""
        assert self.process is not None
        victims = [
            *psutil.Process(self.process.pid).children(recursive=True),
            psutil.Process(self.process.pid),
        ]
        for victim in victims:
            victim.kill()
        psutil.wait_procs(victims, timeout=20)
        self.process.wait()

    def pid_of(self, name: str) -> int:
        """Return the pid of one of its processes: "worker", "api" or "prefect"."""
        assert self.process is not None
        for child in psutil.Process(self.process.pid).children():
            words = child.cmdline()
            if words[-1:] == [name] or (name == "prefect" and "server" in words):
                return child.pid
        raise AssertionError(f"no process {name}")

    def logs(self) -> str:
        """Return the ends of the logs, for a failing test."""
        return "\n".join(
            f"--- {log.name}\n{log.read_text()[-3000:]}" for log in (self.home / "logs").glob("*.log")
        )

    def run(
        self, *arguments: str, check: bool = True, given: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a `routekaart` command on this stack, with `given` on its standard input."""
        return run(*arguments, environment=self.environment, check=check, given=given)

    def prefect(self, method: str, path: str, **body: Any) -> Any:
        """Call Prefect's API."""
        return self.prefect_json(method, path, body or None)

    @property
    def credential(self) -> Credential:
        """What a machine shows to its Prefect server."""
        return Credential(Settings(home=self.home).prefect_credential())

    def let_in(self, page: Page) -> None:
        """Let a browser in with a one-time link, unless it is in."""
        if not page.context.cookies(f"http://127.0.0.1:{self.prefect_port}"):
            page.goto(address_to_come_in(Settings(home=self.home, prefect_port=self.prefect_port)))

    def prefect_json(self, method: str, path: str, body: Any) -> Any:
        """Call Prefect's API with a body that is no object."""
        url = f"http://127.0.0.1:{self.prefect_port}/api{path}"
        shown = {"Authorization": self.credential.header.decode()}
        response = httpx.request(method, url, json=body, headers=shown, timeout=20)
        response.raise_for_status()
        return response.json() if response.content else None

    def run_of(self, name_part: str) -> dict[str, Any] | None:
        """Return the flow run with this in its name, as Prefect shows it."""
        found = self.prefect("POST", "/flow_runs/filter", flow_runs={"name": {"like_": name_part}})
        return found[0] if found else None

    def wait_for_state(self, name_part: str, state: str, seconds: float = 40.0) -> dict[str, Any]:
        """Wait until a flow run shows a state of this name, and give the run."""
        return wait_until(
            lambda: run if (run := self.run_of(name_part)) and run["state_name"] == state else None,
            seconds,
            lambda: (
                f"{name_part} shows {(self.run_of(name_part) or {}).get('state_name')}, not {state}\n{self.logs()}"
            ),
        )

    def wait_for_state_after_restart(self, name_part: str, state: str) -> dict[str, Any]:
        """Wait as `wait_for_state` does, while the server may be away for a while."""
        deadline = time.monotonic() + 90
        while True:
            try:
                return self.wait_for_state(name_part, state, 5)
            except (httpx.HTTPError, AssertionError):
                if time.monotonic() > deadline:
                    raise

    def answer(self, run: dict[str, Any], **values: str) -> dict[str, Any]:
        """Fill in the Resume form of a run over Prefect's API; a busy SQLite is asked again, as a person would."""
        for _ in range(20):
            try:
                result = self.prefect("POST", f"/flow_runs/{run['id']}/resume", run_input=values)
            except httpx.HTTPStatusError as error:
                if error.response.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                    raise
                result = {"status": "BUSY"}
            if result["status"] == "ACCEPT":
                return result
            time.sleep(0.5)
        raise AssertionError(f"the form was not accepted: {result['status']} {result.get('details')}")

    def start_action(self, name: str, **parameters: Any) -> dict[str, Any]:
        """Run a deployment as its form does, and give the run; a busy SQLite is asked again."""

        def start() -> Any:
            found = self.prefect("POST", "/deployments/filter", deployments={"name": {"any_": [name]}})[0]
            try:
                return self.prefect(
                    "POST", f"/deployments/{found['id']}/create_flow_run", parameters=parameters
                )
            except httpx.HTTPStatusError as error:
                if error.response.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                    raise
                return None

        return wait_until(start, 30, lambda: f"{name} does not start")

    def ended(self, run: dict[str, Any]) -> dict[str, Any]:
        """Wait until a run has ended, and give it."""

        def look() -> Any:
            now = self.prefect("GET", f"/flow_runs/{run['id']}")
            return now if now["state_type"] in ("COMPLETED", "FAILED", "CRASHED") else None

        return wait_until(look, 60, lambda: f"{run['name']} does not end\n{self.logs()}")

    def run_action(self, name: str, **parameters: Any) -> dict[str, Any]:
        """Run a deployment as its form does, and give the run when it has ended."""
        return self.ended(self.start_action(name, **parameters))

    def office(self) -> Office:
        """Return the office of this stack, to prepare cases without a command for each event."""
        code = self.extra.get("ROUTEKAART_MUNICIPALITY", "0000")
        return open_office(
            Settings(
                home=self.home, municipality=code, database_url=self.extra.get("ROUTEKAART_DATABASE_URL")
            )
        )

    @cached_property
    def cases(self) -> Office:
        """The office of this stack in this process: a command takes seconds, most of them to import."""
        return self.office()

    def open(
        self,
        code: str,
        *,
        reference: str | None = None,
        on: date | None = None,
        municipality: str | None = None,
    ) -> str:
        """Open a mijlpaal as `routekaart open` does, and give its reference."""
        place = municipality or self.cases.settings.municipality
        return self.cases.casework.open(code, municipality=place, reference=reference, on=on).reference

    def report(self, reference: str, event: str, **data: object) -> None:
        """Report an event as `routekaart meld` does."""
        self.cases.casework.report(reference, event, data=data)

    def log_of(self, run: dict[str, Any]) -> list[str]:
        """Return what the log of a run says in the UI, the oldest line first."""
        about = {"flow_run_id": {"any_": [run["id"]]}}
        return [line["message"] for line in self.prefect("POST", "/logs/filter", logs=about, limit=200)]

    def case(self, reference: str) -> dict[str, Any]:
        """Return what `routekaart zaak REF --json` says."""
        view = self.cases.casework.case(reference)
        today, rules = self.cases.clock.today(), self.cases.rules_for(view.municipality)
        return case_as_json(view, today, rules)


def wait_until(probe: Callable[[], Any], seconds: float, complaint: Callable[[], str]) -> Any:
    """Wait until a probe gives something, and give that; never less than `PATIENCE`, for a machine may be slow."""
    deadline, pause = time.monotonic() + max(seconds, PATIENCE), 0.01
    while time.monotonic() < deadline:
        if found := probe():
            return found
        time.sleep(pause)
        pause = min(2 * pause, 0.25)
    raise AssertionError(complaint())


def run(
    *arguments: str, environment: dict[str, str], check: bool = True, given: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a `routekaart` command and give what it printed."""
    done = subprocess.run(
        [*ROUTEKAART, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        input=given,
    )
    if check:
        assert done.returncode == 0, done.stderr
    return done
