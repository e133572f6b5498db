"""How long an accepted event takes through the HTTP API, at so many a second: p50, p95 and p99.

    python tests/benchmarks/api_latency.py [events a second] [seconds] [url of an empty database]

The API runs as a process of its own. Requests leave on a fixed schedule, whether or not earlier ones have
been answered, and each is measured from the moment it was due, so that a slow moment is not hidden.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
import uuid

import httpx
import psutil
from measuring import free_port, home_with_keys

EVENTS = ("aanmelding_geregistreerd", "bedreigend", "afspraak_gemaakt", "eerste_gesprek_gevoerd")


async def measure(url: str, key: str, rate: float, seconds: float, process: psutil.Process) -> None:
    """Open cases, then report their events on schedule, and print the figures."""
    headers = {"X-API-Key": key}
    limits = httpx.Limits(max_connections=50, max_keepalive_connections=50)
    count = int(rate * seconds)
    async with httpx.AsyncClient(base_url=url, headers=headers, limits=limits, timeout=60) as api:
        cases = []
        for _ in range(count // len(EVENTS) + 1):
            opened = await api.post("/v1/zaken", json={"mijlpaal": "M3"})
            cases.append(opened.json()["zaak"])
        took: list[float] = []
        failed: list[str] = []

        async def report(number: int, due: float) -> None:
            step, place = divmod(number, len(cases))
            answer = await api.post(
                f"/v1/zaken/{cases[place]}/gebeurtenissen",
                json={"gebeurtenis": EVENTS[step]},
                headers={"Idempotency-Key": str(uuid.uuid4())},
            )
            took.append(time.perf_counter() - due)
            if answer.status_code != 201:
                failed.append(answer.text)

        used = sum(process.cpu_times()[:2])
        began = time.perf_counter() + 1
        tasks = []
        for number in range(count):
            due = began + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            tasks.append(asyncio.create_task(report(number, due)))
        await asyncio.gather(*tasks)
    used = sum(process.cpu_times()[:2]) - used
    print(f"the API used {used / count * 1000:.1f} ms of CPU for each event; load {os.getloadavg()[0]:.1f}")
    took.sort()
    at = {
        name: took[int(len(took) * part)] * 1000
        for name, part in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
    }
    figures = ", ".join(f"{name} {value:.1f} ms" for name, value in at.items())
    print(
        f"{count} events at {rate:.0f} a second: {figures}, max {took[-1] * 1000:.1f} ms; {len(failed)} bad"
    )
    if failed:
        print(failed[0])


def main() -> None:
    """Start the API, measure, and stop it."""
    rate = float(sys.argv[1]) if len(sys.argv) > 1 else 50
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 20
    home, port = home_with_keys(), free_port()
    environment = os.environ | {"ROUTEKAART_HOME": str(home), "ROUTEKAART_API_PORT": str(port)}
    environment["ROUTEKAART_API_REQUESTS_PER_SECOND"] = "10000"
    if len(sys.argv) > 3:
        environment["ROUTEKAART_DATABASE_URL"] = sys.argv[3]
    api = subprocess.Popen(
        [sys.executable, "-m", "deployments.cli", "api"], env=environment, stderr=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(200):
            try:
                httpx.get(f"{url}/healthz").raise_for_status()
                break
            except httpx.HTTPError:
                time.sleep(0.2)
        asyncio.run(measure(url, (home / "api-sleutel").read_text(), rate, seconds, psutil.Process(api.pid)))
    finally:
        api.kill()


if __name__ == "__main__":
    main()
