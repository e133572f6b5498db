"""How long a delivery of so many vroegsignalen takes through the HTTP API, and how much memory.

    python tests/benchmarks/deliveries.py [signals] [database url]

Half of the signals are of people who turn up twice.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator

PORT = 4650


def delivery(count: int) -> Iterator[bytes]:
    """Give a delivery piece by piece; the BSN are made up and fail the eleven test."""
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


def main() -> None:
    """Start the API, deliver, and print figures."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000
    home = Path(tempfile.mkdtemp())
    environment = os.environ | {"ROUTEKAART_HOME": str(home), "ROUTEKAART_API_PORT": str(PORT)}
    if len(sys.argv) > 2:
        environment["ROUTEKAART_DATABASE_URL"] = sys.argv[2]
    api = subprocess.Popen(
        [sys.executable, "-m", "deployments.cli", "api"], env=environment, stderr=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{PORT}"
    try:
        for _ in range(100):
            try:
                httpx.get(f"{url}/healthz").raise_for_status()
                break
            except httpx.HTTPError:
                time.sleep(0.2)
        key = (home / "api-sleutel").read_text()
        process = psutil.Process(api.pid)
        before = process.memory_info().rss
        began = time.perf_counter()
        answer = httpx.post(
            f"{url}/v1/vroegsignalen",
            content=delivery(count),
            headers={"X-API-Key": key, "Content-Type": "application/json"},
            timeout=3600,
        )
        took = time.perf_counter() - began
        answer.raise_for_status()
        lines = answer.json()["vroegsignalen"]
        results = {line["resultaat"] for line in lines}
        peak = int(Path(f"/proc/{api.pid}/status").read_text().split("VmHWM:")[1].split()[0]) / 1024
        print(
            f"{count} signals in {took:.1f} s, {count / took:.0f} a second; answered {len(lines)}: {results}"
        )
        print(f"memory before {before / 2**20:.0f} MB, peak {peak:.0f} MB")
        print(f"this client used {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
    finally:
        api.kill()


if __name__ == "__main__":
    main()
