"""What the benchmarks share: lines of a results table, databases and processes of their own."""

from __future__ import annotations

import json
import os
import platform
import socket
import sys
import tempfile
import uuid
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import psycopg

from adapters.runtime.settings import KEY_FILES, secret_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

REPOSITORY = Path(__file__).resolve().parents[2]
RESULTS = "ROUTEKAART_BENCHMARK_RESULTS"  # the file in which `all.py` collects the lines of each benchmark
POSTGRES = os.environ.get("ROUTEKAART_TEST_POSTGRESQL", "postgresql://root@127.0.0.1:5432/postgres")


def home_with_keys() -> Path:
    """Make a home folder with its keys: with a case database on a server none is made by itself."""
    home = Path(tempfile.mkdtemp(prefix="routekaart-bench-"))
    for name in KEY_FILES.values():
        secret_file(home / name)
    return home


@dataclass(frozen=True)
class Line:
    """One measured figure, beside that of a peer in the same run or beside a limit that was set in advance."""

    benchmark: str
    what: str
    figure: float
    unit: str
    peer: str = ""
    ratio: float | None = None
    wanted: str = ""
    met: bool | None = None


def report(lines: Sequence[Line]) -> None:
    """Print lines as a Markdown table, and add them to the results of `all.py` when it runs this."""
    print(markdown(lines))
    if collected := os.environ.get(RESULTS):
        with Path(collected).open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(asdict(line), ensure_ascii=False) + "\n" for line in lines)


def markdown(lines: Sequence[Line]) -> str:
    """Return lines as a Markdown table."""
    rows = ["| benchmark | what | figure | beside | wanted | met |", "| --- | --- | ---: | --- | --- | --- |"]
    for line in lines:
        beside = f"{line.ratio:.1f} x {line.peer}" if line.ratio is not None else line.peer
        met = {True: "yes", False: "no", None: ""}[line.met]
        rows.append(
            f"| {line.benchmark} | {line.what} | {_short(line.figure)} {line.unit} | {beside} "
            f"| {line.wanted} | {met} |"
        )
    return "\n".join(rows)


def _short(figure: float) -> str:
    """Return three significant digits, and whole numbers above a hundred."""
    if abs(figure) >= 100 or figure == int(figure):
        return f"{figure:,.0f}"
    return f"{figure:.3g}"


def machine() -> str:
    """Say on what this was measured."""
    memory = psutil.virtual_memory().total / 2**30
    return f"{os.cpu_count()} cores, {memory:.0f} GB, Python {platform.python_version()}, {platform.system()}"


@contextmanager
def postgres_database() -> Iterator[str]:
    """Yield the URL of a new PostgreSQL database that is dropped at the end."""
    name = f"routekaart_bench_{uuid.uuid4().hex[:8]}"
    try:
        connection = psycopg.connect(POSTGRES, autocommit=True)
    except psycopg.OperationalError:
        sys.exit(f"This benchmark needs a PostgreSQL server: {POSTGRES} (ROUTEKAART_TEST_POSTGRESQL).")
    with connection:
        connection.execute(f'create database "{name}"')
        try:
            yield POSTGRES.rpartition("/")[0] + f"/{name}"
        finally:
            connection.execute(f'drop database "{name}" with (force)')


def free_port() -> int:
    """Ask the machine for a port that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def process(*command: str, log: Path, environment: dict[str, str] | None = None) -> Iterator[psutil.Process]:
    """Run a command, and end it."""
    with log.open("w") as output:
        started = psutil.Popen(
            list(command), stdout=output, stderr=output, cwd=REPOSITORY, env=environment or os.environ
        )
        try:
            yield started
        finally:
            started.terminate()
            try:
                started.wait(30)
            except psutil.TimeoutExpired:
                started.kill()


def cpu_seconds(root: psutil.Process) -> float:
    """Add up the CPU time of a process and of all that it started, ended children included."""
    total = 0.0
    for one in [root, *root.children(recursive=True)]:
        try:
            total += sum(one.cpu_times()[:4])
        except psutil.NoSuchProcess:
            continue
    return total


def percentile(figures: Sequence[float], share: float) -> float:
    """Return the figure under which this share of all figures lies."""
    ordered = sorted(figures)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
