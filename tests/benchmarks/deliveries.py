"""How long a delivery of so many vroegsignalen takes, and how much memory: over the HTTP API and by the command.

    python tests/benchmarks/deliveries.py [signals] [--by api|command] [--on sqlite|postgresql] [--wanted SECONDS]

Of every three signals two are of one person. The delivery comes twice; the second time must change nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import psutil
from measuring import Line, free_port, home_with_keys, postgres_database, process, report
from sqlalchemy import MetaData, func, select

from adapters.storage.database import create_engine

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMAND = (sys.executable, "-m", "deployments.cli")


def delivery(count: int) -> Iterator[bytes]:
    """Yield a delivery piece by piece; the BSN are made up and fail the eleven test."""
    head = {
        "codeGegevensleverancier": "MEETPROEF",
        "startdatumLevering": "2026-01-01",
        "einddatumLevering": "2026-01-31",
        "aanleverdatumEnTijd": "2026-02-02T08:00:00Z",
    }
    yield json.dumps(head)[:-1].encode() + b', "leveringen": [{"teller": 1, "gemeentecode": "9901", '
    yield b'"aanleverendeOrganisatie": {"naam": "Proef"}, "vroegsignalen": ['
    for number in range(count):
        signal = {
            "ID": f"M-{number}",
            "crisissignaal": number % 50 == 0,
            "warmeOverdracht": False,
            "bedrag": 100 + number % 900,
            "ontstaansdatum": "2025-12-10",
            "signaaldatum": "2026-01-05",
            "status": "Nog niet opgepakt",
            "signaalpartner": {"type": "Energie" if number % 2 else "Huur"},
            "client": {"burgerservicenummer": f"9{number * 2 // 3:08}", "achternaam": "Zandkasteel"},
        }
        yield (b"," if number else b"") + json.dumps(signal).encode()
    yield b"]}]}"


@contextmanager
def api(home: Path, environment: dict[str, str]) -> Iterator[tuple[psutil.Process, httpx.Client]]:
    """Yield the API as a process of its own, and a client of it."""
    port = free_port()
    environment = environment | {"ROUTEKAART_API_PORT": str(port)}
    with process(*COMMAND, "api", log=home / "api.log", environment=environment) as started:
        url = f"http://127.0.0.1:{port}"
        for _ in range(600):
            try:
                httpx.get(f"{url}/healthz").raise_for_status()
                break
            except httpx.HTTPError:
                time.sleep(0.2)
        key = (home / "api-sleutel").read_text()
        with httpx.Client(base_url=url, headers={"X-API-Key": key}, timeout=7200) as client:
            yield started, client


def by_api(home: Path, file: Path, environment: dict[str, str]) -> Iterator[tuple[list[str], float, float]]:
    """Deliver twice over the API; give each time what became of the signals, the seconds and the memory."""
    with api(home, environment) as (server, client):
        before = server.memory_info().rss
        for _ in range(2):
            began = time.perf_counter()
            with file.open("rb") as content:
                answer = client.post(
                    "/v1/vroegsignalen", content=content, headers={"Content-Type": "application/json"}
                )
            took = time.perf_counter() - began
            answer.raise_for_status()
            results = [line["resultaat"] for line in answer.json()["vroegsignalen"]]
            high = int(Path(f"/proc/{server.pid}/status").read_text().split("VmHWM:")[1].split()[0])
            yield results, took, high / 1024 - before / 2**20


def by_command(
    home: Path, file: Path, environment: dict[str, str]
) -> Iterator[tuple[list[str], float, float]]:
    """Import twice with the command; give each time what became of the signals, the seconds and the memory."""
    for _ in range(2):
        began = time.perf_counter()
        with (home / "verslag.txt").open("w") as out:
            started = subprocess.Popen(
                [*COMMAND, "importeer", "vroegsignalen", str(file)],
                env=environment,
                stdout=out,
                stderr=subprocess.DEVNULL,
            )
            _, status, used = os.wait4(started.pid, 0)
        took = time.perf_counter() - began
        assert status == 0
        lines = (home / "verslag.txt").read_text().splitlines()[1:-1]
        yield [line.partition(": ")[2].partition(" FZ")[0] for line in lines], took, used.ru_maxrss / 1024


def rows(url: str) -> dict[str, int]:
    """Count the rows of every table."""
    engine, tables = create_engine(url), MetaData()
    tables.reflect(engine)
    with engine.connect() as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in tables.sorted_tables
        }


def main() -> None:
    """Deliver twice and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("signals", nargs="?", type=int, default=5_000)
    parser.add_argument("--by", choices=("api", "command"), default="api")
    parser.add_argument("--on", choices=("sqlite", "postgresql"), default="postgresql")
    parser.add_argument("--wanted", type=float, default=60.0, help="seconds for the first time")
    asked = parser.parse_args()
    home = home_with_keys()
    file = home / "levering.json"
    with file.open("wb") as out:
        out.writelines(delivery(asked.signals))
    sqlite = nullcontext(f"sqlite:///{home / 'zaken.db'}")
    with sqlite if asked.on == "sqlite" else postgres_database() as url:
        environment = os.environ | {"ROUTEKAART_HOME": str(home), "ROUTEKAART_DATABASE_URL": url}
        measured, kept = [], []
        for results, took, memory in (by_api if asked.by == "api" else by_command)(home, file, environment):
            assert len(results) == asked.signals
            measured.append((Counter(results), took, memory))
            kept.append(rows(url))
    (first, took, memory), (_, again, _) = measured
    assert kept[0] == kept[1], "the second time changed something"
    how = f"{asked.signals:,} signals by {asked.by} on {asked.on} ({file.stat().st_size / 1e6:.0f} MB)"
    outcome = ", ".join(f"{count} {result}" for result, count in first.items())
    report(
        [
            Line(
                "deliveries",
                f"{how}: {outcome}",
                took,
                "s",
                wanted=f"{asked.wanted:g}",
                met=took <= asked.wanted,
            ),
            Line("deliveries", "signals a second", asked.signals / took, "/s"),
            Line("deliveries", "the same delivery again: nothing changed", again, "s"),
            Line(
                "deliveries", "memory: " + ("more than at rest" if asked.by == "api" else "all"), memory, "MB"
            ),
        ]
    )


if __name__ == "__main__":
    main()
