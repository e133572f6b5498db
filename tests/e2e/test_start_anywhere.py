"""`routekaart start` where people install it: homes of any name, behind a proxy, without IPv4, after a rollback.

The fixture `stack` itself lives in a home of an odd name behind a dead proxy.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import prefect
import pytest
from support.stack import ROUTEKAART, Stack, run, wait_until

pytestmark = pytest.mark.prefect


def _ready(log: Path, process: subprocess.Popen[str]) -> bool:
    wait_until(lambda: "Ctrl-C" in log.read_text() or process.poll() is not None, 600, log.read_text)
    return process.poll() is None


def test_an_odd_home_behind_a_proxy_keeps_all_that_there_is(stack: Stack) -> None:
    """Its own commands find the server past the proxy, and nothing stands beside the home."""
    said = stack.run("controleer", check=False).stderr
    assert "antwoordt niet" not in said
    assert "Prefect" not in said
    assert {path.name for path in stack.home.parent.iterdir()} == {
        stack.home.name,
        f"{stack.home.name}-start.log",
    }
    with closing(sqlite3.connect(stack.home / "prefect" / "prefect.db")) as database:
        assert database.execute("SELECT count(*) FROM deployment").fetchone()[0]


def test_loopback_without_ipv4_after_a_newer_prefect(tmp_path: Path) -> None:
    """A database of a newer Prefect is refused; on request all starts without it, where the only loopback is ::1.

    Nobody may write where Prefect is installed, as in a container: its pages are there all the same.
    """
    if os.geteuid() or shutil.which("unshare") is None or shutil.which("ip") is None:
        pytest.skip("no network of its own for a test on this machine")
    stack = Stack(tmp_path / "home")
    reference = stack.open("M3")
    _left_by_a_newer_prefect(stack)
    refused = run("start", environment=stack.environment, check=False)
    assert refused.returncode == 2
    assert "nieuwere Prefect" in refused.stderr
    assert "--nieuwe-prefect" in refused.stderr
    assert refused.stderr.count("\n") == 1

    log = tmp_path / "start.log"
    installed = Path(prefect.__file__).parent
    program = f"""
ip link set lo up; ip addr del 127.0.0.1/8 dev lo
mount --bind {installed} {installed}; mount -o remount,ro,bind {installed}
exec {sys.executable} -m deployments.cli start --nieuwe-prefect
"""
    process = subprocess.Popen(
        ["unshare", "-n", "-m", "sh", "-c", program],
        env=stack.environment,
        stdout=log.open("w"),
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        assert _ready(log, process), log.read_text()
        assert "http://[::1]:" in log.read_text()
        inside = ["nsenter", "-t", str(process.pid), "-n", *ROUTEKAART]
        checked = subprocess.run(
            [*inside, "controleer"], env=stack.environment, capture_output=True, text=True, check=False
        )
        assert checked.returncode == 0, checked.stderr
        assert "geen pagina's" not in log.read_text()
        assert (stack.home / "prefect" / "ui" / "v2" / "index.html").exists()
        worker = stack.home / "logs" / "worker.log"
        wait_until(lambda: f"{reference}" in worker.read_text(), 60, worker.read_text)
        wait_until(lambda: "Wacht op registratie" in worker.read_text(), 60, worker.read_text)
        assert list((stack.home / "prefect").glob("prefect.db.2*"))
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def _left_by_a_newer_prefect(stack: Stack) -> None:
    """Leave a database of Prefect that no release of now knows, and a case that has its run there."""
    (stack.home / "prefect").mkdir()
    with closing(sqlite3.connect(stack.home / "prefect" / "prefect.db")) as database, database:
        database.execute("CREATE TABLE alembic_version (version_num)")
        database.execute("INSERT INTO alembic_version VALUES ('ffffffffffff')")
    with stack.cases.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE processes SET flow_run_id = ?, runs_made = 1, attention = false", (str(uuid4()),)
        )
