"""A Prefect server, workers and APIs that tests may kill and stop, on case databases of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psutil

from adapters.office import Office, open_office, set_clock
from adapters.runtime.clock import AMSTERDAM, AcceleratedClock
from adapters.runtime.credential import Credential
from adapters.runtime.settings import Settings
from deployments.environment import prefect_environment
from support.stack import free_port, give_prefect_database, home_with_keys, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TESTS = Path(__file__).parents[1]
BEGIN = datetime(2026, 3, 9, 9, tzinfo=AMSTERDAM)


@dataclass
class PrefectServer:
    """A Prefect server on SQLite in a folder of its own; can be killed and started again."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of all that works with this server."""
        settings = Settings(home=self.folder, prefect_port=self.port)
        return _clean_environment() | prefect_environment(settings) | self.extra

    @property
    def shown(self) -> dict[str, str]:
        """The header with which a machine comes in."""
        return {"Authorization": Credential(self.environment["PREFECT_API_AUTH_STRING"]).header.decode()}

    def start(self, wait: bool = True) -> None:
        """Start the server, and wait until it answers."""
        give_prefect_database(self.folder)
        command = [
            sys.executable,
            "-m",
            "deployments.prefect_server",
            "server",
            "start",
            "--host",
            "127.0.0.1",
            "--port",
            str(self.port),
        ]
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )
        if wait:
            self.wait_until_it_answers()

    def wait_until_it_answers(self) -> None:
        """Wait until the server answers, however slow the machine is; for one that died nobody waits."""

        def log() -> str:
            return (self.folder / "server.log").read_text()[-3000:]

        def answers() -> bool:
            assert self.process is None or self.process.poll() is None, log()
            return self.answers()

        wait_until(answers, 500, log)  # less than a test may take

    def answers(self) -> bool:
        """Tell whether the server answers."""
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/api/health", timeout=20).is_success
        except httpx.HTTPError:
            return False

    def kill(self) -> None:
        """Kill the server and what it started."""
        if self.process is not None:
            kill_tree(self.process.pid)
            self.process.wait()

    def call(self, method: str, path: str, **body: Any) -> Any:
        """Call the API; a busy SQLite is asked again, as a person would."""
        for attempt in range(40):
            try:
                url = f"http://127.0.0.1:{self.port}/api{path}"
                response = httpx.request(method, url, json=body or None, headers=self.shown, timeout=20)
                if response.status_code < 500:
                    response.raise_for_status()
                    return response.json() if response.content else None
            except httpx.TransportError:
                pass
            time.sleep(0.1 * min(attempt + 1, 10))
        raise AssertionError(f"Prefect does not answer {method} {path}")

    def run(self, flow_run_id: str) -> dict[str, Any]:
        """Return a flow run."""
        return self.call("GET", f"/flow_runs/{flow_run_id}")

    def runs(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return many flow runs by their ids."""
        found: dict[str, dict[str, Any]] = {}
        for start in range(0, len(ids), 200):
            part = list(ids[start : start + 200])
            for run in self.call("POST", "/flow_runs/filter", flow_runs={"id": {"any_": part}}, limit=200):
                found[run["id"]] = run
        return found

    def answer(self, flow_run_id: str, **values: str) -> None:
        """Fill in the Resume form of a run."""
        self.call("POST", f"/flow_runs/{flow_run_id}/resume", run_input=values)


class Nursery:
    """Bears workers and APIs that work with one Prefect server."""

    def __init__(self, server: PrefectServer) -> None:
        """Start the nursery; it has everything imported after a few seconds."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "support.nursery"],
            env=server.environment | {"PYTHONPATH": os.pathsep.join((str(TESTS.parent), str(TESTS)))},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._lock = threading.Lock()
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def birth(self, what: str, environment: dict[str, str], log: Path) -> int:
        """Start "worker" or "api" as a process of its own, and give its pid."""
        return self._birth([what], environment, (log, log))

    def command(
        self, words: Sequence[str], environment: dict[str, str], folder: Path
    ) -> subprocess.CompletedProcess[str]:
        """Run a `routekaart` command as a process of its own, and give what it printed."""
        out, err, ended = (folder / f"{uuid.uuid4().hex}.{name}" for name in ("out", "err", "ended"))
        self._birth([*words], environment, (out, err), ended)
        code = wait_until(
            lambda: ended.exists() and ended.read_text().endswith(".") and ended.read_text(),
            60,
            err.read_text,
        )
        done = subprocess.CompletedProcess(words, int(code[:-1]), out.read_text(), err.read_text())
        for file in (out, err, ended):
            file.unlink()
        return done

    def _birth(
        self, words: list[str], environment: dict[str, str], files: Sequence[Path], ended: Path | None = None
    ) -> int:
        order = {
            "words": words,
            "environment": environment,
            "files": [*map(str, files)],
            "ended": str(ended or ""),
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            return int(self._process.stdout.readline())

    def close(self) -> None:
        """End the nursery; its children must have been ended before."""
        self._process.kill()
        self._process.wait()


@dataclass
class Workshop:
    """One case database with its workers and its API."""

    server: PrefectServer
    nursery: Nursery
    home: Path
    extra: dict[str, str] = field(default_factory=dict)
    pids: dict[str, int] = field(default_factory=dict)
    deaths: int = 0
    _watching: threading.Event = field(default_factory=threading.Event)
    _watcher: threading.Thread | None = None

    def __post_init__(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        self.api_port = free_port()

    @property
    def environment(self) -> dict[str, str]:
        """The settings of everything that works on these cases."""
        return {
            "ROUTEKAART_HOME": str(self.home),
            "ROUTEKAART_PREFECT_PORT": str(self.server.port),
            "ROUTEKAART_API_PORT": str(self.api_port),
            "ROUTEKAART_RECONCILE_SECONDS": "2",
            # The first that finds no deployment makes them: once for a server, and again when it lost them.
            "ROUTEKAART_DEPLOY_ON_START": "false",
        } | self.extra

    @cached_property
    def office(self) -> Office:
        """An office on the same cases, in this process, with a clock that stands still."""
        database = self.extra.get("ROUTEKAART_DATABASE_URL")
        settings = Settings(
            home=home_with_keys(self.home), database_url=database, prefect_port=self.server.port
        )
        set_clock(open_office(settings).engine, AcceleratedClock(BEGIN, datetime.now(UTC), speed=0))
        return open_office(settings)

    def set_time(self, moment: datetime, speed: float = 0) -> None:
        """Set the clock of everybody on these cases; with a speed it walks on from there."""
        set_clock(self.office.engine, AcceleratedClock(moment, datetime.now(UTC), speed=speed))
        time.sleep(1.1)  # the office of this process reads the clock once a second

    # --- processes --------------------------------------------------------------------------------------------

    def start(self, name: str = "worker", what: str = "worker", **environment: str) -> int:
        """Start a worker or an API under a name."""
        log = self.home / f"{name}.log"
        self.pids[name] = self.nursery.birth(what, self.environment | environment, log)
        return self.pids[name]

    def kill(self, name: str = "worker", how: int = signal.SIGKILL) -> None:
        """Send a signal to a process that was started here."""
        with suppress(ProcessLookupError):
            os.kill(self.pids[name], how)

    def watch(self, *names: str, **environment: str) -> None:
        """Start these, and start each again whenever it is dead, until `stop`."""
        for name in names:
            self.start(name, "api" if name == "api" else "worker", **environment)

        def look() -> None:
            while not self._watching.wait(0.1):
                for name in names:
                    if not psutil.pid_exists(self.pids[name]):
                        self.deaths += 1
                        self.start(name, "api" if name == "api" else "worker", **environment)

        self._watcher = threading.Thread(target=look, daemon=True)
        self._watcher.start()

    def stop(self) -> None:
        """End every process."""
        self._watching.set()
        if self._watcher is not None:
            self._watcher.join(10)
        for pid in self.pids.values():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_until(
            lambda: not any(psutil.pid_exists(pid) for pid in self.pids.values()),
            10,
            lambda: "a process lives on",
        )
        self.office.engine.dispose()

    def is_up(self, name: str) -> bool:
        """Tell whether a worker or API works: it lives, and said that it is ready or answers."""
        if not psutil.pid_exists(self.pids[name]):
            return False
        if name != "api":
            ready = self.home / "worker.ready"
            return ready.exists() and ready.stat().st_mtime > psutil.Process(self.pids[name]).create_time()
        try:
            return httpx.get(f"http://127.0.0.1:{self.api_port}/healthz", timeout=2).is_success
        except httpx.HTTPError:
            return False

    def bring_back(self) -> None:
        """Wait until the server, the worker and the API work."""
        if self.server.process is None or self.server.process.poll() is not None:
            self.server.start()
        self.server.wait_until_it_answers()
        self.wait(lambda: all(self.is_up(name) for name in self.pids), 120)

    def logs(self) -> str:
        """Return the ends of the logs, for a failing test."""
        return "\n".join(f"--- {log.name}\n{log.read_text()[-4000:]}" for log in self.home.glob("*.log"))

    def command(self, *words: str) -> str:
        """Run a `routekaart` command on these cases, and give what it printed."""
        done = self.tried(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def tried(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a `routekaart` command that may be refused."""
        return self.nursery.command(words, self.environment, self.server.folder)

    # --- what is shown ----------------------------------------------------------------------------------------

    def run_id(self, reference: str, process: str = "M3") -> str | None:
        """Return the flow run of a process."""
        return self.office.casework.case(reference).rows[process].flow_run_id

    def shown(self, reference: str, process: str = "M3") -> dict[str, Any]:
        """Return the flow run of a process as Prefect shows it; empty when there is none."""
        found = self.run_id(reference, process)
        return self.server.runs([found]).get(found, {}) if found else {}

    def wait_for_state(
        self, reference: str, state: str, process: str = "M3", seconds: float = 150
    ) -> dict[str, Any]:
        """Wait until the run of a process is at rest in a state of this name."""

        def there() -> dict[str, Any] | None:
            row = self.office.casework.case(reference).rows[process]
            run = self.shown(reference, process)
            return run if run.get("state_name") == state and not row.attention else None

        return wait_until(
            there,
            seconds,
            lambda: f"{reference} shows {self.shown(reference, process).get('state_name')}\n{self.logs()}",
        )

    def wait(self, condition: Callable[[], Any], seconds: float = 150) -> Any:
        """Wait until something holds, and show the logs when it does not."""
        return wait_until(condition, seconds, self.logs)


def kill_tree(pid: int) -> None:
    """Kill a process and everything that it started."""
    with suppress(psutil.NoSuchProcess):
        parent = psutil.Process(pid)
        victims = [*parent.children(recursive=True), parent]
        for victim in victims:
            with suppress(psutil.NoSuchProcess):
                victim.kill()
        psutil.wait_procs(victims, timeout=20)


def _clean_environment() -> dict[str, str]:
    return {
        name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "ROUTEKAART_"))
    }
