"""A PostgreSQL of our own, in a folder of its own, that a test may stop and start."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

import psycopg

from support.stack import free_port

_OTHER_USER = "postgres"  # PostgreSQL refuses to run as root


def postgresql_programs() -> Path | None:
    """Return the folder with initdb and pg_ctl; None where they are not installed."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return installed[-1].parent if installed else None


class Cluster:
    """One PostgreSQL server; `url` names its database."""

    def __init__(self) -> None:
        """Make the cluster and start it."""
        programs = postgresql_programs()
        assert programs is not None
        self._programs = programs
        self._folder = Path(tempfile.mkdtemp(prefix="routekaart-postgresql-"))
        self._port = free_port()
        if os.geteuid() == 0:
            shutil.chown(self._folder, _OTHER_USER)
        self._run("initdb", "-U", "routekaart", "-A", "trust", "--no-sync", "-E", "UTF8")
        self.start()

    def url(self, database: str = "postgres") -> str:
        """Return the address of a database."""
        return f"postgresql://routekaart@127.0.0.1:{self._port}/{database}"

    def create(self, database: str) -> str:
        """Make a database and give its address."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{database}"')
        return self.url(database)

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        options = f"-p {self._port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=300"
        self._run("pg_ctl", "-w", "-l", str(self._folder / "log"), "-o", options, "start")

    def stop(self, how: str = "immediate") -> None:
        """Stop the server; "immediate" is what a crash does, "fast" what an update does."""
        self._run("pg_ctl", "-w", "-m", how, "stop")

    def remove(self) -> None:
        """Stop the server and remove its folder."""
        with suppress(subprocess.CalledProcessError):  # it was stopped before
            self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), "-D", str(self._folder / "data"), *arguments]
        if os.geteuid() == 0:
            command = ["runuser", "-u", _OTHER_USER, "--", *command]
        # A server keeps what it inherits open for as long as it lives.
        subprocess.run(
            command,
            check=True,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
