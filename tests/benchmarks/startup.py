"""From nothing to a running routekaart: installing, the first start, the next start, and the memory of each process.

    python tests/benchmarks/startup.py [--no-install]

Installs into a new virtual environment, as the README says. How long that takes hangs on the package index.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import psutil
from measuring import REPOSITORY, Line, free_port, report

WANTED_START = 60.0
NAMES = {
    "prefect_server": "Prefect's server",
    "api": "the API",
    "worker": "the worker",
    "start": "routekaart start",
}


def main() -> None:
    """Install, start twice, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-install", action="store_true", help="use the Python that runs this")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="routekaart-start-"))
    python, lines = sys.executable, []
    environment, where = dict(os.environ), REPOSITORY
    if not arguments.no_install:
        environment.pop("PYTHONPATH", None)  # what was installed is what starts
        where = folder
        python = str(folder / "venv/bin/python")
        begin = time.perf_counter()
        subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", str(REPOSITORY)], check=True)
        lines.append(
            Line("start", "installing in a new virtual environment", time.perf_counter() - begin, "s")
        )
    environment |= {
        "ROUTEKAART_HOME": str(folder / "home"),
        "ROUTEKAART_PREFECT_PORT": str(free_port()),
        "ROUTEKAART_API_PORT": str(free_port()),
    }
    for what in ("the first start, with new databases", "a next start"):
        seconds, memory = start(python, environment, where, folder / "start.log")
        lines.append(
            Line(
                "start", what, seconds, "s", wanted=f"under {WANTED_START:.0f} s", met=seconds < WANTED_START
            )
        )
    lines += [Line("memory", NAMES[name], megabytes, "MB") for name, megabytes in memory.items()]
    lines.append(Line("memory", "together", sum(memory.values()), "MB"))
    report(lines)


def start(python: str, environment: dict[str, str], where: Path, log: Path) -> tuple[float, dict[str, float]]:
    """Start routekaart, wait until it says that it runs, and stop it; give the seconds and each one's memory."""
    begin = time.perf_counter()
    with log.open("w") as output:
        process = subprocess.Popen(
            [python, "-m", "deployments.cli", "start"],
            env=environment,
            stdout=output,
            stderr=output,
            cwd=where,
        )
    try:
        while "Stop met Ctrl-C" not in log.read_text():
            if process.poll() is not None or time.perf_counter() - begin > 180:
                sys.exit(log.read_text())
            time.sleep(0.1)
        seconds = time.perf_counter() - begin
        time.sleep(10)  # what is loaded on first use is there by now
        httpx.get(f"http://127.0.0.1:{environment['ROUTEKAART_API_PORT']}/healthz", timeout=5)
        memory = {}
        whole = psutil.Process(process.pid)
        for one in [whole, *whole.children(recursive=True)]:
            words = " ".join(one.cmdline())
            name = next((name for name in NAMES if f" {name}" in words or f".{name}" in words), None)
            if name is not None:
                memory[name] = memory.get(name, 0.0) + one.memory_full_info().pss / 1e6
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)
    return seconds, memory


if __name__ == "__main__":
    main()
