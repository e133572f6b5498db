"""Prefect's server and a worker of ours, as they are shipped, for benchmarks that need the whole."""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psutil
from measuring import free_port, home_with_keys, process
from sqlmodel import col, func, select

from adapters.office import Office, open_office
from adapters.runtime.credential import Credential
from adapters.runtime.settings import Settings
from adapters.storage.database import ProcessRow, reading
from deployments.environment import prefect_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass
class Whole:
    """A running server and the settings of all that belongs to it."""

    home: Path
    environment: dict[str, str]
    server: psutil.Process
    office: Office
    _api: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self._api = httpx.Client(
            base_url=self.environment["PREFECT_API_URL"],
            headers={
                "Authorization": Credential(self.environment["PREFECT_API_AUTH_STRING"]).header.decode()
            },
            timeout=30,
        )

    @contextmanager
    def worker(self, name: str = "worker", **more: str) -> Iterator[psutil.Process]:
        """Run a worker until the block ends; it is ready when the block begins."""
        ready = self.home / "worker.ready"
        ready.unlink(missing_ok=True)
        command = (sys.executable, "-m", "deployments.cli", "worker")
        with process(*command, log=self.home / f"{name}.log", environment=self.environment | more) as started:
            until(ready.exists, 120, f"the worker does not start: {self.home}")
            yield started

    def prefect(self, method: str, path: str, **body: Any) -> Any:
        """Call Prefect's API; a busy SQLite is asked again."""
        for _ in range(20):
            answer = self._api.request(method, path, json=body or None)
            if answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR:
                break
            time.sleep(0.2)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def waiting(self) -> int:
        """Count the processes that Prefect does not show as they are."""
        with reading(self.office.engine) as session:
            query = select(func.count()).select_from(ProcessRow).where(col(ProcessRow.attention).is_(True))
            return session.exec(query).one()

    def until_shown(self, seconds: float = 600) -> None:
        """Wait until Prefect shows every process as it is."""
        until(lambda: not self.waiting(), seconds, f"not all was shown: {self.home}")


@contextmanager
def whole(case_database: str | None = None, prefect_database: str | None = None) -> Iterator[Whole]:
    """Start a server in a folder of its own; SQLite for what is not named."""
    home = home_with_keys()
    port = free_port()
    settings = Settings(home=home, prefect_port=port, database_url=case_database)
    ours = {
        "ROUTEKAART_HOME": str(home),
        "ROUTEKAART_PREFECT_PORT": str(port),
        "ROUTEKAART_API_PORT": str(free_port()),
    }
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "ROUTEKAART_"))
    }
    environment = clean | ours | prefect_environment(settings)
    if case_database:
        environment["ROUTEKAART_DATABASE_URL"] = case_database
    if prefect_database:
        asynchronous = prefect_database.replace("postgresql://", "postgresql+asyncpg://")
        environment["PREFECT_SERVER_DATABASE_CONNECTION_URL"] = asynchronous
    office = open_office(settings)
    server = ("deployments.prefect_server", "server", "start", "--host", "127.0.0.1", "--port", str(port))
    command = (sys.executable, "-m", *server)
    with process(*command, log=home / "server.log", environment=environment) as started:
        url = f"{environment['PREFECT_API_URL']}/health"
        until(lambda: _answers(url), 120, f"the server does not start: {home}")
        yield Whole(home, environment, started, office)
    office.engine.dispose()


def until(condition: Callable[[], bool], seconds: float, complaint: str) -> None:
    """Wait until something holds, or give up."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(complaint)
        time.sleep(0.1)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).is_success
    except httpx.HTTPError:
        return False
