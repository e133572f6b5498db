"""Events through the HTTP API on PostgreSQL: how many a second, at what cost of CPU, and how long each takes at a rate.

    python tests/benchmarks/api_latency.py [--processes 2] [--at-once 40] [--events 2000] [--rate 200] [--seconds 10]

The API runs in processes of its own, each on its port; requests go to them in turn. First as many at a time as asked,
each as soon as an earlier one was answered. Then on a fixed schedule, whether or not earlier ones were answered: each
is measured from the moment at which it was due, so that a slow moment is not hidden. On a machine that does other work
as well the CPU counts: of the API and of the backends of PostgreSQL, the client not among them.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import sys
import time
import uuid
from contextlib import ExitStack
from typing import TYPE_CHECKING

import httpx
from accepted import backends, cpu
from measuring import Line, free_port, home_with_keys, percentile, postgres_database, process, report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psutil import Process

EVENTS = ("aanmelding_geregistreerd", "bedreigend", "afspraak_gemaakt", "eerste_gesprek_gevoerd")
WANTED_RATE, WANTED_P95 = 500.0, 25.0


class _Api:
    """Some processes of the API, asked in turn, and how long each answer took."""

    def __init__(self, addresses: Sequence[str], key: str, url: str, processes: Sequence[Process]) -> None:
        limits = httpx.Limits(max_connections=100, max_keepalive_connections=100)
        headers = {"X-API-Key": key}
        self.clients = [
            httpx.AsyncClient(base_url=one, headers=headers, limits=limits, timeout=60) for one in addresses
        ]
        self._turn = itertools.cycle(self.clients)
        self._url, self._processes = url, processes
        self.took: list[float] = []

    async def open(self) -> str:
        answer = await next(self._turn).post("/v1/zaken", json={"mijlpaal": "M3"})
        answer.raise_for_status()
        return str(answer.json()["zaak"])

    async def tell(self, case: str, event: str, due: float) -> None:
        key = {"Idempotency-Key": str(uuid.uuid4())}
        path = f"/v1/zaken/{case}/gebeurtenissen"
        answer = await next(self._turn).post(path, json={"gebeurtenis": event}, headers=key)
        answer.raise_for_status()
        self.took.append(time.perf_counter() - due)

    def used(self) -> tuple[float, float]:
        return sum(map(cpu, self._processes)), sum(map(cpu, backends(self._url)))


async def _measure(api: _Api, chosen: argparse.Namespace) -> list[Line]:
    room = asyncio.Semaphore(chosen.at_once)

    async def open_one() -> str:
        async with room:
            return await api.open()

    async def tell(case: str, event: str) -> None:
        async with room:
            await api.tell(case, event, time.perf_counter())

    number = chosen.events // len(EVENTS)
    cases = await asyncio.gather(*(open_one() for _ in range(number)))
    before, begin = api.used(), time.perf_counter()
    for event in EVENTS:
        await asyncio.gather(*(tell(case, event) for case in cases))
    seconds, done = time.perf_counter() - begin, number * len(EVENTS)
    own, served = (1000 * (after - start) / done for after, start in zip(api.used(), before, strict=True))
    what = (
        f"{chosen.processes} processes, {chosen.at_once} at a time; CPU {own:.1f} ms, PostgreSQL {served:.1f}"
    )
    lines = [_line(what, done / seconds, "/s", f"at least {WANTED_RATE:.0f}", done / seconds >= WANTED_RATE)]

    api.took.clear()
    count = int(chosen.rate * chosen.seconds)
    cases = await asyncio.gather(*(open_one() for _ in range(count // len(EVENTS) + 1)))
    before, begin, tasks = api.used(), time.perf_counter() + 1, []
    for place in range(count):
        due = begin + place / chosen.rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        step, which = divmod(place, len(cases))
        tasks.append(asyncio.create_task(api.tell(cases[which], EVENTS[step], due)))
    await asyncio.gather(*tasks)
    own, served = (1000 * (after - start) / count for after, start in zip(api.used(), before, strict=True))
    at = {share: 1000 * percentile(api.took, share) for share in (0.5, 0.95, 0.99)}
    what = f"at {chosen.rate:g}/s, p50 {at[0.5]:.1f}, p99 {at[0.99]:.1f} ms; CPU {own:.1f}, PostgreSQL {served:.1f}"
    lines.append(_line(f"p95 {what}", at[0.95], "ms", f"under {WANTED_P95:.0f} ms", at[0.95] < WANTED_P95))
    for client in api.clients:
        await client.aclose()
    return lines


def _line(what: str, figure: float, unit: str, wanted: str, met: bool) -> Line:
    return Line("api", f"{what}; load {os.getloadavg()[0]:.1f}", figure, unit, wanted=wanted, met=met)


def main() -> None:
    """Start the API, measure, and stop it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--at-once", type=int, default=40)
    parser.add_argument("--events", type=int, default=2000)
    parser.add_argument("--rate", type=float, default=200)
    parser.add_argument("--seconds", type=float, default=10)
    chosen = parser.parse_args()
    home = home_with_keys()
    with postgres_database() as url, ExitStack() as running:
        environment = os.environ | {"ROUTEKAART_HOME": str(home), "ROUTEKAART_DATABASE_URL": url}
        environment["ROUTEKAART_API_REQUESTS_PER_SECOND"] = "100000"
        started, addresses = [], []
        for number in range(chosen.processes):
            port = free_port()
            own = environment | {"ROUTEKAART_API_PORT": str(port)}
            command = (sys.executable, "-m", "deployments.cli", "api")
            started.append(
                running.enter_context(process(*command, log=home / f"api{number}.log", environment=own))
            )
            addresses.append(f"http://127.0.0.1:{port}")
            _until_it_answers(addresses[-1])
        key = (home / "api-sleutel").read_text()
        report(asyncio.run(_measure(_Api(addresses, key, url, started), chosen)))


def _until_it_answers(address: str) -> None:
    for _ in range(600):
        try:
            httpx.get(f"{address}/healthz", timeout=2).raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.2)
        else:
            return
    sys.exit(f"Nobody answers at {address}.")


if __name__ == "__main__":
    main()
