"""The topology of several machines on one: two Prefect servers, their services apart, three workers, two APIs.

PostgreSQL holds Prefect's rows and the cases, Redis carries Prefect's messages; both are of the test alone. A small
balancer stands before the two servers, as a load balancer would. Every process can be killed, and is started again
after a while, as systemd or an orchestrator does.
"""

from __future__ import annotations

import itertools
import select
import shutil
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from support.cluster import Cluster as PostgreSQL
from support.cluster import postgresql_programs
from support.stack import free_port, wait_until
from support.workshop import Nursery, PrefectServer, Workshop, kill_tree

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[2]
WORKERS = ("worker-1", "worker-2", "worker-3")
APIS = ("api-1", "api-2")
SERVERS = ("server-1", "server-2")
SERVICES = "services"
STORES = ("redis", "postgresql")


class Balancer:
    """Passes connections on to one of the backends that answer, in turn."""

    def __init__(self, backends: Sequence[int]) -> None:
        self._backends = itertools.cycle(backends)
        self._count = len(backends)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        with closing(client):
            for _ in range(self._count):
                try:
                    server = socket.create_connection(("127.0.0.1", next(self._backends)), timeout=2)
                except OSError:
                    continue
                with closing(server), suppress(OSError):
                    server.settimeout(None)
                    _both_ways(client, server)
                return


def _both_ways(one: socket.socket, other: socket.socket) -> None:
    """Copy bytes between two sockets until one of them ends."""
    partner = {one: other, other: one}
    while True:
        for ready in select.select([one, other], [], [])[0]:
            data = ready.recv(65536)
            if not data:
                return
            partner[ready].sendall(data)


class Redis:
    """A Redis that writes down every change, as the one in `deployments/compose.yaml` does."""

    def __init__(self, folder: Path) -> None:
        """Start it in this folder."""
        self._folder, self._port = folder, free_port()
        self._folder.mkdir(parents=True)
        self.url = f"redis://127.0.0.1:{self._port}"
        self.start()

    def start(self) -> None:
        """Start the server, and wait until it listens."""
        options = {
            "port": self._port,
            "bind": "127.0.0.1",
            "dir": self._folder,
            "save": "",
            "appendonly": "yes",
        }
        command = [
            "redis-server",
            *(str(word) for key, value in options.items() for word in (f"--{key}", value)),
        ]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        wait_until(lambda: _listens(self._port), 20, (self._folder / "log").read_text)

    def kill(self) -> None:
        """Kill it, with SIGKILL."""
        self._process.kill()
        self._process.wait()


class BalancedServers(PrefectServer):
    """Two Prefect servers behind a balancer, and their background services in a process of their own."""

    def __init__(self, folder: Path, database_url: str, redis_url: str) -> None:
        super().__init__(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.ports = {name: free_port() for name in SERVERS}
        self.balancer = Balancer(list(self.ports.values()))
        self.port = self.balancer.port
        self._database_url = database_url
        self._redis_url = redis_url
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def environment(self) -> dict[str, str]:
        """What `docs/operation/settings.md` asks for: the same for servers, services and workers."""
        return super().environment | {
            "PREFECT_API_DATABASE_CONNECTION_URL": self._database_url,
            "PREFECT_SERVER_DATABASE_MIGRATE_ON_START": "false",
            "PREFECT_SERVER_DATABASE_SQLALCHEMY_POOL_SIZE": "4",
            "PREFECT_SERVER_DATABASE_SQLALCHEMY_MAX_OVERFLOW": "4",
            "PREFECT_SERVER_EVENTS_MESSAGING_BROKER": "prefect_redis.messaging",
            "PREFECT_SERVER_EVENTS_MESSAGING_CACHE": "prefect_redis.messaging",
            "PREFECT_SERVER_EVENTS_CAUSAL_ORDERING": "prefect_redis.ordering",
            "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect_redis.lease_storage",
            "PREFECT_REDIS_MESSAGING_URL": f"{self._redis_url}/0",
            "PREFECT_SERVER_DOCKET_URL": f"{self._redis_url}/1",
        }

    def start(self, wait: bool = True) -> None:
        """Migrate Prefect's database once, then start servers and services."""
        del wait
        self._run("server", "database", "upgrade", "-y")
        for name in (*SERVERS, SERVICES):
            self.start_one(name)
            # The first server fills an empty database with the types of blocks; two at a time get in each other's
            # way, and one of them stops. Who watches over them starts it again; a test has no time for that.
            if name in self.ports:
                wait_until(lambda port=self.ports[name]: _listens(port), 120, self.logs)
        wait_until(self.answers, 30, self.logs)

    def start_one(self, name: str) -> None:
        """Start a server or the services."""
        words = ["server", "services", "start"]
        if name in self.ports:
            words = [
                "server",
                "start",
                "--no-services",
                "--host",
                "127.0.0.1",
                "--port",
                str(self.ports[name]),
            ]
        with (self.folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [sys.executable, "-m", "prefect", *words],
                env=self._environment_of(name),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def runs_now(self, name: str) -> bool:
        """Whether a server or the services live."""
        return self._processes[name].poll() is None

    def kill_one(self, name: str) -> None:
        """Kill a server or the services, with SIGKILL."""
        kill_tree(self._processes[name].pid)
        self._processes[name].wait()

    def kill(self) -> None:
        """Kill all of them."""
        for name in self._processes:
            self.kill_one(name)
        self.balancer.close()

    def logs(self) -> str:
        """Return the ends of the logs, for a failing test."""
        return "\n".join(
            f"--- {log.name}\n{log.read_text()[-3000:]}" for log in sorted(self.folder.glob("*.log"))
        )

    def _environment_of(self, name: str) -> dict[str, str]:
        return self.environment | {"PREFECT_HOME": str(self.folder / name)}

    def _run(self, *words: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "prefect", *words],
            env=self._environment_of("migrate"),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


@dataclass
class Cluster:
    """All of it: stores, servers, workers and APIs on one database of cases."""

    folder: Path
    servers: BalancedServers = field(init=False)
    shop: Workshop = field(init=False)
    api_ports: dict[str, int] = field(default_factory=lambda: {name: free_port() for name in APIS})
    _nursery: Nursery = field(init=False)
    _postgresql: PostgreSQL = field(init=False)
    _redis: Redis = field(init=False)

    def start(self) -> None:
        """Make the databases and start every process."""
        self._postgresql, self._redis = PostgreSQL(), Redis(self.folder / "redis")
        cases, engine = self._postgresql.create("zaken"), self._postgresql.create("prefect")
        self.servers = BalancedServers(
            self.folder / "prefect", engine.replace("postgresql", "postgresql+asyncpg"), self._redis.url
        )
        self.servers.start()
        self._nursery = Nursery(self.servers)
        self.shop = Workshop(
            self.servers,
            self._nursery,
            self.folder / "home",
            {
                "ROUTEKAART_DATABASE_URL": cases,
                "ROUTEKAART_DEPLOY_ON_START": "false",
                "ROUTEKAART_WORKER_CONCURRENCY": "2",
                "ROUTEKAART_LEASE_SECONDS": "20",
                "ROUTEKAART_LOG_LEVEL": "warning",
            },
        )
        assert self.shop.office
        self.shop.command("deploy")
        for name in (*WORKERS, *APIS):
            self.start_one(name)
        for port in self.api_ports.values():
            wait_until(lambda port=port: _listens(port), 60, self.shop.logs)

    def start_one(self, name: str) -> None:
        """Start any process by its name."""
        if name in WORKERS:
            self.shop.start(name, "worker", ROUTEKAART_WORKER_NAME=name)
        elif name in APIS:
            self.shop.start(name, "api", ROUTEKAART_API_PORT=str(self.api_ports[name]))
        elif name in STORES:
            (self._redis if name == "redis" else self._postgresql).start()
        else:
            self.servers.start_one(name)

    def kill_one(self, name: str) -> None:
        """Kill any process by its name, with SIGKILL; PostgreSQL as a crash does."""
        if name in self.shop.pids:
            self.shop.kill(name)
        elif name == "redis":
            self._redis.kill()
        elif name == "postgresql":
            self._postgresql.stop("immediate")
        else:
            self.servers.kill_one(name)

    def kill_and_start_again(self, name: str, after: float = 5.0) -> None:
        """Kill a process, and start it again after these seconds, as whoever watches over it does."""
        self.kill_one(name)
        timer = threading.Timer(after, self.start_one, [name])
        timer.daemon = True
        timer.start()

    def stop(self) -> None:
        """End every process and drop the databases."""
        time.sleep(0.1)
        for step in (self._stop_shop, self._close_nursery, self._kill_servers, self._remove_stores):
            with suppress(AttributeError):  # it never started
                step()

    def _stop_shop(self) -> None:
        self.shop.stop()

    def _close_nursery(self) -> None:
        self._nursery.close()

    def _kill_servers(self) -> None:
        self.servers.kill()

    def _remove_stores(self) -> None:
        self._redis.kill()
        self._postgresql.remove()

    def logs(self) -> str:
        """Return the ends of all logs."""
        return self.servers.logs() + self.shop.logs()

    def shown(self) -> dict[str, dict[str, Any]]:
        """Return every flow run that shows a process."""
        with self.shop.office.engine.connect() as connection:
            ids = [row[0] for row in connection.exec_driver_sql("SELECT flow_run_id FROM processes")]
        return self.servers.runs([found for found in ids if found])

    def at_rest(self) -> bool:
        """Whether no process waits to be shown."""
        with self.shop.office.engine.connect() as connection:
            query = (
                "SELECT count(*) FROM processes WHERE (attention AND NOT finished) OR leased_by IS NOT NULL"
            )
            return connection.exec_driver_sql(query).scalar() == 0


def reason_to_skip() -> str | None:
    """Return what is missing on this machine for a cluster; None when it can run."""
    try:
        import asyncpg  # noqa: PLC0415
        import prefect_redis  # noqa: PLC0415
    except ImportError as error:
        return f"no {error.name}: install routekaart[cluster]"
    assert asyncpg
    assert prefect_redis
    if shutil.which("redis-server") is None or postgresql_programs() is None:
        return "no redis-server or no PostgreSQL on this machine"
    return None


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
