"""`routekaart start` where people install it: homes of any name, behind a proxy, without IPv4, after a rollback."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from support.stack import ROUTEKAART, Stack, run, wait_until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.prefect

# A port where nobody listens: whoever asks this proxy gets nothing.
_PROXY = "http://127.0.0.1:9"
_ODD = "wat?nu #1 50% één"


def _ready(log: Path, process: subprocess.Popen[str]) -> bool:
    wait_until(lambda: "Ctrl-C" in log.read_text() or process.poll() is not None, 600, log.read_text)
    return process.poll() is None


def test_an_odd_home_behind_a_proxy_and_then_an_older_prefect(tmp_path: Path) -> None:
    """It starts and keeps all in the home; a database of a newer Prefect is refused, and replaced on request."""
    proxies = dict.fromkeys(("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"), _PROXY)
    stack = Stack(tmp_path / _ODD, extra=proxies | {"NO_PROXY": "localhost"})
    stack.start()
    reference = stack.run("open", "--mijlpaal", "M3").stdout.strip()
    with_server = wait_until(lambda: stack.run_of(reference), 60, stack.logs)
    assert stack.run("controleer").returncode == 0
    assert stack.stop() == 0
    assert {path.name for path in tmp_path.iterdir()} == {_ODD, f"{_ODD}-start.log"}
    assert (stack.home / "prefect" / "prefect.db").exists()

    with closing(sqlite3.connect(stack.home / "prefect" / "prefect.db")) as database:
        database.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
        database.commit()
    refused = run("start", environment=stack.environment, check=False)
    assert refused.returncode == 2
    assert "nieuwere Prefect" in refused.stderr
    assert "--nieuwe-prefect" in refused.stderr
    assert refused.stderr.count("\n") == 1
    checked = run("controleer", environment=stack.environment, check=False)
    assert checked.returncode == 1
    assert "nieuwere Prefect" in checked.stderr

    log = tmp_path / "opnieuw.log"
    process = subprocess.Popen(
        [*ROUTEKAART, "start", "--nieuwe-prefect"],
        env=stack.environment,
        stdout=log.open("w"),
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        assert _ready(log, process), log.read_text()
        again = wait_until(lambda: stack.run_of(reference), 60, stack.logs)
        assert again["id"] != with_server["id"]
        assert list((stack.home / "prefect").glob("prefect.db.2*"))
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def test_loopback_without_ipv4(tmp_path: Path) -> None:
    """On a machine whose only loopback is ::1 everything starts and answers there."""
    if os.geteuid() or shutil.which("unshare") is None or shutil.which("ip") is None:
        pytest.skip("no network of its own for a test on this machine")
    log = tmp_path / "start.log"
    program = f"""
ip link set lo up; ip addr del 127.0.0.1/8 dev lo
exec {sys.executable} -m deployments.cli start
"""
    environment = Stack(tmp_path / "home").environment
    process = subprocess.Popen(
        ["unshare", "-n", "sh", "-c", program],
        env=environment,
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
            [*inside, "controleer"], env=environment, capture_output=True, text=True, check=False
        )
        assert checked.returncode == 0, checked.stderr
        opened = subprocess.run(
            [*inside, "open", "--mijlpaal", "M3"], env=environment, capture_output=True, text=True, check=True
        )
        worker = tmp_path / "home" / "logs" / "worker.log"
        assert opened.stdout.strip()
        wait_until(lambda: "Wacht op registratie" in worker.read_text(), 60, worker.read_text)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)
